/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/check.c - a health check whose name says how it behaves.
 *
 * Linked statically, so that it runs in an otherwise empty root.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');

	name = name ? name + 1 : argv[0];
	if (argc != 2 || strcmp(argv[1], "/run") != 0)
		return 9;
	if (access("/only-in-this-root", F_OK) != 0)
		return 8;
	if (strstr(name, "ok"))
		return 0;
	if (strstr(name, "no")) {
		puts("meter: looking\nmeter: no answer\x1b[31m\n");
		return 1;
	}
	if (strstr(name, "loud")) {
		for (int i = 0; i < 100000; i++)
			puts("a line of noise");
		puts("the last word");
		return 1;
	}
	if (strstr(name, "stray")) {
		if (fork() == 0 && setsid() > 0 && close(1) == 0 &&
		    close(2) == 0)
			sleep(60);
		return 0;
	}
	if (fork() >= 0)
		sleep(60);
	return 0;
}
