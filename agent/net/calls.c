/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/net/calls.c - what libcurl, OpenSSL and the resolver need.
 *
 * A call that is not here fails and the process goes on: resolvers try more
 * than they need.  Starting a program, or looking into another process, ends
 * it.
 */
#include "agent/net/calls.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "agent/confine/port/machine.h"

#define MAY(name)                                                              \
	{                                                                      \
		SYS_##name, VS_CALL_MAY, 0, 0                                  \
	}

/* Netlink tells the resolver which addresses there are.  Threads may be
 * started, not processes; of clone3 nobody can tell which.
 */
static const struct vs_confine_call calls[] = {
	{SYS_openat,            VS_CALL_MAY_WITHOUT, 2, VS_CONFINE_CHANGES     },
	{SYS_socket,            VS_CALL_MAY_IF,      0, AF_INET                },
	{SYS_socket,            VS_CALL_MAY_IF,      0, AF_INET6               },
	{SYS_socket,            VS_CALL_MAY_IF,      0, AF_NETLINK             },
	{SYS_socketpair,        VS_CALL_MAY_IF,      0, AF_UNIX                },
	{SYS_clone3,            VS_CALL_ABSENT,      0, 0                      },
	{SYS_clone,             VS_CALL_MAY_WITH,    0, CLONE_THREAD | CLONE_VM},
	{SYS_mprotect,          VS_CALL_MAY_WITHOUT, 2, PROT_EXEC              },
	{SYS_execve,            VS_CALL_ENDS,        0, 0                      },
	{SYS_execveat,          VS_CALL_ENDS,        0, 0                      },
	{SYS_ptrace,            VS_CALL_ENDS,        0, 0                      },
	{SYS_process_vm_readv,  VS_CALL_ENDS,        0, 0                      },
	{SYS_process_vm_writev, VS_CALL_ENDS,        0, 0                      },
	MAY(read),
	MAY(write),
	MAY(readv),
	MAY(writev),
	MAY(pread64),
	MAY(pwrite64),
	MAY(lseek),
	MAY(close),
	MAY(poll),
	MAY(ppoll),
	MAY(pselect6),
	MAY(epoll_create1),
	MAY(epoll_ctl),
	MAY(epoll_pwait),
	MAY(recvfrom),
	MAY(recvmsg),
	MAY(recvmmsg),
	MAY(sendto),
	MAY(sendmsg),
	MAY(sendmmsg),
	MAY(connect),
	MAY(bind),
	MAY(getsockname),
	MAY(getpeername),
	MAY(getsockopt),
	MAY(setsockopt),
	MAY(shutdown),
	MAY(pipe2),
	MAY(eventfd2),
	MAY(dup),
	MAY(dup3),
	MAY(fcntl),
	MAY(ioctl),
	MAY(memfd_create),
	MAY(mmap),
	MAY(munmap),
	MAY(mremap),
	MAY(madvise),
	MAY(brk),
	MAY(futex),
	MAY(set_robust_list),
	MAY(get_robust_list),
	MAY(rseq),
	MAY(set_tid_address),
	MAY(membarrier),
	MAY(rt_sigprocmask),
	MAY(rt_sigaction),
	MAY(rt_sigreturn),
	MAY(sigaltstack),
	MAY(restart_syscall),
	MAY(exit),
	MAY(exit_group),
	MAY(newfstatat),
	MAY(fstat),
	MAY(statx),
	MAY(statfs),
	MAY(fstatfs),
	MAY(faccessat),
	MAY(faccessat2),
	MAY(readlinkat),
	MAY(getdents64),
	MAY(getcwd),
	MAY(getpid),
	MAY(gettid),
	MAY(getppid),
	MAY(getuid),
	MAY(geteuid),
	MAY(getgid),
	MAY(getegid),
	MAY(getrandom),
	MAY(uname),
	MAY(sysinfo),
	MAY(clock_gettime),
	MAY(clock_getres),
	MAY(clock_nanosleep),
	MAY(nanosleep),
	MAY(gettimeofday),
	MAY(sched_yield),
	MAY(sched_getaffinity),
	MAY(prlimit64),
};

vs_status vs_net_calls(void)
{
	const struct vs_confine_filter filter = {
		.calls = calls,
		.count = sizeof(calls) / sizeof(calls[0]),
		.more = vs_machine_calls.older,
		.more_count = vs_machine_calls.older_count,
		.others = VS_OTHERS_FAIL,
	};

	return vs_confine_filter(&filter);
}
