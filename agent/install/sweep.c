/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/sweep.c - what a power cut left of files that were being
 * replaced.
 */
#include "agent/install/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define END ".new"

/* NAME.NUMBER.new */
static bool is_temporary(const char *name)
{
	size_t len = strlen(name);
	size_t digits = 0;

	if (len <= sizeof(END) || strcmp(name + len - strlen(END), END) != 0)
		return false;
	len -= strlen(END);
	while (len > 0 && name[len - 1] >= '0' && name[len - 1] <= '9') {
		len--;
		digits++;
	}
	return digits > 0 && len > 1 && name[len - 1] == '.';
}

static void sweep_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL)
		if (is_temporary(e->d_name))
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

void vs_sweep(const char *dir)
{
	static const char *const folders[] = {"agent", "agent/director",
	                                      "agent/image"};
	char path[PATH_MAX];

	sweep_folder(dir);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (vs_path_join(path, sizeof(path), dir, folders[i]) == VS_OK)
			sweep_folder(path);
}
