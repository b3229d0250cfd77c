# SPDX-License-Identifier: Apache-2.0
"""The YAML that docs/api/openapi.yaml is written in: maps and lists in blocks
and in flow, plain and quoted scalars, literal texts.  Whatever else there is
in YAML is an error."""
import re

PLAIN = re.compile(r"[^,\[\]{}:#]+(?::(?=\S)[^,\[\]{}#]*)*")


def scalar(text):
    """true, 12, "x", 'x' or a plain text."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if text in ("true", "false"):
        return text == "true"
    if text in ("null", "~", ""):
        return None
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    if text[0] in "&*!|>%@`\"'":
        raise ValueError(f"YAML that we do not read: {text}")
    return text


class Flow:
    """{a: [1, "b"]}"""

    def __init__(self, text):
        self.text = text
        self.at = 0

    def skip(self):
        """Blanks."""
        while self.at < len(self.text) and self.text[self.at] in " \n":
            self.at += 1

    def take(self, mark):
        """Whether the mark comes next; then it is behind us."""
        self.skip()
        found = self.text[self.at:self.at + 1] == mark
        self.at += found
        return found

    def word(self):
        """A scalar."""
        self.skip()
        m = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'').match(
            self.text, self.at) or PLAIN.match(self.text, self.at)
        if not m:
            raise ValueError(f"flow: {self.text[self.at:]!r}")
        self.at = m.end()
        return scalar(m.group().strip())

    def value(self):
        """A map, a list or a scalar."""
        if self.take("{"):
            out = {}
            while not self.take("}"):
                key = self.word()
                if not self.take(":"):
                    raise ValueError(f"flow: no colon in {self.text!r}")
                out[key] = self.value()
                self.take(",")
            return out
        if self.take("["):
            out = []
            while not self.take("]"):
                out.append(self.value())
                self.take(",")
            return out
        return self.word()


class Blocks:
    """Lines with their indentation."""

    def __init__(self, text):
        self.lines = text.split("\n")
        self.at = 0

    def peek(self):
        """(indentation, text) of the next line that says something."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and not line.lstrip().startswith("#"):
                return len(line) - len(line.lstrip()), line.strip()
            self.at += 1
        return -1, ""

    def literal(self, indent):
        """The lines of a '|'."""
        out = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            out.append(line)
            self.at += 1
        cut = min(len(x) - len(x.lstrip()) for x in out if x.strip())
        return "\n".join(x[cut:] for x in out).rstrip("\n") + "\n"

    def inline(self, text, indent):
        """What stands behind a colon or a dash."""
        if text == "|":
            return self.literal(indent)
        if text[:1] in "{[":
            while text.count("{") + text.count("[") > \
                    text.count("}") + text.count("]"):
                text += " " + self.lines[self.at].strip()
                self.at += 1
            return Flow(text).value()
        return scalar(text)

    def block(self, indent):
        """A map or a list at this indentation."""
        _, text = self.peek()
        return self.items(indent) if text.startswith("- ") or text == "-" \
            else self.members(indent)

    def items(self, indent):
        """A list."""
        out = []
        while (n := self.peek())[0] == indent and n[1].startswith("- "):
            rest = n[1][2:]
            if re.match(r"[\w$\"/.-]+:(?: |$)", rest):
                # a map whose first member stands behind the dash
                self.lines[self.at] = " " * (indent + 2) + rest
                out.append(self.members(indent + 2))
            else:
                self.at += 1
                out.append(self.inline(rest, indent))
        return out

    def members(self, indent):
        """A map."""
        out = {}
        while (n := self.peek())[0] == indent and not n[1].startswith("- "):
            m = re.match(r'("[^"]*"|[^\s:][^:]*(?::\S[^:]*)*):(?: (.*))?$',
                         n[1])
            if not m:
                raise ValueError(f"line {self.at + 1}: {n[1]}")
            key = str(scalar(m.group(1)) if m.group(1)[0] == '"'
                      else m.group(1))
            if key in out:
                raise ValueError(f"line {self.at + 1}: {key} is there twice")
            self.at += 1
            if m.group(2):
                out[key] = self.inline(m.group(2).strip(), indent)
            else:
                deeper = self.peek()[0]
                out[key] = self.block(deeper) if deeper > indent or (
                    deeper == indent and self.peek()[1].startswith("- ")
                ) else None
        return out


def load(text):
    """The whole document."""
    b = Blocks(text)
    out = b.block(0)
    if b.peek()[0] != -1:
        raise ValueError(f"line {b.at + 1}: {b.peek()[1]}")
    return out
