/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/attack.c - system calls that have no business here.
 */
#include "tests/agent/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/line/lane.h"

#define MUCH ((size_t)256 << 20)
#define X32 0x40000000

static pid_t aim;

void attack_aim(int pid)
{
	aim = pid;
}

static pid_t victim(void)
{
	return aim > 0 ? aim : getppid();
}

static long open_file(const char *path, int how)
{
	return syscall(SYS_openat, AT_FDCWD, path, how, 0);
}

static long read_parent(void)
{
	char here[8];
	struct iovec to = {here, sizeof(here)};
	struct iovec from = {(void *)&errno, sizeof(here)};

	return process_vm_readv(victim(), &to, 1, &from, 1, 0);
}

static long open_of(const char *name, int how)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim(), name);
	return open_file(path, how);
}

/* Joining one's own namespace needs the same right. */
static long join(void)
{
	long fd = open_of("ns/net", O_RDONLY);

	if (fd < 0)
		fd = open_file("/proc/self/ns/net", O_RDONLY);
	return setns((int)fd, CLONE_NEWNET);
}

static long steal(void)
{
	long fd = syscall(SYS_pidfd_open, victim(), 0);

	return fd < 0 ? fd : syscall(SYS_pidfd_getfd, fd, 0, 0);
}

static long ring(void)
{
	char params[256] = {0};

	return syscall(SYS_io_uring_setup, 1, params);
}

static long make_device(const char *path)
{
	char name[4096];

	snprintf(name, sizeof(name), "%.4000s.dev", path);
	return mknod(name, S_IFBLK | 0600, makedev(8, 0));
}

static long run_something(void)
{
	char *argv[] = {NULL}, *env[] = {NULL};

	return execve("/bin/true", argv, env);
}

static long split(void)
{
	long pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid((pid_t)pid, NULL, 0);
	return pid;
}

static long map(int how)
{
	void *at = mmap(NULL, MUCH, how, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? -1 : 0;
}

static long turn_into_code(void)
{
	static char page[8192] __attribute__((aligned(4096)));

	return mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static long mask(void)
{
	sigset_t all;

	sigfillset(&all);
	return sigprocmask(SIG_SETMASK, &all, NULL);
}

static long set_clock(void)
{
	const struct timespec then = {1, 0};

	return clock_settime(CLOCK_REALTIME, &then);
}

static long try(enum attack what, const char *path)
{
	switch (what) {
	case ATTACK_WRITE_FILE:
		return open_file(path, O_RDWR);
	case ATTACK_READ_FILE:
		return open_file(path, O_RDONLY);
	case ATTACK_WRITE_OLD:
		return pwrite(VS_LANE_OLD_FD, "x", 1, 0);
	case ATTACK_CHANGE_MODE:
		return chmod(path, 0777);
	case ATTACK_RENAME:
		return rename(path, "/tmp/vs-stolen");
	case ATTACK_ROOT:
		return setuid(0);
	case ATTACK_TRACE_PARENT:
		return ptrace(PTRACE_ATTACH, victim(), NULL, NULL);
	case ATTACK_STOP_PARENT:
		return kill(victim(), SIGSTOP);
	case ATTACK_READ_PARENT:
		return read_parent();
	case ATTACK_EXEC:
		return run_something();
	case ATTACK_FORK:
		return split();
	case ATTACK_THREAD:
		return syscall(SYS_clone, CLONE_FS, NULL, NULL, NULL, NULL);
	case ATTACK_WRITE_PARENT:
		return open_of("mem", O_RDWR);
	case ATTACK_JOIN_PARENT:
		return join();
	case ATTACK_STEAL:
		return steal();
	case ATTACK_SOCKET:
		return socket(AF_INET, SOCK_STREAM, 0);
	case ATTACK_SOCKET_INET6:
		return socket(AF_INET6, SOCK_DGRAM, 0);
	case ATTACK_SOCKET_PACKET:
		return socket(AF_PACKET, SOCK_RAW, 0);
	case ATTACK_SOCKET_NETLINK:
		return socket(AF_NETLINK, SOCK_RAW, 0);
	case ATTACK_SOCKET_VSOCK:
		return socket(AF_VSOCK, SOCK_STREAM, 0);
	case ATTACK_SOCKET_X32:
		return syscall(SYS_socket | X32, AF_INET, SOCK_STREAM, 0);
	case ATTACK_RING:
		return ring();
	case ATTACK_DEVICE:
		return make_device(path);
	case ATTACK_NAMESPACE:
		return unshare(CLONE_NEWUSER);
	case ATTACK_MEMORY:
		return map(PROT_READ | PROT_WRITE);
	case ATTACK_NEW_CODE:
		return turn_into_code();
	case ATTACK_SIGNAL_MASK:
		return mask();
	case ATTACK_CLOCK:
		return set_clock();
	default:
		errno = EINVAL;
		return -1;
	}
}

int attack_try(enum attack what, const char *path)
{
	return try(what, path) < 0 ? errno : 0;
}
