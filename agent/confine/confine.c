/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/confine.c - users, limits and system call filters.
 */
#include "agent/confine/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/confine/port/machine.h"

vs_status vs_confine_find_user(const char *name, unsigned number,
                               struct vs_confine_user *out)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *entry = NULL;

	*out = (struct vs_confine_user){number, number, geteuid() == 0};
	while (f && (entry = fgetpwent(f)) != NULL)
		if (strcmp(entry->pw_name, name) == 0) {
			out->uid = entry->pw_uid;
			out->gid = entry->pw_gid;
			break;
		}
	if (f)
		fclose(f);
	return out->uid == 0 || out->gid == 0 ? VS_ERR_REFUSED : VS_OK;
}

static bool is_now(const struct vs_confine_user *user)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) != 0 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) != 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (uid[i] != user->uid || gid[i] != user->gid)
			return false;
	return true;
}

vs_status vs_confine_become(const struct vs_confine_user *user)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return VS_ERR_DENIED;
	if (!user->change)
		return VS_OK;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
	    setgroups(0, NULL) != 0 ||
	    setresgid(user->gid, user->gid, user->gid) != 0 ||
	    setresuid(user->uid, user->uid, user->uid) != 0)
		return VS_ERR_DENIED;
	return is_now(user) ? VS_OK : VS_ERR_DENIED;
}

static bool limit(int what, uint64_t max)
{
	const struct rlimit to = {max, max};

	return setrlimit((__rlimit_resource_t)what, &to) == 0;
}

vs_status vs_confine_limit(uint64_t memory_max, uint64_t file_max)
{
	return limit(RLIMIT_AS, memory_max) && limit(RLIMIT_FSIZE, file_max) &&
	                       limit(RLIMIT_CORE, 0)
	               ? VS_OK
	               : VS_ERR_DENIED;
}

static struct sock_filter load(size_t at)
{
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                                    (uint32_t)at);
}

static struct sock_filter is(uint32_t value, uint8_t yes, uint8_t no)
{
	return (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value,
	                                    yes, no);
}

static struct sock_filter end(uint32_t how)
{
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, how);
}

/* The lower half of an argument, little-endian: flags and families. */
static struct sock_filter argument(unsigned n)
{
	return load(offsetof(struct seccomp_data, args) + n * sizeof(uint64_t));
}

#define ROW_MAX 6
#define HEAD_LEN 6

/* One row: goes on behind it if it is not about this call. */
static unsigned short row(const struct vs_confine_call *c,
                          struct sock_filter *out)
{
	const uint32_t kept = SECCOMP_RET_ERRNO;
	unsigned short n = 1;

	switch (c->may) {
	case VS_CALL_MAY:
		out[n++] = end(SECCOMP_RET_ALLOW);
		break;
	case VS_CALL_MAY_WITHOUT:
		out[n++] = argument(c->argument);
		out[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JSET | BPF_K, c->value, 1, 0);
		out[n++] = end(SECCOMP_RET_ALLOW);
		out[n++] = end(kept | EACCES);
		break;
	case VS_CALL_MAY_WITH:
		out[n++] = argument(c->argument);
		out[n++] = (struct sock_filter)BPF_STMT(
			BPF_ALU | BPF_AND | BPF_K, c->value);
		out[n++] = is(c->value, 0, 1);
		out[n++] = end(SECCOMP_RET_ALLOW);
		out[n++] = end(kept | EPERM);
		break;
	case VS_CALL_MAY_IF:
		out[n++] = argument(c->argument);
		out[n++] = is(c->value, 0, 1);
		out[n++] = end(SECCOMP_RET_ALLOW);
		out[n++] = load(offsetof(struct seccomp_data, nr));
		break;
	case VS_CALL_FAILS:
		out[n++] = end(kept | EPERM);
		break;
	case VS_CALL_ABSENT:
		out[n++] = end(kept | ENOSYS);
		break;
	default:
		out[n++] = end(SECCOMP_RET_KILL_PROCESS);
		break;
	}
	out[0] = is((uint32_t)c->number, 0, (uint8_t)(n - 1));
	return n;
}

/* x32 calls x86_64's by other numbers, from here on; no machine has as many
 * of its own.
 */
#define NUMBERS_END UINT32_C(0x40000000)

/* "Is it this machine's way to call?" */
static unsigned short head(struct sock_filter *out, bool ends)
{
	unsigned short n = 0;

	out[n++] = load(offsetof(struct seccomp_data, arch));
	out[n++] = is(vs_machine_calls.audit_arch, 1, 0);
	out[n++] = end(SECCOMP_RET_KILL_PROCESS);
	out[n++] = load(offsetof(struct seccomp_data, nr));
	out[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
	                                        NUMBERS_END, 0, 1);
	out[n++] = end(ends ? SECCOMP_RET_KILL_PROCESS
	                    : SECCOMP_RET_ERRNO | EPERM);
	return n;
}

/* "One of these?  Else the end." */
vs_status vs_confine_filter(const struct vs_confine_filter *f)
{
	static const uint32_t others[] = {
		[VS_OTHERS_END] = SECCOMP_RET_KILL_PROCESS,
		[VS_OTHERS_FAIL] = SECCOMP_RET_ERRNO | EPERM,
		[VS_OTHERS_MAY] = SECCOMP_RET_ALLOW,
	};
	struct sock_filter code[VS_CONFINE_CALLS_MAX * ROW_MAX + HEAD_LEN + 1];
	struct sock_fprog program = {0, code};
	unsigned short n = head(code, f->others == VS_OTHERS_END);

	if (f->count > VS_CONFINE_CALLS_MAX ||
	    f->more_count > VS_CONFINE_CALLS_MAX - f->count)
		return VS_ERR_DENIED;
	for (size_t i = 0; i < f->count; i++)
		n = (unsigned short)(n + row(&f->calls[i], code + n));
	for (size_t i = 0; i < f->more_count; i++)
		n = (unsigned short)(n + row(&f->more[i], code + n));
	code[n++] = end(others[f->others]);
	program.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		return VS_ERR_DENIED;
	return VS_OK;
}

vs_status vs_confine_calls(const struct vs_confine_call *calls, size_t count,
                           bool errors)
{
	const struct vs_confine_filter filter = {
		.calls = calls,
		.count = count,
		.others = errors ? VS_OTHERS_FAIL : VS_OTHERS_END,
	};

	return vs_confine_filter(&filter);
}
