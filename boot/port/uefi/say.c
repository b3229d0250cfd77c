/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/say.c - lines for a person on the firmware's console.
 *
 * A console that fails is no reason not to boot: nothing is returned.
 */
#include "boot/port/uefi/say.h"

enum { PIECE = 64 };

void vs_say(const struct efi_system *system, const char *text)
{
	uint16_t piece[PIECE + 1];
	size_t len = 0;

	if (!system->out)
		return;
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (len > PIECE - 2) {
			piece[len] = 0;
			(void)system->out->output(system->out, piece);
			len = 0;
		}
		if (text[i] == '\n')
			piece[len++] = '\r';
		piece[len++] = (uint8_t)text[i];
	}
	piece[len] = 0;
	(void)system->out->output(system->out, piece);
}

void vs_say_number(const struct efi_system *system, uint64_t n)
{
	char digits[21];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	vs_say(system, digits + at);
}

void vs_say_hex(const struct efi_system *system, uint64_t n)
{
	char digits[17];

	for (int i = 0; i < 16; i++)
		digits[i] = "0123456789abcdef"[n >> (60 - 4 * i) & 15];
	digits[16] = '\0';
	vs_say(system, digits);
}

void vs_say_line(const struct efi_system *system, const char *text)
{
	vs_say(system, "voltseal: ");
	vs_say(system, text);
	vs_say(system, "\n");
}

void vs_say_status(const struct efi_system *system, const char *what,
                   efi_status status)
{
	vs_say(system, "voltseal: ");
	vs_say(system, what);
	vs_say(system, ": firmware status ");
	vs_say_hex(system, status);
	vs_say(system, "\n");
}
