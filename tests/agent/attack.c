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
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MUCH ((size_t)256 << 20)

static long open_file(const char *path, int how)
{
	return syscall(SYS_openat, AT_FDCWD, path, how, 0);
}

static long read_parent(void)
{
	char here[8];
	struct iovec to = {here, sizeof(here)};
	struct iovec from = {(void *)&errno, sizeof(here)};

	return process_vm_readv(getppid(), &to, 1, &from, 1, 0);
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
	case ATTACK_CHANGE_MODE:
		return chmod(path, 0777);
	case ATTACK_RENAME:
		return rename(path, "/tmp/vs-stolen");
	case ATTACK_ROOT:
		return setuid(0);
	case ATTACK_TRACE_PARENT:
		return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
	case ATTACK_STOP_PARENT:
		return kill(getppid(), SIGSTOP);
	case ATTACK_READ_PARENT:
		return read_parent();
	case ATTACK_EXEC:
		return run_something();
	case ATTACK_FORK:
		return split();
	case ATTACK_THREAD:
		return syscall(SYS_clone, CLONE_FS, NULL, NULL, NULL, NULL);
	case ATTACK_SOCKET:
		return socket(AF_INET, SOCK_STREAM, 0);
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
