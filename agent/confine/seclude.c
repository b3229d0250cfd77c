/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/seclude.c - namespace, capabilities, Landlock, filter.
 *
 * The filter comes last, for it ends the others' calls too.
 */
#include "agent/confine/seclude.h"

#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/confine/confine.h"
#include "agent/confine/landlock.h"

#define FAILS(name)                                                            \
	{                                                                      \
		SYS_##name, VS_CALL_FAILS, 0, 0                                \
	}
#define NAMESPACES                                                             \
	(CLONE_NEWNET | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID |           \
	 CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* All that gives a socket, or reaches into who has one.  A ring's calls go
 * past filters; of clone3 nobody can see what it makes, and libraries do
 * without it.
 */
static const struct vs_confine_call calls[] = {
	{SYS_socket,     VS_CALL_MAY_IF,      0, AF_UNIX   },
	FAILS(socket),
	{SYS_socketpair, VS_CALL_MAY_IF,      0, AF_UNIX   },
	FAILS(socketpair),
	FAILS(io_uring_setup),
	FAILS(io_uring_enter),
	FAILS(io_uring_register),
	FAILS(setns),
	FAILS(unshare),
	{SYS_clone,      VS_CALL_MAY_WITHOUT, 0, NAMESPACES},
	{SYS_clone3,     VS_CALL_ABSENT,      0, 0         },
	FAILS(ptrace),
	FAILS(process_vm_readv),
	FAILS(process_vm_writev),
	FAILS(pidfd_getfd),
	FAILS(kcmp),
	FAILS(bpf),
	FAILS(perf_event_open),
	FAILS(userfaultfd),
	FAILS(init_module),
	FAILS(finit_module),
	FAILS(kexec_load),
	FAILS(kexec_file_load),
};

/* Files whoever owns them, unpack's user and end, the last blocks of a full
 * disk.  Nothing of the network, no mount, no device, no other's memory.
 */
#define BIT(name) (UINT64_C(1) << CAP_##name)
#define KEPT                                                                   \
	(BIT(CHOWN) | BIT(DAC_OVERRIDE) | BIT(DAC_READ_SEARCH) | BIT(FOWNER) | \
	 BIT(FSETID) | BIT(KILL) | BIT(SETGID) | BIT(SETUID) |                 \
	 BIT(SYS_RESOURCE))

static vs_status drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	/* What a program would get that it starts; a process without the right
	 * to drop these gets none of them anyway, by NO_NEW_PRIVS. */
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if ((KEPT >> i & 1) == 0)
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (syscall(SYS_capget, &head, data) != 0)
		return VS_ERR_DENIED;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t kept = (uint32_t)(KEPT >> 32 * i);

		data[i].permitted &= kept;
		data[i].effective &= kept;
		data[i].inheritable &= kept;
	}
	return syscall(SYS_capset, &head, data) == 0 ? VS_OK : VS_ERR_DENIED;
}

vs_status vs_seclude(struct vs_secluded *out)
{
	static const char *const everywhere[] = {"/", NULL};
	const struct vs_landlock landlock = {
		.files = VS_LANDLOCK_MAKE_CHAR | VS_LANDLOCK_MAKE_BLOCK |
	                 VS_LANDLOCK_MAKE_SOCK | VS_LANDLOCK_REFER,
		.ports = VS_LANDLOCK_BIND | VS_LANDLOCK_CONNECT,
		.kept = VS_LANDLOCK_REFER,
		.below = everywhere,
	};
	const struct vs_confine_filter filter = {
		.calls = calls,
		.count = sizeof(calls) / sizeof(calls[0]),
		.others = VS_OTHERS_MAY,
	};

	*out = (struct vs_secluded){.namespace = unshare(CLONE_NEWNET) == 0};
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || drop_capabilities() != VS_OK ||
	    vs_landlock_enter(&landlock, &out->landlock) != VS_OK)
		return VS_ERR_DENIED;
	return vs_confine_filter(&filter);
}

const char *vs_secluded_say(const struct vs_secluded *s, char out[static 96])
{
	int n = snprintf(out, 96, "%sfilter of calls",
	                 s->namespace ? "own namespace, " : "");

	if (s->landlock > 0)
		snprintf(out + n, 96 - (size_t)n, ", Landlock %d", s->landlock);
	else
		snprintf(out + n, 96 - (size_t)n,
		         "; this kernel has no Landlock");
	return out;
}
