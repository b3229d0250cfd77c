/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/landlock.c - what this kernel's version of it can do.
 *
 * Numbers of later versions than the build's headers are spelt out here: what
 * counts is the kernel that runs.
 */
#include "agent/confine/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ABI_REFER 2
#define ABI_TRUNCATE 3
#define ABI_PORTS 4
#define ABI_DEVICES 5
#define ABI_SCOPES 6

#define OF_FILES (VS_LANDLOCK_READ_FILE | VS_LANDLOCK_EXECUTE)
#define FILES_FIRST UINT64_C(0x1fff)
#define TRUNCATE (UINT64_C(1) << 14)
#define DEVICES (UINT64_C(1) << 15)
#define SCOPES UINT64_C(3) /* abstract sockets, signals */

/* struct landlock_ruleset_attr, as long as it has become. */
struct ruleset {
	uint64_t files, ports, scopes;
};

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static uint64_t known_files(int abi)
{
	uint64_t known = FILES_FIRST;

	if (abi >= ABI_REFER)
		known |= VS_LANDLOCK_REFER;
	if (abi >= ABI_TRUNCATE)
		known |= TRUNCATE;
	if (abi >= ABI_DEVICES)
		known |= DEVICES;
	return known;
}

static vs_status keep(int fd, const struct vs_landlock *l, uint64_t handled)
{
	for (const char *const *path = l->below; path && *path; path++) {
		VS_AUTO(drop)
		int folder = open(*path, O_PATH | O_CLOEXEC);
		struct stat st = {0};
		struct landlock_path_beneath_attr rule = {
			.allowed_access = l->kept & handled,
			.parent_fd = folder,
		};

		if (folder >= 0 && fstat(folder, &st) != 0)
			return VS_ERR_DENIED;
		if (!S_ISDIR(st.st_mode))
			rule.allowed_access &= OF_FILES;

		if (folder >= 0 && rule.allowed_access != 0 &&
		    syscall(SYS_landlock_add_rule, fd,
		            LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
			return VS_ERR_DENIED;
	}
	return VS_OK;
}

int vs_landlock_version(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	                   LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 1 ? 0 : (int)abi;
}

vs_status vs_landlock_enter(const struct vs_landlock *l, int *abi)
{
	VS_AUTO(drop) int fd = -1;
	struct ruleset set = {0};
	size_t len = sizeof(set.files);

	*abi = vs_landlock_version();
	if (*abi == 0)
		return VS_OK;
	set.files = l->files & known_files(*abi);
	if (*abi >= ABI_PORTS) {
		set.ports = l->ports;
		len = sizeof(set.files) + sizeof(set.ports);
	}
	if (*abi >= ABI_SCOPES) {
		set.scopes = SCOPES;
		len = sizeof(set);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &set, len, 0);
	if (fd < 0 || keep(fd, l, set.files) != VS_OK ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return VS_ERR_DENIED;
	return VS_OK;
}
