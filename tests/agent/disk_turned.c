/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/disk_turned.c - voltseal-agent with a bug that metadata has
 * found.
 *
 * It stands for agent/run/run.c and settle.c in voltseal-agent, which is
 * otherwise the real one, but for what each command comes to first that is
 * from outside or the device key's (the linker's --wrap).  There it says what
 * came of each attack, "NAME errno", what it sees of the network, and what it
 * still has done by others; and ends.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent/believe/local.h"
#include "agent/believe/successor.h"
#include "agent/key/identity.h"
#include "agent/reach/runner.h"
#include "agent/run/agent.h"
#include "agent/run/settle.h"
#include "base/http.h"
#include "tests/agent/attack.h"
#include "trust/tuf.h"

static const struct {
	enum attack what;
	const char *name;
} attacks[] = {
	{ATTACK_SOCKET,         "inet"        },
	{ATTACK_SOCKET_INET6,   "inet6"       },
	{ATTACK_SOCKET_PACKET,  "packet"      },
	{ATTACK_SOCKET_NETLINK, "netlink"     },
	{ATTACK_SOCKET_VSOCK,   "vsock"       },
	{ATTACK_SOCKET_X32,     "x32"         },
	{ATTACK_RING,           "ring"        },
	{ATTACK_NAMESPACE,      "unshare"     },
	{ATTACK_JOIN_PARENT,    "setns"       },
	{ATTACK_TRACE_PARENT,   "ptrace"      },
	{ATTACK_READ_PARENT,    "read-memory" },
	{ATTACK_WRITE_PARENT,   "write-memory"},
	{ATTACK_STEAL,          "steal"       },
	{ATTACK_DEVICE,         "device"      },
};

vs_status vs_agent_open(struct vs_agent *a, const char *dir, uint64_t build_s,
                        char error[static VS_ERROR_LEN])
{
	vs_status status = vs_machine_load(dir, &a->charger.machine, error);

	(void)build_s;
	snprintf(a->charger.dir, sizeof(a->charger.dir), "%s", dir);
	return status == VS_OK ? vs_conf_load(dir, &a->conf, error) : status;
}

void vs_agent_close(struct vs_agent *a)
{
	vs_conf_drop(&a->conf);
}

static void say_attacks(int victim)
{
	int pair[2];

	attack_aim(victim);
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		printf("%s %d\n", attacks[i].name,
		       attack_try(attacks[i].what, getenv("ATTACK_PATH")));
	printf("unix %d\n", socket(AF_UNIX, SOCK_STREAM, 0) < 0);
	printf("pair %d\n", socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0);
}

static void say_rights(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "CapPrm:\t", 8) == 0 ||
		    strncmp(line, "CapBnd:\t", 8) == 0)
			printf("%.6s %s", line, line + 8);
	if (f)
		fclose(f);
}

static void say_network(void)
{
	char line[512] = "";
	ssize_t n = readlink("/proc/self/ns/net", line, sizeof(line) - 1);
	FILE *f = fopen("/proc/self/net/dev", "re");

	line[n > 0 ? n : 0] = '\0';
	printf("namespace %s\n", line);
	while (f && fgets(line, sizeof(line), f))
		if (strchr(line, ':') && strncmp(line, "    lo:", 7) != 0)
			printf("interface %s", line);
	if (f)
		fclose(f);
}

static void say_others(const struct vs_agent *a)
{
	struct vs_http_config config = {.ca_file = a->conf.ca_file,
	                                .connect_ms = 500,
	                                .answer_ms = 500};
	char detail[VS_PROBE_LINE_LEN], out[VS_PROBE_OUTPUT_MAX + 1];
	struct vs_http_answer answer = {0};
	struct vs_why why;
	struct vs_http *h;
	size_t len;
	int check = vs_runner_check(a->conf.runner, detail, &why);

	printf("check %d %s\n", check, detail);
	printf("command %d %s", vs_runner_ask(a->conf.runner, out, &len), out);
	if (vs_http_new(&config, &h) != VS_OK)
		return;
	if (vs_http_get(h, a->conf.server_url, 100, &answer) != VS_OK)
		printf("\nnet %s\n", vs_http_error(h));
	vs_http_answer_drop(&answer);
	vs_http_free(&h);
}

int vs_agent_run(struct vs_agent *a)
{
	say_attacks(a->conf.runner->pid);
	say_rights();
	say_network();
	say_others(a);
	return 0;
}

/* Of a bundle's install. */
vs_status vs_agent_settle(struct vs_agent *a)
{
	int lines[VS_WIRE_LINES];
	char why[VS_PROBE_LINE_LEN];
	int started = vs_runner_net(a->conf.runner, lines, why);

	printf("start %d %s\n", started, why);
	exit(vs_agent_run(a));
}

/* Of a command that leaves nobody behind: it has itself a victim. */
static void turn(void)
{
	pid_t victim = fork();

	if (victim == 0)
		for (;;)
			pause();
	if (victim < 0)
		exit(1);
	say_attacks(victim);
	kill(victim, SIGKILL);
	say_rights();
	say_network();
	exit(0);
}

vs_status __wrap_vs_local_open(struct vs_local *l, const struct vs_charger *c,
                               const char *seal_file, const char *pack_file,
                               const char **failed, struct vs_why *why);
vs_status __wrap_vs_tuf_open(const struct vs_tuf_ops *ops, uint64_t now_s,
                             struct vs_tuf **out, struct vs_why *why);
vs_status __wrap_vs_device_key_request(const char *place, const char *subject,
                                       X509_REQ **out,
                                       char error[static VS_KEY_ERROR_LEN]);
vs_status __wrap_vs_successor_take(const struct vs_charger *c,
                                   const struct vs_conf *conf,
                                   const uint8_t *file, size_t len,
                                   struct vs_why *why);
vs_status __wrap_vs_identity_check(const struct vs_conf *conf,
                                   char error[static VS_ERROR_LEN]);
vs_status __wrap_vs_storage_put_cause(const struct vs_storage *s,
                                      enum vs_reset_cause cause);

vs_status __wrap_vs_local_open(struct vs_local *l, const struct vs_charger *c,
                               const char *seal_file, const char *pack_file,
                               const char **failed, struct vs_why *why)
{
	(void)l;
	(void)c;
	(void)seal_file;
	(void)pack_file;
	(void)failed;
	(void)why;
	turn();
	return VS_ERR_IO;
}

vs_status __wrap_vs_tuf_open(const struct vs_tuf_ops *ops, uint64_t now_s,
                             struct vs_tuf **out, struct vs_why *why)
{
	(void)ops;
	(void)now_s;
	(void)out;
	(void)why;
	turn();
	return VS_ERR_IO;
}

vs_status __wrap_vs_device_key_request(const char *place, const char *subject,
                                       X509_REQ **out,
                                       char error[static VS_KEY_ERROR_LEN])
{
	(void)place;
	(void)subject;
	(void)out;
	(void)error;
	turn();
	return VS_ERR_IO;
}

vs_status __wrap_vs_successor_take(const struct vs_charger *c,
                                   const struct vs_conf *conf,
                                   const uint8_t *file, size_t len,
                                   struct vs_why *why)
{
	(void)c;
	(void)conf;
	(void)file;
	(void)len;
	(void)why;
	turn();
	return VS_ERR_IO;
}

vs_status __wrap_vs_identity_check(const struct vs_conf *conf,
                                   char error[static VS_ERROR_LEN])
{
	(void)conf;
	(void)error;
	turn();
	return VS_ERR_IO;
}

vs_status __wrap_vs_storage_put_cause(const struct vs_storage *s,
                                      enum vs_reset_cause cause)
{
	(void)s;
	(void)cause;
	turn();
	return VS_ERR_IO;
}
