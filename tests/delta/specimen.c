/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/specimen.c - a program in two versions, for deltas to be made of.
 *
 * MORE adds functions at the front, so that everything behind them moves.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"kernel",    "rootfs", "gateway", "meter",
                                    "contactor", "socket", "cable",   "plug"};

#ifdef MORE
static int checked_sum(const int *in, size_t len)
{
	int sum = 0;

	for (size_t i = 0; i < len; i++) {
		if (in[i] < 0)
			fprintf(stderr, "negative: %d\n", in[i]);
		sum += in[i];
	}
	return sum;
}
#endif

#define ROUND(n)                                                               \
	static uint32_t round_##n(uint32_t x, const char *word)                \
	{                                                                      \
		for (size_t i = 0; word[i]; i++)                               \
			x = (x ^ (uint8_t)word[i]) * (UINT32_C(16777619) + n); \
		if (x % (n + 2) == 1)                                          \
			printf("%s %" PRIu32 "\n", word, x + n);               \
		return x ^ x >> (n % 13 + 3);                                  \
	}
/* clang-format off */
#define ROUNDS(n) \
	ROUND(n##0) ROUND(n##1) ROUND(n##2) ROUND(n##3) ROUND(n##4) \
	ROUND(n##5) ROUND(n##6) ROUND(n##7) ROUND(n##8) ROUND(n##9)
ROUNDS(1) ROUNDS(2) ROUNDS(3) ROUNDS(4) ROUNDS(5) ROUNDS(6) ROUNDS(7)

typedef uint32_t (*round_fn)(uint32_t x, const char *word);
#define ROW(n) round_##n,
#define ROWS(n) \
	ROW(n##0) ROW(n##1) ROW(n##2) ROW(n##3) ROW(n##4) \
	ROW(n##5) ROW(n##6) ROW(n##7) ROW(n##8) ROW(n##9)
static round_fn table[] = {
	ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7)
};
/* clang-format on */

int main(int argc, char **argv)
{
	uint32_t x = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		x = table[i](x, words[x % 8]);
#ifdef MORE
	x += (uint32_t)checked_sum((const int[]){1, 2, argc}, 3);
#endif
	printf("%" PRIu32 "\n", x);
	return 0;
}
