/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/replay.c - run a fuzz target over its corpus without a fuzzer.
 *
 * replay PATH...  A file is run as it is.  A folder's files are run in the
 * order of their names, then mutants of them, always the same ones in the
 * same order, for about two seconds.  When the target dies, the input it died
 * of is named on stderr and kept as fuzz-crash.bin.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEEDS_MAX 512
#define SEED_LEN_MAX (256u * 1024u)
#define MUTANTS_MAX 200000u
#define MUTATE_MS 2000

struct seed {
	char *name;
	uint8_t *data;
	size_t len;
};

struct corpus {
	struct seed seeds[SEEDS_MAX];
	size_t count;
};

/* What runs now, for the signal handler. */
static const uint8_t *now_data;
static size_t now_len;
static const char *now_name;

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(2);
}

static void on_death(int number)
{
	int fd = open("fuzz-crash.bin", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd >= 0) {
		if (write(fd, now_data, now_len) < 0)
			say("replay: cannot keep the input\n");
		close(fd);
	}
	say("replay: died of a mutant or file after ");
	say(now_name == NULL ? "(none)" : now_name);
	say("; input kept in fuzz-crash.bin\n");
	signal(number, SIG_DFL);
	raise(number);
}

/* A copy of exactly the input's size, so that the sanitizer sees one byte
 * read too many.
 */
static void run(const char *name, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len);

	if (copy == NULL) {
		say("replay: out of memory\n");
		exit(2);
	}
	if (len > 0)
		memcpy(copy, data, len);
	now_name = name;
	now_data = copy;
	now_len = len;
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void load(struct corpus *c, const char *path)
{
	struct seed *s = &c->seeds[c->count];
	struct stat st;
	FILE *in;

	if (c->count == SEEDS_MAX || stat(path, &st) != 0 ||
	    !S_ISREG(st.st_mode) || st.st_size > (off_t)SEED_LEN_MAX) {
		fprintf(stderr, "replay: %s: not a file of at most %u bytes\n",
		        path, SEED_LEN_MAX);
		exit(2);
	}
	s->len = (size_t)st.st_size;
	s->data = malloc(s->len + 1);
	s->name = strdup(path);
	in = fopen(path, "rb");
	if (s->data == NULL || s->name == NULL || in == NULL ||
	    fread(s->data, 1, s->len, in) != s->len) {
		fprintf(stderr, "replay: %s: cannot read\n", path);
		exit(2);
	}
	fclose(in);
	c->count++;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void load_folder(struct corpus *c, const char *folder)
{
	struct dirent **names = NULL;
	int count = scandir(folder, &names, visible, alphasort);

	for (int i = 0; i < count; i++) {
		char path[4096];

		if (snprintf(path, sizeof path, "%s/%s", folder,
		             names[i]->d_name) < (int)sizeof path)
			load(c, path);
		free(names[i]);
	}
	free(names);
}

/* splitmix64: the same mutants on every machine. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t bound)
{
	return bound == 0 ? 0 : (size_t)(draw(state) % bound);
}

/* One change to buf; returns its new length, at most SEED_LEN_MAX. */
static size_t change(uint8_t *buf, size_t len, const struct seed *other,
                     uint64_t *state)
{
	static const uint8_t odd[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '"',
	                              '\\', '{',  '0',  '-',  '\n'};
	size_t at = below(state, len);
	size_t n = below(state, 16) + 1;

	switch (draw(state) % 6) {
	case 0: /* one bit */
		if (len > 0)
			buf[at] ^= (uint8_t)(1u << below(state, 8));
		return len;
	case 1: /* one byte, of the kind that breaks parsers */
		if (len > 0)
			buf[at] = odd[below(state, sizeof odd)];
		return len;
	case 2: /* cut short */
		return at;
	case 3: /* take some out */
		n = n > len - at ? len - at : n;
		memmove(buf + at, buf + at + n, len - at - n);
		return len - n;
	case 4: /* repeat some */
		n = n > len - at ? len - at : n;
		if (len + n > SEED_LEN_MAX)
			return len;
		memmove(buf + at + n, buf + at, len - at);
		return len + n;
	default: /* paste from another seed */
		n = n > other->len ? other->len : n;
		n = n > len - at ? len - at : n;
		memcpy(buf + at, other->data + below(state, other->len - n + 1),
		       n);
		return len;
	}
}

static int64_t clock_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		abort();
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static unsigned mutate(const struct corpus *c)
{
	static uint8_t buf[SEED_LEN_MAX];
	int64_t end = clock_ms() + MUTATE_MS;
	uint64_t state = 1;
	unsigned count = 0;

	while (count < MUTANTS_MAX && clock_ms() < end) {
		const struct seed *s = &c->seeds[count % c->count];
		size_t changes = below(&state, 4) + 1;
		size_t len = s->len;

		if (len > 0)
			memcpy(buf, s->data, len);
		while (changes-- > 0)
			len = change(buf, len,
			             &c->seeds[below(&state, c->count)],
			             &state);
		run(s->name, buf, len);
		count++;
	}
	return count;
}

static void catch_death(void)
{
	static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		signal(numbers[i], on_death);
}

int main(int argc, char **argv)
{
	static struct corpus c;
	bool folder = false;
	unsigned mutants = 0;

	catch_death();
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISREG(st.st_mode)) {
			load(&c, argv[i]);
		} else {
			folder = true;
			load_folder(&c, argv[i]);
		}
	}
	if (c.count == 0) {
		fprintf(stderr, "replay: no corpus: give each target seeds\n");
		return 2;
	}
	run("the empty input", (const uint8_t *)"", 0);
	for (size_t i = 0; i < c.count; i++)
		run(c.seeds[i].name, c.seeds[i].data, c.seeds[i].len);
	if (folder)
		mutants = mutate(&c);
	printf("%zu seeds, %u mutants\n", c.count, mutants);
	for (size_t i = 0; i < c.count; i++) {
		free(c.seeds[i].name);
		free(c.seeds[i].data);
	}
	return 0;
}
