/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/server.c - what an update server has, and what it hears.
 */
#include "tests/agent/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/http.h"
#include "base/pem.h"
#include "trust/digest.h"
#include "trust/time.h"

struct server *server_now; /* the one that answers */

/* repo.edit */
static void say_when(struct repo *r, const char *file, json_t *body)
{
	char when[VS_TIME_LEN];

	(void)r;
	if (!server_now || !server_now->issued_s ||
	    strcmp(file, "timestamp.json") != 0)
		return;
	vs_time_format(server_now->issued_s, when);
	assert_int_equal(json_object_set_new(body, "issued", json_string(when)),
	                 0);
}

void server_init(struct server *s)
{
	memset(s, 0, sizeof(*s));
	repo_init(&s->director);
	repo_init(&s->image);
	s->director.edit = s->image.edit = say_when;
	assert_int_equal(json_object_set_new(s->director.targets,
	                                     "vehicleIdentifier",
	                                     json_string("CP-0001")),
	                 0);
	s->heard = mmap(NULL, sizeof(*s->heard), PROT_READ | PROT_WRITE,
	                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(s->heard, MAP_FAILED);
	repo_publish(&s->director);
	repo_publish(&s->image);
	server_now = s;
}

void server_drop(struct server *s)
{
	server_now = NULL;
	munmap(s->heard, sizeof(*s->heard));
	vs_key_drop(&s->device);
	repo_drop(&s->director);
	repo_drop(&s->image);
}

static void put_root(struct repo *r, const struct maker *m, const char *folder)
{
	const struct memfile *root = repo_served(r, "1.root.json");
	char rel[128];
	char path[PATH_MAX];

	snprintf(rel, sizeof(rel), "charger/agent/%s", folder);
	assert_int_equal(vs_file_mkdirs(maker_path(m, rel, path), 0700), VS_OK);
	snprintf(rel, sizeof(rel), "charger/agent/%s/root.json", folder);
	maker_put(m, rel, root->bytes, root->len);
}

void server_provision(struct server *s, const struct maker *m)
{
	char path[PATH_MAX];
	EVP_PKEY *key;

	put_root(&s->director, m, "director");
	put_root(&s->image, m, "image");
	vs_key_drop(&s->device);
	maker_path(m, "charger/device.key", path);
	assert_int_equal(vs_pem_generate(path, false, &key), VS_OK);
	assert_int_equal(vs_key_from_pkey(key, &s->device), VS_OK);
	EVP_PKEY_free(key);
}

static json_t *common(const struct made *r)
{
	const struct vs_seal_header *h = &r->opened.header;

	return json_pack("{s:[s], s:I, s:I}", "hardwareIds", h->hardware[0],
	                 "releaseCounter", (json_int_t)h->release_seq,
	                 "rollbackIndex", (json_int_t)h->security_version);
}

static void add_part(struct server *s, const struct made *r)
{
	struct server_part *p = &s->parts[s->part_count++];
	const struct vs_seal_header *h = &r->opened.header;
	struct vs_write_file file = {p->path, 0, r->seal, r->seal_len};
	json_t *image = common(r);
	json_t *director = common(r);
	char hex[VS_DIGEST_HEX_MAX];
	char ecu[64];

	p->made = r;
	snprintf(p->path, sizeof(p->path), "%s/%s.seal", h->component,
	         h->version);
	snprintf(p->name, sizeof(p->name), "%s/%s.%s.seal", h->component,
	         r->sha256, h->version);
	assert_int_equal(vs_digest_hex("sha256", r->pack, r->pack_len, hex),
	                 VS_OK);
	memcpy(p->pack, hex, sizeof(p->pack));
	snprintf(ecu, sizeof(ecu), "CP-0001-%s", h->component);
	assert_int_equal(
		json_object_update_new(
			image, json_pack("{s:s, s:s, s:{s:s, s:I}}",
	                                 "component", h->component, "version",
	                                 h->version, "pack", "sha256", p->pack,
	                                 "length", (json_int_t)r->pack_len)),
		0);
	assert_int_equal(
		json_object_update_new(
			director, json_pack("{s:{s:{s:s}}}", "ecuIdentifiers",
	                                    ecu, "hardwareId", h->hardware[0])),
		0);
	assert_int_equal(vs_write_add_target(s->image.targets, &file, image),
	                 VS_OK);
	assert_int_equal(
		vs_write_add_target(s->director.targets, &file, director),
		VS_OK);
}

void server_offer(struct server *s, const struct made *gateway,
                  const struct made *controller)
{
	json_object_clear(json_object_get(s->director.targets, "targets"));
	json_object_clear(json_object_get(s->image.targets, "targets"));
	s->part_count = 0;
	add_part(s, gateway);
	if (controller)
		add_part(s, controller);
}

static void publish(struct repo *r, uint64_t version)
{
	for (int i = R_TIMESTAMP; i < R_COUNT; i++)
		r->version[i] = version;
	repo_publish_files(r);
}

void server_publish(struct server *s)
{
	publish(&s->director, s->director.version[R_TIMESTAMP] + 1);
	publish(&s->image, s->image.version[R_TIMESTAMP] + 1);
}

void server_heal(struct server *s, uint64_t director_version)
{
	publish(&s->director, director_version + 1);
	publish(&s->image, s->image.version[R_TIMESTAMP] + 1);
}

const char *server_below(const char *url, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(url, prefix, len) == 0 ? url + len : NULL;
}

const uint8_t *server_find(const char *url, size_t *len)
{
	const struct memfile *f = NULL;
	const char *name;

	if ((name = server_below(url, SERVER_URL "/director/")))
		f = repo_served(&server_now->director, name);
	else if ((name = server_below(url, SERVER_URL "/image/")))
		f = repo_served(&server_now->image, name);
	if (f) {
		*len = f->len;
		return f->bytes;
	}
	if ((name = server_below(url, SERVER_URL "/log/")))
		return server_now->log ? server_now->log(name, len) : NULL;
	if ((name = server_below(url, SERVER_URL "/keyring/")))
		return server_now->keyring ? server_now->keyring(name, len)
		                           : NULL;
	if ((name = server_below(url, SERVER_URL "/deltas/")))
		return server_now->delta ? server_now->delta(name, len) : NULL;
	if ((name = strstr(url, ".tlog-proof")) && name[11] == '\0') {
		server_now->proofs_asked++;
		*len = server_now->proof ? strlen(server_now->proof) : 0;
		return (const uint8_t *)server_now->proof;
	}
	for (size_t i = 0; i < server_now->part_count; i++) {
		const struct server_part *p = &server_now->parts[i];
		char pack[80];

		snprintf(pack, sizeof(pack), "%s.pack", p->pack);
		name = server_below(url, SERVER_URL "/targets/");
		*len = p->made->seal_len;
		if (name && strcmp(name, p->name) == 0) {
			server_now->seals_asked++;
			return p->made->seal;
		}
		name = server_below(url, SERVER_URL "/packs/");
		*len = p->made->pack_len;
		if (name && strcmp(name, pack) == 0)
			return p->made->pack;
	}
	return NULL;
}

static vs_status judge(const struct vs_report *r)
{
	const struct heard *heard = server_now->heard;
	const struct vs_report_known known = {
		.vehicle = "CP-0001",
		.counter = heard->counter,
		.nonce = heard->nonce,
		.nonce_before = heard->nonce_before,
	};
	struct vs_why why;

	return vs_report_check(r, &known, &why);
}

static void give_nonce(struct vs_http_answer *out)
{
	struct heard *heard = server_now->heard;

	snprintf(heard->nonce, sizeof(heard->nonce), "%064x",
	         (unsigned)++heard->given);
	out->body = malloc(128);
	assert_non_null(out->body);
	out->len = (size_t)snprintf((char *)out->body, 128,
	                            "{\"nonce\": \"%s\"}", heard->nonce);
}

static uint64_t add_text(uint64_t sum, const char *text)
{
	for (; *text; text++)
		sum = (sum ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return (sum ^ 0x100) * UINT64_C(0x100000001b3);
}

uint64_t server_note(const struct vs_report *r)
{
	uint64_t sum = (uint64_t)r->reason * 1000003 + r->campaign_seq;

	sum = add_text(sum, r->status);
	sum = add_text(sum, r->phase);
	sum = add_text(sum, r->about);
	return add_text(sum, r->detail);
}

bool server_heard(uint64_t note)
{
	const struct heard *heard = server_now->heard;

	for (size_t i = 0; i < heard->note_count; i++)
		if (heard->notes[i] == note)
			return true;
	return false;
}

static void remember(struct heard *heard, uint64_t note)
{
	if (!server_heard(note) && heard->note_count < HEARD_NOTES)
		heard->notes[heard->note_count++] = note;
}

void server_hear(const char *text, size_t len, struct vs_http_answer *out)
{
	struct heard *heard = server_now->heard;
	struct vs_report *r = &heard->last;
	struct vs_why why;

	bool good = vs_report_decode(text, len, &server_now->device, r, &why) ==
	            VS_OK;
	/* who was cut off before it kept its first one has none to show, and
	 * asks; a charger that has shown one has one for ever */
	bool asks = good && !r->nonce[0] && !heard->nonce_before[0];

	if (!good || (!server_now->forgetful && judge(r) != VS_OK)) {
		heard->bad = heard->bad || !asks;
		out->code = 409;
		give_nonce(out);
		return;
	}
	if (server_now->forgetful && r->nonce[0]) {
		out->code = 409;
		return;
	}
	heard->reports++;
	remember(heard, server_note(r));
	heard->counter = r->counter;
	heard->refused[r->reason] = true;
	heard->installed += strcmp(r->status, "Installed") == 0;
	heard->bundled += strcmp(r->status, "Installed") == 0 &&
	                  strcmp(r->source, "bundle") == 0;
	memcpy(heard->nonce_before, r->nonce, sizeof(r->nonce));
	give_nonce(out);
}
