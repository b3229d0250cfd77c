/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/disk_turned.c - voltseal-agent with a bug that metadata has
 * found.
 *
 * It stands for agent/run/run.c in voltseal-agent, which is otherwise the real
 * one: `run` says what came of each attack, "NAME errno", what it sees of the
 * network, and what it still has done by others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent/reach/runner.h"
#include "agent/run/agent.h"
#include "base/http.h"
#include "tests/agent/attack.h"

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

static void say_attacks(const struct vs_agent *a)
{
	int pair[2];

	attack_aim(a->conf.runner->pid);
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		printf("%s %d\n", attacks[i].name,
		       attack_try(attacks[i].what, a->charger.dir));
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
	say_attacks(a);
	say_rights();
	say_network();
	say_others(a);
	return 0;
}
