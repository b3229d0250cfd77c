/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/net/main.c - voltseal-net: HTTP and TLS for the agent, and nothing
 * else.
 *
 * Started by voltseal-agent, as another user, with lines for descriptors
 * (agent/line/wire.h).  It opens no file for writing and starts no program: see
 * agent/net/calls.h.  Where the kernel has Landlock it reads none but the
 * system's.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/confine/landlock.h"
#include "agent/line/birth.h"
#include "agent/line/wire.h"
#include "agent/net/calls.h"
#include "agent/net/serve.h"

#define STACK_LEN (512 * 1024)

/* Ends the process: a line ends with its other side. */
static void *work(void *arg)
{
	vs_net_serve((int)(intptr_t)arg);
	_exit(0);
}

static bool start(int fd)
{
	pthread_attr_t attr;
	pthread_t thread;

	return pthread_attr_init(&attr) == 0 &&
	       pthread_attr_setstacksize(&attr, STACK_LEN) == 0 &&
	       pthread_create(&thread, &attr, work, (void *)(intptr_t)fd) == 0;
}

/* What a resolver reads, as folders: a file that is replaced is another one.
 * No port is listened on.
 */
static vs_status give_up_files(void)
{
	static const char *const below[] = {
		"/etc",
		"/usr",
		"/lib",
		"/lib64",
		"/run/systemd/resolve",
		"/run/resolvconf",
		"/run/NetworkManager",
		"/run/connman",
		"/dev/null",
		"/dev/urandom",
		"/sys/devices/system/cpu",
		NULL,
	};
	const struct vs_landlock landlock = {
		.files = VS_LANDLOCK_FILES,
		.ports = VS_LANDLOCK_BIND,
		.kept = VS_LANDLOCK_READ_FILE | VS_LANDLOCK_READ_FOLDER |
	                VS_LANDLOCK_EXECUTE,
		.below = below,
	};
	int abi;

	return vs_landlock_enter(&landlock, &abi);
}

int main(int argc, char **argv)
{
	int count = argc == 2 ? argv[1][0] - '0' : 0;

	if (count < 1 || count > VS_WIRE_LINES || argv[1][1] != '\0')
		return 2;
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    give_up_files() != VS_OK || vs_net_calls() != VS_OK)
		return 1;
	for (int i = 1; i < count; i++)
		if (!start(VS_BIRTH_FD + i))
			return 1;
	work((void *)(intptr_t)VS_BIRTH_FD);
	return 1;
}
