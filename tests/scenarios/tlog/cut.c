/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/scenarios/tlog/cut.c - kills its process at a rename, for preloading.
 *
 * The file that VS_CUT names says "before" or "after" when the next rename is
 * the one; without it nothing happens.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rename(const char *from, const char *to);

static int wanted(const char *when)
{
	const char *path = getenv("VS_CUT");
	char word[8] = "";
	FILE *f = path ? fopen(path, "r") : NULL;

	if (!f)
		return 0;
	if (!fgets(word, sizeof word, f))
		word[0] = '\0';
	fclose(f);
	return strcmp(word, when) == 0;
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) = NULL;
	void *found = dlsym(RTLD_NEXT, "rename");
	int result;

	memcpy(&real, &found, sizeof real);
	if (wanted("before"))
		raise(SIGKILL);
	result = real(from, to);
	if (wanted("after"))
		raise(SIGKILL);
	return result;
}
