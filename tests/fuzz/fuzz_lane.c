/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_lane.c - whatever unpack says, and whatever lies in the
 * memory it shares, disk hears it as the table says (docs/formats/lane.md):
 * against a second reading of that table.
 *
 * Input: messages, each a byte of length and so many bytes, as if all had been
 * sent before the first question; what the connection ends with is an end.
 */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/line/lane.h"

enum { MESSAGES = 16, BYTES = 32, QUESTIONS = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
	uint8_t bytes[MESSAGES][BYTES];
	size_t len[MESSAGES];
	unsigned count, next;
};

static void read_script(const uint8_t *data, size_t size, struct script *s)
{
	memset(s, 0, sizeof(*s));
	while (size > 1 && s->count < MESSAGES) {
		size_t len = data[0] % BYTES;

		/* An empty message cannot be told from an end: it is one. */
		len = len > size - 1 ? size - 1 : len;
		if (len == 0)
			return;
		memcpy(s->bytes[s->count], data + 1, len);
		s->len[s->count++] = len;
		data += 1 + len;
		size -= 1 + len;
	}
}

/* Word 0 of the next message if that is one of two words, the second this. */
static uint32_t next_word(struct script *s, uint32_t number)
{
	unsigned i = s->next++;
	uint32_t words[2];

	if (i >= s->count || s->len[i] != sizeof(words))
		return 0;
	memcpy(words, s->bytes[i], sizeof(words));
	return words[1] == number ? words[0] : 0;
}

static vs_status expected(uint32_t word, bool *broken)
{
	if (!*broken && word == 3)
		return VS_OK;
	if (!*broken && word == 5)
		return VS_ERR_NOMEM;
	*broken = *broken || word != 4;
	return VS_ERR_INPUT;
}

static void ask(struct vs_lane *l, struct script *s, const uint8_t *data,
                size_t size)
{
	static uint8_t out[VS_LANE_CLUSTER_LEN];
	bool broken = next_word(s, 0) != 1;

	assert(vs_lane_start(l) == (broken ? VS_ERR_IO : VS_OK));
	for (uint32_t i = 1; i < QUESTIONS; i++) {
		size_t want = size > 0 ? data[i % size] + 1u : 1;
		uint32_t word = broken ? 0 : next_word(s, i);
		vs_status is;

		memset(out, 0xee, 300);
		is = vs_lane_decode(l, i, out, want, NULL);
		assert(is == expected(word, &broken));
		assert((l->phase == VS_LANE_BROKEN) == broken);
		if (is == VS_OK)
			assert(memcmp(out, l->cluster, want) == 0);
		assert(out[is == VS_OK ? want : 0] == 0xee);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[VS_LANE_FRAME_LEN], cluster[VS_LANE_CLUSTER_LEN];
	struct vs_lane l = {
		.frame = frame, .cluster = cluster, .answer_ms = 1000};
	struct script s;
	int pair[2];

	assert(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	l.fd = pair[0];
	read_script(data, size, &s);
	memcpy(cluster, data, size < sizeof(cluster) ? size : sizeof(cluster));
	for (unsigned i = 0; i < s.count; i++)
		assert(send(pair[1], s.bytes[i], s.len[i], 0) ==
		       (ssize_t)s.len[i]);
	assert(shutdown(pair[1], SHUT_WR) == 0);
	ask(&l, &s, data, size);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
