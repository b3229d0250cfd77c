# SPDX-License-Identifier: Apache-2.0
"""Deltas with one number of the units' lists changed, coded anew.

A flipped bit makes noise of all that follows it.  Here what follows stays
what it was, so that what both appliers say of one wrong number is compared.
"""
import second
from second_programs import Fault
from second_units import Units

M32 = (1 << 32) - 1


class Recorder(second.Coder):
    """Remembers each bit and its chance."""

    def __init__(self, data, at):
        super().__init__(data, at)
        self.bits, self.numbers = [], []

    def bit(self, one):
        """The next one."""
        self.bits.append((one, super().bit(one)))
        return self.bits[-1][1]


class Note:
    """A number, and where in the bits it is."""

    def __init__(self, model, value, begin, end):
        self.model, self.value, self.begin, self.end = (
            model, value, begin, end)
        self.name = None  # of the model, in class Units


class Noted(second.Number):
    """A number model that remembers what it gave."""

    def upto(self, most):
        """A number with a maximum."""
        begin = len(self.coder.bits)
        out = super().upto(most)
        self.coder.numbers.append(
            Note(self, out, begin, len(self.coder.bits)))
        return out


class Writer:
    """Section 2 the other way round; what it is told is what it reads."""

    def __init__(self, wanted):
        self.wanted, self.at = wanted, 0
        self.low, self.high, self.out = 0, M32, bytearray()

    def write(self, one, bit):
        """Codes a bit."""
        middle = self.low + ((self.high - self.low) * one >> 16)
        if bit:
            self.high = middle
        else:
            self.low = middle + 1
        while (self.low ^ self.high) < 1 << 24:
            self.out.append(self.high >> 24)
            self.low = self.low << 8 & M32
            self.high = self.high << 8 & M32 | 255
        return bit

    def bit(self, one):
        """Codes the next wanted bit; zeros behind the last one."""
        self.at += 1
        return self.write(one, self.wanted[self.at - 1]
                          if self.at <= len(self.wanted) else 0)


def bits_of(number):
    """Those of a number: section 3."""
    length = number.bit_length()
    return [length >> i & 1 for i in range(5, -1, -1)] + [
        number >> i & 1 for i in range(length - 2, -1, -1)]


def both_lists(coder, number, old_len):
    """The units of both images."""
    return [Units(coder, number, second.Tree, is_new, old_len)
            for is_new in (False, True)]


class Bender:
    """A delta whose numbers can be changed."""

    def __init__(self, old, delta):
        self.old_len, self.head = len(old), delta[:128]
        coder = Recorder(delta, 128)
        for units in both_lists(coder, Noted, len(old)):
            for name, model in vars(units).items():
                for number in coder.numbers:
                    if number.model is model:
                        number.name = name
        self.listed, self.numbers = len(coder.bits), coder.numbers
        coder = Recorder(delta, 128)
        for _ in second.in_units(old, coder, delta):
            pass
        self.bits = coder.bits

    def bend(self, number, value):
        """The delta with another value for one of .numbers."""
        bits = [bit for _, bit in self.bits[:self.listed]]
        writer = Writer(bits[:number.begin] + bits_of(value) +
                        bits[number.end:])
        try:
            both_lists(writer, second.Number, self.old_len)
        except Fault:
            pass
        for one, bit in self.bits[self.listed:]:
            writer.write(one, bit)
        return self.head + bytes(writer.out) + writer.low.to_bytes(4, "big")
