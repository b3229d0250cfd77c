/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/voltseal-boot.c - a charger as a process: decide, start the
 * chosen image, start over.
 *
 * Nothing starts without VS_VERDICT_BOOT, and whatever ended a run reaches
 * the next decision as its reset cause.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "boot/port/host/child.h"
#include "boot/port/host/decision.h"
#include "boot/port/host/files.h"
#include "boot/port/host/image.h"

#define CHARGER_PROGRAM "/usr/lib/voltseal/charger"

enum {
	EXIT_DENIED = 3,
	EXIT_CRASHED = 70,
	EXIT_REBOOT = 75, /* also what the agent exits with to ask for it */
	AGENT_WORDS_MAX = 63,
	CHARGER_RESTARTS_MAX = 3,
	RESTART_MS = 300,
	GRACE_MS = 2000,
	QUICK_S = 5, /* a run shorter than this is a quick crash */
	QUICK_CRASHES_MAX = 8,
	LOG_LEN_MAX = 1 << 20,
};

enum ending {
	ENDING_STOP,    /* somebody asked the machine to stop */
	ENDING_REQUEST, /* the agent asked for a reboot */
	ENDING_CRASH,   /* something ended that should run */
	ENDING_DENIED,  /* no slot may start */
	ENDING_BROKEN,  /* this host cannot play a charger */
};

struct loader {
	struct vs_boot_files files; /* first: it is the operations' context */
	struct vs_machine machine;
	struct vs_boot_decision decision;
	char dir[PATH_MAX];
	char root[PATH_MAX];
	char run[PATH_MAX];
	const char *agent[AGENT_WORDS_MAX + 1];
	pid_t pids[2]; /* agent, charger program; 0: not running */
	int log;
	bool once;
};

enum { AGENT, CHARGER };

static struct vs_boot_scratch scratch;

/* One fact, for whoever looks on and for whoever looks later. */
VS_PRINTF(2, 3)
static void note(const struct loader *l, const char *fmt, ...)
{
	char text[512];
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	vs_info("%s: %s", l->machine.vehicle, text);
	if (l->log >= 0)
		dprintf(l->log, "%s boot: %s\n", when, text);
}

static const char *slot_name(int slot)
{
	return slot < 0 ? "no slot" : slot == 0 ? "slot-a" : "slot-b";
}

static void log_decision(void *ctx, const char *what, int component, int slot,
                         vs_reason reason)
{
	const struct loader *l = ctx;

	note(l, "%s %s: %s (%s)", slot_name(slot),
	     l->machine.components[component].name, what,
	     vs_reason_name(reason));
}

static void open_log(struct loader *l)
{
	char path[PATH_MAX];
	char old[PATH_MAX];
	struct stat st;

	vs_fd_drop(&l->log);
	l->log = -1;
	if (vs_path_join(path, sizeof(path), l->dir, "boot.log") != VS_OK ||
	    vs_path_join(old, sizeof(old), l->dir, "boot.log.1") != VS_OK)
		return;
	if (stat(path, &st) == 0 && st.st_size > LOG_LEN_MAX &&
	    rename(path, old) != 0)
		vs_warn("%s: %s", path, strerror(errno));
	l->log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (l->log < 0)
		vs_warn("%s: %s", path, strerror(errno));
}

/* Decides over the open files and leaves the decision where it is read. */
static enum ending decide(struct loader *l, enum vs_reset_cause cause)
{
	struct vs_boot_component components[VS_BOOT_COMPONENTS_MAX];
	int count = vs_machine_components(&l->machine, components);
	struct vs_keyring ring;
	struct vs_boot_ops ops;
	char error[256];
	vs_status status;

	/* No dm-verity stands behind a file: every block is hashed now. */
	for (int c = 0; c < count; c++)
		components[c].hash_whole = true;
	if (vs_boot_files_keyring(l->dir, &l->files.crypto, &ring, error) !=
	    VS_OK) {
		note(l, "%s", error);
		memset(&ring, 0, sizeof(ring));
	}
	vs_boot_files_ops(&l->files, &ops);
	ops.log = log_decision;
	status = vs_boot_decide(&ops, components, count, &ring, cause, &scratch,
	                        &l->decision);
	if (status != VS_OK)
		note(l, "decision failed: %s", vs_status_name(status));
	if (vs_decision_store(l->dir, &l->machine, cause, &l->decision) !=
	    VS_OK) {
		vs_error("%s/decision.json: %s", l->dir, strerror(errno));
		return ENDING_BROKEN;
	}
	if (status != VS_OK || l->decision.verdict != VS_VERDICT_BOOT) {
		note(l, "denied: no slot may start, recovery is needed");
		return ENDING_DENIED;
	}
	return ENDING_STOP;
}

static enum ending mount_chosen(struct loader *l)
{
	int c = l->machine.charger;
	int slot = l->decision.slot;
	const struct vs_seal_header *h = &l->decision.header[c];
	char error[256];
	vs_status status;

	note(l, "starting %s: %s %s%s, tries left %d", slot_name(slot),
	     h->component, h->version, l->decision.trial ? " on trial" : "",
	     l->decision.tries_left);
	status = vs_image_mount(l->files.slots[c][slot], h->image_len, l->root,
	                        l->run, error);
	if (status == VS_OK)
		return ENDING_STOP;
	note(l, "%s", error);
	return status == VS_ERR_ABSENT ? ENDING_BROKEN : ENDING_CRASH;
}

static vs_status start_charger(struct loader *l)
{
	static const char *const argv[] = {CHARGER_PROGRAM, "/run", NULL};
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	                                  "HOME=/", NULL};
	struct vs_child what = {argv, env, l->root, l->log};

	return vs_child_start(&what, &l->pids[CHARGER]);
}

static vs_status start_agent(struct loader *l)
{
	struct vs_child what = {l->agent, (const char *const *)environ, NULL,
	                        -1};

	return vs_child_start(&what, &l->pids[AGENT]);
}

static void note_end(const struct loader *l, const char *who, int status)
{
	if (WIFSIGNALED(status))
		note(l, "%s was ended by signal %d", who, WTERMSIG(status));
	else
		note(l, "%s exited with %d", who, WEXITSTATUS(status));
}

/* Restarts the charger program, or gives up. */
static bool revive_charger(struct loader *l, int *restarts)
{
	const struct timespec pause = {0, RESTART_MS * 1000000L};

	if ((*restarts)++ == CHARGER_RESTARTS_MAX) {
		note(l, "charger program ended too often");
		return false;
	}
	nanosleep(&pause, NULL);
	return start_charger(l) == VS_OK;
}

static enum ending supervise(struct loader *l)
{
	int restarts = 0;

	for (;;) {
		int sig = vs_child_wait(1000);
		pid_t pid;
		int status;

		if (sig == SIGTERM || sig == SIGINT)
			return ENDING_STOP;
		while ((pid = vs_child_reap(&status)) > 0) {
			if (pid == l->pids[AGENT]) {
				l->pids[AGENT] = 0;
				note_end(l, "agent", status);
				return WIFEXITED(status) &&
				                       WEXITSTATUS(status) ==
				                               EXIT_REBOOT
				               ? ENDING_REQUEST
				               : ENDING_CRASH;
			}
			if (pid != l->pids[CHARGER])
				continue;
			l->pids[CHARGER] = 0;
			note_end(l, "charger program", status);
			if (!revive_charger(l, &restarts))
				return ENDING_CRASH;
		}
	}
}

static enum ending run_chosen(struct loader *l)
{
	enum ending ending = ENDING_CRASH;

	if (start_charger(l) == VS_OK && start_agent(l) == VS_OK)
		ending = supervise(l);
	else
		note(l, "cannot make a process: %s", strerror(errno));
	vs_child_stop(l->pids, 2, GRACE_MS);
	l->pids[AGENT] = l->pids[CHARGER] = 0;
	return ending;
}

/* One boot, from the decision to whatever ends the run. */
static enum ending boot(struct loader *l, enum vs_reset_cause cause)
{
	enum ending ending = ENDING_BROKEN;
	char error[256];

	open_log(l);
	note(l, "power on, reset cause %s", vs_reset_cause_name(cause));
	if (vs_boot_files_open(l->dir, &l->machine, O_RDONLY, &l->files,
	                       error) != VS_OK) {
		note(l, "%s", error);
	} else {
		ending = decide(l, cause);
		if (ending == ENDING_STOP)
			ending = mount_chosen(l);
		vs_boot_files_drop(&l->files);
		if (ending == ENDING_STOP) {
			ending = run_chosen(l);
			vs_image_unmount(l->root);
		}
	}
	return ending;
}

/* Whether somebody asked to stop while the machine rests for a second. */
static bool rest(void)
{
	int sig;

	do
		sig = vs_child_wait(1000);
	while (sig == SIGCHLD);
	return sig != 0;
}

/* A cold start is a power cut's end: it takes no try.  Only inside this loop
 * is it known that an image fell over, and then it does.
 */
static int run_machine(struct loader *l)
{
	enum vs_reset_cause cause = VS_RESET_POWER;
	int quick = 0;

	for (;;) {
		time_t began = time(NULL);
		enum ending ending = boot(l, cause);

		switch (ending) {
		case ENDING_STOP:
			note(l, "stopped");
			return EXIT_SUCCESS;
		case ENDING_DENIED:
			return EXIT_DENIED;
		case ENDING_BROKEN:
			return EXIT_FAILURE;
		case ENDING_REQUEST:
			cause = VS_RESET_REQUEST;
			quick = 0;
			break;
		case ENDING_CRASH:
			cause = VS_RESET_CRASH;
			quick = time(NULL) - began < QUICK_S ? quick + 1 : 0;
			break;
		}
		if (l->once)
			return ending == ENDING_REQUEST ? EXIT_REBOOT
			                                : EXIT_CRASHED;
		if (quick == QUICK_CRASHES_MAX) {
			vs_error("%s: falls over right after each start: "
			         "giving up",
			         l->machine.vehicle);
			return EXIT_CRASHED;
		}
		note(l, "reboot");
		if (quick > 0 && rest())
			return EXIT_SUCCESS;
	}
}

/* Splits the command at its blanks, in place. */
static bool split_words(char *command, const char *words[AGENT_WORDS_MAX + 1])
{
	int count = 0;

	for (;;) {
		while (*command == ' ' || *command == '\t')
			*command++ = '\0';
		if (*command == '\0')
			break;
		if (count == AGENT_WORDS_MAX)
			return false;
		words[count++] = command;
		while (*command != '\0' && *command != ' ' && *command != '\t')
			command++;
	}
	words[count] = NULL;
	return count > 0;
}

/* One loader for one machine: two would take each other's tries. */
static bool lock_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	vs_error("%s: %s", dir,
	         errno == EWOULDBLOCK ? "another voltseal-boot runs here"
	                              : strerror(errno));
	vs_fd_drop(&fd);
	return false;
}

static bool prepare(struct loader *l, const char *dir)
{
	char error[256];

	if (!realpath(dir, l->dir)) {
		vs_error("%s: %s", dir, strerror(errno));
		return false;
	}
	if (vs_machine_load(l->dir, &l->machine, error) != VS_OK) {
		vs_error("%s", error);
		return false;
	}
	if (strcmp(l->machine.storage, "files") != 0) {
		vs_error("machine.conf: storage: another loader's");
		return false;
	}
	if (!lock_dir(l->dir))
		return false;
	if (vs_path_join(l->root, sizeof(l->root), l->dir, "root") != VS_OK ||
	    vs_path_join(l->run, sizeof(l->run), l->dir, "run") != VS_OK ||
	    vs_file_mkdirs(l->root, 0755) != VS_OK ||
	    vs_file_mkdirs(l->run, 0755) != VS_OK) {
		vs_error("%s: cannot make its folders: %s", l->dir,
		         strerror(errno));
		return false;
	}
	if (vs_image_seclude(error) != VS_OK) {
		vs_error("%s", error);
		return false;
	}
	if (setenv("VOLTSEAL_DIR", l->dir, 1) != 0 ||
	    setenv("VOLTSEAL_IMAGE", l->root, 1) != 0 ||
	    vs_child_init() != VS_OK) {
		vs_error("cannot prepare for child processes: %s",
		         strerror(errno));
		return false;
	}
	return true;
}

static int usage(FILE *to, int code)
{
	fputs("usage: voltseal-boot --dir DIR --agent 'PATH ARG...' [--once]\n"
	      "Plays the charger whose storage is DIR: see voltseal-boot(8).\n",
	      to);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"dir",   required_argument, NULL, 'd'},
		{"agent", required_argument, NULL, 'a'},
		{"once",  no_argument,       NULL, 'o'},
		{"help",  no_argument,       NULL, 'h'},
		{NULL,    0,                 NULL, 0  },
	};
	static struct loader l = {.log = -1};
	const char *dir = NULL;
	int opt;

	vs_log_init("voltseal-boot");
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'd')
			dir = optarg;
		else if (opt == 'o')
			l.once = true;
		else if (opt == 'h')
			return usage(stdout, EXIT_SUCCESS);
		else if (opt != 'a' || !split_words(optarg, l.agent))
			return usage(stderr, 2);
	}
	if (!dir || !l.agent[0] || optind != argc)
		return usage(stderr, 2);
	return prepare(&l, dir) ? run_machine(&l) : EXIT_FAILURE;
}
