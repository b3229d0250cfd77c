/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/unpack_hostile.c - a program in voltseal-unpack's place that
 * confines itself to nothing, and says and writes what it likes.
 *
 * Its own file's name says what it does: "attack" tries what a frame says
 * (attack.h); "hang" is never ready; "die" ends at once; "spin-N" and "draw-N"
 * answer as the seed N draws: spin rightly, with a thread that changes a byte
 * of the cluster all the time.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/line/lane.h"
#include "tests/agent/attack.h"

static uint8_t *shared;
static uint8_t *before; /* the cluster that was right last */
static uint64_t seed;
static bool spins;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16) % below;
}

static void tell(int fd, uint32_t what, uint32_t number)
{
	const uint32_t words[VS_LANE_ANSWER] = {what, number};

	(void)!send(fd, words, sizeof(words), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void babble(int fd, size_t len)
{
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(draw(4) ? draw(6) * !(i % 4) : draw(256));
	(void)!send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void scribble(uint8_t *at, size_t len)
{
	for (unsigned i = draw(200) + 1; i > 0; i--)
		at[draw((uint32_t)len)] ^= (uint8_t)(1 + draw(255));
}

/* One byte is right and wrong in turn, all the time: whoever looks twice sees
 * two things.
 */
static void *spin(void *arg)
{
	volatile uint8_t *at = shared + VS_LANE_FRAME_LEN + draw(60000);

	for (;;)
		*at ^= 1;
	return arg;
}

/* Something else than the right answer. */
static void lie(int fd, uint32_t number, uint8_t *cluster, size_t len)
{
	switch (draw(14)) {
	case 0:
		scribble(cluster, len);
		tell(fd, VS_REQUEST_DECODED, number);
		return;
	case 1: /* after the answer: it may be looked at already */
		tell(fd, VS_REQUEST_DECODED, number);
		scribble(cluster, len);
		return;
	case 2:
		tell(fd, VS_REQUEST_DECODED, number);
		tell(fd, VS_REQUEST_DECODED, number);
		return;
	case 3: /* of the next one, before it was asked */
		tell(fd, VS_REQUEST_DECODED, number);
		tell(fd, VS_REQUEST_DECODED, number + 1);
		return;
	case 4:
		tell(fd, draw(8), number + draw(3) - 1);
		return;
	case 5:
		babble(fd, draw(64) + 1);
		return;
	case 6: /* one cluster again in another's place */
		memcpy(cluster, before, len);
		tell(fd, VS_REQUEST_DECODED, number);
		return;
	case 7:
		poll(NULL, 0, 1500);
		tell(fd, VS_REQUEST_DECODED, number);
		return;
	case 8:
		_exit((int)draw(130));
	case 9:
		tell(fd, VS_REQUEST_NO_FRAME + draw(2), number);
		return;
	case 10:
		for (unsigned i = draw(300); i > 0; i--)
			babble(fd, draw(64) + 1);
		return;
	case 11:
		shutdown(fd, (int)draw(3));
		return;
	case 12:
		(void)!ftruncate(VS_LANE_SHARED_FD, 0);
		tell(fd, VS_REQUEST_DECODED, number);
		return;
	default:
		memset(shared, (int)draw(256), VS_LANE_LEN);
		tell(fd, VS_REQUEST_DECODED, number);
	}
}

static void answer(int fd, bool attacks, const uint32_t *words,
                   struct vs_pack_decoder *decoder)
{
	uint8_t *cluster = shared + VS_LANE_FRAME_LEN;
	size_t len = words[VS_LANE_CLUSTER];

	if (attacks) {
		cluster[0] = (uint8_t)attack_try((enum attack)shared[0],
		                                 (const char *)shared + 1);
		tell(fd, VS_REQUEST_DECODED, words[VS_LANE_NUMBER]);
		return;
	}
	if (vs_pack_decode(decoder, shared, words[VS_LANE_FRAME], cluster, len,
	                   NULL) == VS_OK &&
	    (spins || draw(3) > 0))
		tell(fd, VS_REQUEST_DECODED, words[VS_LANE_NUMBER]);
	else
		lie(fd, words[VS_LANE_NUMBER], cluster, len);
	if (draw(2))
		memcpy(before, cluster, len);
}

static void start_spinning(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, spin, NULL) != 0)
		_exit(3);
}

int main(void)
{
	struct vs_pack_decoder *decoder;
	char path[4096];
	const char *name, *number;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	uint32_t words[VS_LANE_QUESTION];

	path[n > 0 ? n : 0] = '\0';
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	number = strchr(name, '-');
	seed = (number ? strtoull(number + 1, NULL, 10) : 1) *
	               0x9e3779b97f4a7c15U +
	       1;
	shared = mmap(NULL, VS_LANE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED,
	              VS_LANE_SHARED_FD, 0);
	before = calloc(1, VS_LANE_CLUSTER_LEN);
	if (shared == MAP_FAILED || !before ||
	    vs_pack_decoder_new(&decoder) != VS_OK)
		return 3;
	if (strcmp(name, "die") == 0)
		return 0;
	while (strcmp(name, "hang") == 0)
		poll(NULL, 0, 1000);
	spins = strncmp(name, "spin", 4) == 0;
	if (spins)
		start_spinning();
	tell(VS_LANE_FD, VS_REQUEST_READY, 0);
	while (read(VS_LANE_FD, words, sizeof(words)) == sizeof(words))
		answer(VS_LANE_FD, strcmp(name, "attack") == 0, words, decoder);
	poll(NULL, 0, 3000);
	return 0;
}
