/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/seclude_rows_test.c - each thing that agent/confine/seclude.c
 * takes away is gone for that row's sake, and not for another's.
 *
 * A process tries all of them before, and another one after, it gave them up.
 * In both a filter of the test's own, which yields to any refusal, stands
 * between the calls and the kernel: it tells ENOSYS where no row forbids them,
 * so no right that is missing besides, and no older kernel, can hide a row
 * that is lost, and none of the calls is ever made.
 *
 * S1.17
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/confine/landlock.h"
#include "agent/confine/seclude.h"
#include "tests/agent/maker.h"

#define KEPT 0x10000ff /* capabilities: files, users, children, last blocks */

static struct maker maker;
static int server = -1, spare = -1; /* TCP sockets: one listens */
static int abstract = -1;
static struct sockaddr_in here = {.sin_family = AF_INET};
static struct sockaddr_un name = {.sun_family = AF_UNIX};
#define NAME_LEN (offsetof(struct sockaddr_un, sun_path) + 20)

/* What the process that tries may not make, whoever lets it. */
static const int untried[] = {
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_setns,
	SYS_unshare,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_getfd,
	SYS_kcmp,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_init_module,
	SYS_finit_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
};
#define UNTRIED (sizeof(untried) / sizeof(untried[0]))

/* Nobody traces: such a call fails with ENOSYS, if nothing else refuses it. */
static bool stand_between(void)
{
	struct sock_filter code[UNTRIED + 3];
	struct sock_fprog program = {UNTRIED + 3, code};

	code[0] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < UNTRIED; i++)
		code[i + 1] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)untried[i],
			(uint8_t)(UNTRIED - i), 0);
	code[UNTRIED + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	                                                 SECCOMP_RET_ALLOW);
	code[UNTRIED + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
	                                                 SECCOMP_RET_TRACE);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

/* Each is what its name says; the argument is the row's. */
static long call(long number)
{
	return syscall(number, -1, 0, 0, -1, 0, 0);
}

static long make_socket(long family)
{
	return socket((int)family, SOCK_STREAM, 0);
}

static long make_pair(long family)
{
	int pair[2];

	return socketpair((int)family, SOCK_STREAM, 0, pair);
}

/* Never made: without CLONE_VM nobody shares handlers. */
static long make_space(long flag)
{
	return syscall(SYS_clone, flag | CLONE_SIGHAND, NULL, NULL, NULL, NULL);
}

static long call_clone3(long unused)
{
	(void)unused;
	return syscall(SYS_clone3, NULL, 0);
}

static long make_node(long kind)
{
	char path[PATH_MAX];

	(void)unlink(maker_path(&maker, "node", path));
	return mknod(path, (mode_t)kind | 0600, 0);
}

static long make_name(long unused)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char path[PATH_MAX];

	(void)unused;
	(void)unlink(maker_path(&maker, "socket", path));
	snprintf(at.sun_path, sizeof(at.sun_path), "%.100s", path);
	return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&at,
	            sizeof(at));
}

static long move_file(long unused)
{
	char from[PATH_MAX], to[PATH_MAX];

	(void)unused;
	(void)rename(maker_path(&maker, "b/file", to),
	             maker_path(&maker, "a/file", from));
	return rename(from, to);
}

static long connect_out(long unused)
{
	(void)unused;
	return connect(spare, (struct sockaddr *)&here, sizeof(here));
}

static long bind_port(long unused)
{
	const struct sockaddr_in any = {.sin_family = AF_INET};

	(void)unused;
	return bind(spare, (const struct sockaddr *)&any, sizeof(any));
}

static long signal_out(long unused)
{
	(void)unused;
	return kill(getppid(), 0);
}

static long connect_abstract(long unused)
{
	(void)unused;
	return connect(socket(AF_UNIX, SOCK_STREAM, 0),
	               (struct sockaddr *)&name, NAME_LEN);
}

static long show_memory(long unused)
{
	(void)unused;
	errno = EPERM;
	return prctl(PR_GET_DUMPABLE) == 0 ? -1 : 0;
}

static long get_rights(long unused)
{
	(void)unused;
	errno = EPERM;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? -1 : 0;
}

#define CALL(n)                                                                \
	{                                                                      \
#n, call, SYS_##n, ENOSYS, EPERM, 0                            \
	}
#define SPACE(n)                                                               \
	{                                                                      \
		"clone of " #n, make_space, CLONE_##n, EINVAL, EACCES, 0       \
	}

static const struct row {
	const char *name;
	long (*call)(long argument);
	long argument;
	int before, after; /* errno; 0: it worked */
	int landlock;      /* the version that has it; 0: not Landlock's */
} rows[] = {
	{"socket",       make_socket,      AF_INET, 0,          EPERM,  0},
	{"unix",         make_socket,      AF_UNIX, 0,          0,      0},
	{"socketpair",   make_pair,        AF_INET, EOPNOTSUPP, EPERM,  0},
	{"unix pair",    make_pair,        AF_UNIX, 0,          0,      0},
	CALL(io_uring_setup),
	CALL(io_uring_enter),
	CALL(io_uring_register),
	CALL(setns),
	CALL(unshare),
	SPACE(NEWNET),
	SPACE(NEWUSER),
	SPACE(NEWNS),
	SPACE(NEWPID),
	SPACE(NEWIPC),
	SPACE(NEWUTS),
	SPACE(NEWCGROUP),
	{"clone3",       call_clone3,      0,       EINVAL,     ENOSYS, 0},
	CALL(ptrace),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(pidfd_getfd),
	CALL(kcmp),
	CALL(bpf),
	CALL(perf_event_open),
	CALL(userfaultfd),
	CALL(init_module),
	CALL(finit_module),
	CALL(kexec_load),
	CALL(kexec_file_load),
	{"dumpable",     show_memory,      0,       0,          EPERM,  0},
	{"char node",    make_node,        S_IFCHR, 0,          EACCES, 1},
	{"block node",   make_node,        S_IFBLK, 0,          EACCES, 1},
	{"socket name",  make_name,        0,       0,          EACCES, 1},
	{"other folder", move_file,        0,       0,          0,      2},
	{"TCP connect",  connect_out,      0,       0,          EACCES, 4},
	{"TCP bind",     bind_port,        0,       EINVAL,     EACCES, 4},
	{"signal",       signal_out,       0,       0,          EPERM,  6},
	{"abstract",     connect_abstract, 0,       0,          EPERM,  6},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* What both processes tell, in memory that they share with the test. */
static struct told {
	int errors[ROWS];
	bool new_rights; /* a program could still gain some */
	uint64_t permitted, effective, inheritable, bounding;
	struct vs_secluded secluded;
} * told;

static uint64_t bounding_set(void)
{
	uint64_t set = 0;

	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			set |= UINT64_C(1) << i;
	return set;
}

/* All that it may pass on, it does: what is taken away is seen. */
static void tell_rights(bool first)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[2] = {{0}};

	if (syscall(SYS_capget, &head, d) != 0)
		_exit(2);
	for (unsigned i = 0; first && i < 2; i++)
		d[i].inheritable = d[i].permitted;
	if (first && syscall(SYS_capset, &head, d) != 0)
		_exit(2);
	told->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	told->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	told->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	told->bounding = bounding_set();
}

/* Among users of its own it is a root that lacks nothing. */
static void try_all(bool secluded, bool own_users)
{
	if (own_users && unshare(CLONE_NEWUSER) != 0)
		print_message("# not all capabilities are to be had here\n");
	if (prctl(PR_SET_DUMPABLE, 1) != 0 || !stand_between())
		_exit(2);
	tell_rights(true);
	if (secluded && vs_seclude(&told->secluded) != VS_OK)
		_exit(3);
	if (secluded)
		tell_rights(false);
	told->new_rights = get_rights(0) == 0;
	for (size_t i = 0; i < ROWS; i++) {
		long done = rows[i].call(rows[i].argument);

		told->errors[i] = done < 0 ? errno : 0;
	}
	_exit(0);
}

static struct told ask(bool secluded, bool own_users)
{
	struct told copy;
	int status;
	pid_t pid;

	memset(told, 0, sizeof(*told));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		try_all(secluded, own_users);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	copy = *told;
	return copy;
}

static void each_row_stands_alone(void **state)
{
	int landlock = vs_landlock_version();
	struct told before = ask(false, false), after = ask(true, false);
	unsigned tried = 0;

	(void)state;
	assert_int_equal(after.secluded.landlock, landlock);
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];

		if (r->landlock > landlock) {
			print_message("# skipped: %s: a kernel with Landlock "
			              "%d\n",
			              r->name, landlock);
			continue;
		}
		if (after.errors[i] != r->after)
			fail_msg("%s: %d, not %d", r->name, after.errors[i],
			         r->after);
		/* A system that refuses it anyway shows no row. */
		if (before.errors[i] != r->before) {
			print_message("# %s: %d here for everybody\n", r->name,
			              before.errors[i]);
			continue;
		}
		tried++;
	}
	print_message("# %u of %zu rows, Landlock %d\n", tried, ROWS, landlock);
	assert_true(tried >= 20);
	assert_false(after.new_rights);
}

static void each_capability_is_kept_or_gone(void **state)
{
	struct told before = ask(false, true), after = ask(true, true);

	(void)state;
	assert_int_equal(before.inheritable, before.permitted);
	assert_int_equal(after.permitted, before.permitted & KEPT);
	assert_int_equal(after.effective, before.effective & KEPT);
	assert_int_equal(after.inheritable, before.inheritable & KEPT);
	if (before.permitted >> CAP_SETPCAP & 1)
		assert_int_equal(after.bounding, before.bounding & KEPT);
}

static int setup(void **state)
{
	char path[PATH_MAX];
	socklen_t len = sizeof(here);

	(void)state;
	maker_init(&maker);
	assert_int_equal(mkdir(maker_path(&maker, "a", path), 0700), 0);
	assert_int_equal(mkdir(maker_path(&maker, "b", path), 0700), 0);
	maker_put(&maker, "a/file", "", 0);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = socket(AF_INET, SOCK_STREAM, 0);
	spare = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(server >= 0 && spare >= 0);
	assert_int_equal(bind(server, (struct sockaddr *)&here, sizeof(here)),
	                 0);
	assert_int_equal(listen(server, 4), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&here, &len),
	                 0);
	abstract = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(name.sun_path + 1, 20, "vs-seclude-%d", (int)getpid());
	assert_int_equal(bind(abstract, (struct sockaddr *)&name, NAME_LEN), 0);
	assert_int_equal(listen(abstract, 4), 0);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
	            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(told, MAP_FAILED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	munmap(told, sizeof(*told));
	close(server);
	close(spare);
	close(abstract);
	maker_drop(&maker);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_stands_alone),
		cmocka_unit_test(each_capability_is_kept_or_gone),
	};

	return cmocka_run_group_tests_name("agent seclude rows", tests, setup,
	                                   teardown);
}
