/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/faults.c - runs a program whose N-th change of the disk is its
 * last, or is refused from there on.
 *
 * faults kill N PROGRAM ...    SIGKILL instead of the N-th change
 * faults full N PROGRAM ...    ENOSPC for it and all later ones; what only
 *                              removes goes on working
 *
 * The kernel asks this process about each change (seccomp's user
 * notification).  Exit: 99 if there were fewer than N changes, 125 if this
 * cannot be done here, else the program's; 137 if it was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { cannot = 125, too_few = 99 };

static const int changes[] = {
	SCMP_SYS(rename),    SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(link),      SCMP_SYS(linkat),   SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),   SCMP_SYS(pwrite64), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(chmod),    SCMP_SYS(fchmod),
	SCMP_SYS(unlink),    SCMP_SYS(unlinkat), SCMP_SYS(rmdir),
};

static bool removes(int call)
{
	return call == SCMP_SYS(unlink) || call == SCMP_SYS(unlinkat) ||
	       call == SCMP_SYS(rmdir);
}

/* Gives the listener, or a negative number. */
static int watch(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < sizeof changes / sizeof *changes; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, changes[i], 0);
	if (!rc)
		rc = seccomp_rule_add(
			filter, SCMP_ACT_NOTIFY, SCMP_SYS(openat), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, O_CREAT, O_CREAT));
	if (!rc)
		rc = seccomp_load(filter);
	return rc ? rc : seccomp_notify_fd(filter);
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static struct msghdr message(struct iovec *byte, union control *c)
{
	memset(c, 0, sizeof *c);
	return (struct msghdr){
		.msg_iov = byte,
		.msg_iovlen = 1,
		.msg_control = c,
		.msg_controllen = sizeof *c,
	};
}

static int send_fd(int to, int fd)
{
	char zero = 0;
	struct iovec byte = {&zero, 1};
	union control c;
	struct msghdr m = message(&byte, &c);
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	return sendmsg(to, &m, 0) == 1 ? 0 : -1;
}

static int take_fd(int from)
{
	char zero;
	struct iovec byte = {&zero, 1};
	union control c;
	struct msghdr m = message(&byte, &c);
	int fd = -1;

	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

static void child(int to, char **argv)
{
	int listener = watch();

	if (listener < 0 || send_fd(to, listener))
		_exit(cannot);
	close(listener);
	close(to);
	execv(argv[0], argv);
	_exit(cannot);
}

/* Gives how many changes there were. */
static long answer(int listener, pid_t pid, bool full, long nth)
{
	struct seccomp_notif *asked = NULL;
	struct seccomp_notif_resp *reply = NULL;
	struct pollfd p = {listener, POLLIN, 0};
	long count = 0;

	if (seccomp_notify_alloc(&asked, &reply))
		return -1;
	while (poll(&p, 1, -1) == 1 && p.revents & POLLIN) {
		memset(asked, 0, sizeof *asked);
		memset(reply, 0, sizeof *reply);
		if (seccomp_notify_receive(listener, asked))
			break;
		bool hit = ++count >= nth;
		if (hit && !full) {
			kill(pid, SIGKILL);
			break;
		}
		reply->id = asked->id;
		if (hit && !removes(asked->data.nr))
			reply->error = -ENOSPC;
		else
			reply->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (seccomp_notify_respond(listener, reply))
			break;
	}
	seccomp_notify_free(asked, reply);
	return count;
}

int main(int argc, char **argv)
{
	int pair[2], status;

	if (argc < 4 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return cannot;
	long nth = strtol(argv[2], NULL, 10);
	pid_t pid = fork();
	if (pid == 0)
		child(pair[1], argv + 3);
	close(pair[1]);
	int listener = take_fd(pair[0]);
	if (pid < 0 || listener < 0)
		return cannot;
	long count = answer(listener, pid, strcmp(argv[1], "full") == 0, nth);
	if (waitpid(pid, &status, 0) != pid)
		return cannot;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return count < nth ? too_few : WEXITSTATUS(status);
}
