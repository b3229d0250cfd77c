/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/maker.c - a release team, its seals and packs, a charger.
 */
#include "tests/agent/maker.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/pem.h"
#include "seal/pack.h"
#include "seal/slot.h"

static const char machine[] = "vehicle = CP-0001\n"
			      "charger_component = gateway\n"
			      "component.gateway.hardware = gw-rev3\n"
			      "component.controller.hardware = ct-rev1\n";

void maker_init_in(struct maker *m, const char *folder)
{
	memset(m, 0, sizeof(*m));
	assert_int_equal(vs_openssl_init(&m->crypto), VS_OK);
	for (size_t i = 0; i < MAKER_PEOPLE; i++)
		person_init(&m->people[i], &m->crypto);
	ring_fill(&m->ring, m->people, MAKER_PEOPLE, MAKER_PEOPLE);
	m->ring.component_count = 2;
	memset(m->ring.components, 0, sizeof(m->ring.components));
	memcpy(m->ring.components[0], "controller", 11);
	memcpy(m->ring.components[1], "gateway", 8);
	snprintf(m->dir, sizeof(m->dir), "%s/vs-agent-XXXXXX", folder);
	assert_non_null(mkdtemp(m->dir));
}

void maker_init(struct maker *m)
{
	maker_init_in(m, "/tmp");
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void maker_drop(struct maker *m)
{
	for (size_t i = 0; i < MAKER_PEOPLE; i++)
		person_drop(&m->people[i]);
	vs_openssl_drop(&m->crypto);
	nftw(m->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void maker_scrap(const struct maker *m, const char *name)
{
	char path[PATH_MAX];

	nftw(maker_path(m, name, path), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void maker_scrap_charger(const struct maker *m)
{
	maker_scrap(m, "charger");
}

const char *maker_path(const struct maker *m, const char *name, char *out)
{
	snprintf(out, PATH_MAX, "%s/%s", m->dir, name);
	return out;
}

void maker_put(const struct maker *m, const char *name, const void *bytes,
               size_t len)
{
	char path[PATH_MAX];

	assert_int_equal(
		vs_file_replace(maker_path(m, name, path), bytes, len, 0600),
		VS_OK);
}

void maker_certificate(const struct maker *m, EVP_PKEY *key, const char *name)
{
	char path[PATH_MAX];
	const EVP_MD *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
	X509 *cert = X509_new();
	FILE *f = fopen(maker_path(m, name, path), "w");

	assert_non_null(f);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	assert_int_not_equal(X509_sign(cert, key, md), 0);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	assert_int_equal(fclose(f), 0);
	X509_free(cert);
}

void maker_identity(const struct maker *m, const char *key, const char *name)
{
	char path[PATH_MAX];
	EVP_PKEY *pair;

	maker_path(m, key, path);
	assert_int_equal(vs_pem_generate(path, false, &pair), VS_OK);
	maker_certificate(m, pair, name);
	EVP_PKEY_free(pair);
}

static void fill_header(struct vs_seal_header *h, const char *component,
                        uint64_t seq, uint32_t security, size_t len)
{
	memset(h, 0, sizeof(*h));
	snprintf(h->component, sizeof(h->component), "%s", component);
	snprintf(h->hardware[0], sizeof(h->hardware[0]), "%s",
	         strcmp(component, "gateway") == 0 ? "gw-rev3" : "ct-rev1");
	snprintf(h->version, sizeof(h->version), "1.%u.0", (unsigned)seq);
	h->release_seq = seq;
	h->security_version = security;
	h->image_len = len;
	memset(h->salt, component[0], sizeof(h->salt));
}

static void make_seal(struct maker *m, struct made *r, struct vs_seal_header *h,
                      const uint8_t *upper, size_t upper_len)
{
	uint8_t raw[VS_SEAL_HEADER_LEN];
	struct vs_signatures sigs = {0};
	uint8_t digest[VS_SHA256_LEN];
	size_t cap = VS_SEAL_HEADER_LEN + VS_SIGNATURE_BLOCK_MAX + upper_len;
	struct vs_why why;

	assert_int_equal(vs_seal_header_encode(h, raw, NULL), VS_OK);
	for (size_t i = 0; i < MAKER_PEOPLE; i++)
		person_sign(&m->people[i], raw, sizeof(raw), &sigs);
	r->seal = malloc(cap);
	assert_non_null(r->seal);
	assert_int_equal(vs_seal_encode(raw, &sigs, upper, upper_len, r->seal,
	                                cap, &r->seal_len),
	                 VS_OK);
	assert_int_equal(vs_seal_open(&m->ring, &m->crypto, r->seal,
	                              r->seal_len, &r->opened, &why),
	                 VS_OK);
	assert_int_equal(m->crypto.sha256(m->crypto.ctx, r->seal, r->seal_len,
	                                  NULL, 0, digest),
	                 VS_OK);
	vs_hex_encode(digest, sizeof(digest), r->sha256);
}

static void make_pack(struct made *r)
{
	const struct vs_tree *t = &r->opened.tree;
	struct vs_pack_head head = {r->image_len, t->clusters, {0}};
	struct vs_pack_encoder *encoder;
	size_t at;

	memcpy(head.root_hash, r->opened.header.root_hash, VS_SHA256_LEN);
	at = vs_pack_index_len(&head);
	r->pack = malloc(at + t->clusters * VS_PACK_FRAME_MAX);
	assert_non_null(r->pack);
	vs_pack_head_encode(&head, r->pack);
	assert_int_equal(vs_pack_encoder_new(1, &encoder), VS_OK);
	for (uint64_t i = 0; i < t->clusters; i++) {
		uint8_t *index = r->pack + VS_PACK_HEAD_LEN + i * 4;
		size_t len;

		assert_int_equal(vs_pack_encode(encoder,
		                                r->image + i * VS_CLUSTER_LEN,
		                                vs_tree_cluster_len(t, i),
		                                r->pack + at, &len),
		                 VS_OK);
		for (int k = 0; k < 4; k++)
			index[k] = (uint8_t)(len >> (8 * k));
		at += len;
	}
	vs_pack_encoder_free(&encoder);
	r->pack_len = at;
}

void maker_seal(struct maker *m, struct made *out, const char *component,
                uint64_t seq, uint32_t security, const uint8_t *image,
                size_t len)
{
	struct vs_seal_header h;
	struct vs_tree t;
	uint8_t *tree;

	memset(out, 0, sizeof(*out));
	out->image = malloc(len);
	assert_non_null(out->image);
	memcpy(out->image, image, len);
	out->image_len = len;
	fill_header(&h, component, seq, security, len);
	assert_int_equal(vs_tree_init(&t, len), VS_OK);
	tree = calloc(1, (size_t)t.len + VS_BLOCK_LEN);
	assert_non_null(tree);
	if (t.levels == 0) {
		assert_int_equal(vs_tree_hash_block(&m->crypto, h.salt, image,
		                                    len, h.root_hash),
		                 VS_OK);
	} else {
		for (uint64_t i = 0; i < t.clusters; i++)
			assert_int_equal(
				vs_tree_hash_cluster(
					&m->crypto, h.salt,
					image + i * VS_CLUSTER_LEN,
					vs_tree_cluster_len(&t, i),
					tree + vs_tree_leaves_at(&t, i)),
				VS_OK);
		assert_int_equal(vs_tree_finish(&t, &m->crypto, h.salt, tree,
		                                h.root_hash),
		                 VS_OK);
	}
	make_seal(m, out, &h, tree, (size_t)t.upper_len);
	free(tree);
	make_pack(out);
}

void maker_put_made(const struct maker *m, const char *name,
                    const struct made *r)
{
	char rel[64];

	snprintf(rel, sizeof(rel), "%s.seal", name);
	maker_put(m, rel, r->seal, r->seal_len);
	snprintf(rel, sizeof(rel), "%s.pack", name);
	maker_put(m, rel, r->pack, r->pack_len);
}

void made_drop(struct made *r)
{
	free(r->image);
	free(r->seal);
	free(r->pack);
	memset(r, 0, sizeof(*r));
}

struct vs_leaf made_leaf(const struct made *r)
{
	const struct vs_seal_header *h = &r->opened.header;
	struct vs_leaf leaf = {.hardware_count = 1,
	                       .release_seq = h->release_seq,
	                       .security_version = h->security_version,
	                       .seal_len = r->seal_len};

	snprintf(leaf.component, sizeof(leaf.component), "%s", h->component);
	snprintf(leaf.version, sizeof(leaf.version), "%s", h->version);
	snprintf(leaf.hardware[0], VS_LEAF_TEXT_LEN, "%s", h->hardware[0]);
	memcpy(leaf.seal_sha256, r->sha256, sizeof(leaf.seal_sha256));
	return leaf;
}

size_t maker_ring(const struct vs_keyring *ring, struct person *const *signers,
                  size_t count, uint8_t out[static VS_KEYRING_LEN_MAX])
{
	struct vs_signatures sigs = {0};
	size_t len, more;

	assert_int_equal(
		vs_keyring_encode(ring, out, VS_KEYRING_LEN_MAX, &len, NULL),
		VS_OK);
	for (size_t i = 0; i < count; i++)
		person_sign(signers[i], out, len, &sigs);
	assert_int_equal(vs_signatures_encode(&sigs, out + len,
	                                      VS_KEYRING_LEN_MAX - len, &more),
	                 VS_OK);
	return len + more;
}

static void write_keyring(struct maker *m, const char *name)
{
	static uint8_t out[VS_KEYRING_LEN_MAX];
	struct person *const both[] = {&m->people[0], &m->people[1]};

	maker_put(m, name, out, maker_ring(&m->ring, both, 2, out));
}

static void make_slot(const struct maker *m, const char *name)
{
	char path[PATH_MAX];
	int fd = open(maker_path(m, name, path), O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)MAKER_SLOT_LEN), 0);
	close(fd);
}

void maker_fill_slot(const struct maker *m, const char *name,
                     const struct made *r)
{
	char path[PATH_MAX];
	struct vs_disk disk;
	struct counted counted;
	struct vs_source source;
	struct vs_install in = {.seal = &r->opened,
	                        .target = &disk,
	                        .source = &source,
	                        .workers = 1};
	struct vs_install_stats stats;

	counted_init(&counted, r, &source);
	assert_int_equal(
		vs_disk_open(&disk, maker_path(m, name, path), true, NULL),
		VS_OK);
	assert_int_equal(vs_install_run(&in, &stats, NULL), VS_OK);
	vs_disk_close(&disk);
}

static void open_blank(const struct maker *m, struct vs_charger *c)
{
	char path[PATH_MAX], error[VS_ERROR_LEN] = "";

	maker_path(m, "charger", path);
	if (vs_charger_open_blank(c, path, error) != VS_OK)
		fail_msg("%s", error);
}

struct vs_record maker_record(const struct maker *m)
{
	struct vs_record record;
	struct vs_charger c;

	open_blank(m, &c);
	assert_int_equal(vs_record_load(&c.ops.record, &record), VS_OK);
	vs_charger_close(&c);
	return record;
}

void maker_set_record(const struct maker *m, struct vs_record record)
{
	struct vs_charger c;

	open_blank(m, &c);
	assert_int_equal(vs_record_store(&c.ops.record, &record), VS_OK);
	vs_charger_close(&c);
}

void maker_charger(struct maker *m, const struct made *gateway,
                   const struct made *controller, uint32_t floor)
{
	static const char *const slots[] = {
		"charger/slot-a/gateway", "charger/slot-a/controller",
		"charger/slot-b/gateway", "charger/slot-b/controller"};
	const uint32_t floors[VS_BOOT_COMPONENTS_MAX] = {floor, floor};
	struct vs_record record = {.slot = 0};
	struct vs_charger c;
	char path[PATH_MAX];

	assert_int_equal(
		vs_file_mkdirs(maker_path(m, "charger/agent", path), 0700),
		VS_OK);
	maker_put(m, "charger/machine.conf", machine, sizeof(machine) - 1);
	write_keyring(m, "charger/keyring");
	open_blank(m, &c);
	assert_int_equal(vs_boot_files_provision(maker_path(m, "charger", path),
	                                         &c.machine, floors),
	                 VS_OK);
	vs_charger_close(&c);
	for (size_t i = 0; i < 4; i++)
		make_slot(m, slots[i]);
	maker_fill_slot(m, slots[0], gateway);
	maker_fill_slot(m, slots[1], controller);
	record.slots[0].state = VS_SLOT_GOOD;
	maker_set_record(m, record);
}

void maker_decide(const struct maker *m, const struct vs_boot_decision *d)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
	                 "{\"slot\": %d, \"trial\": %s, \"fell_back\": %s, "
	                 "\"seen\": [{\"refused\": \"%s\"}, "
	                 "{\"refused\": \"%s\"}]}",
	                 d->slot, d->trial ? "true" : "false",
	                 d->fell_back ? "true" : "false",
	                 vs_reason_name(d->seen[0].refused),
	                 vs_reason_name(d->seen[1].refused));

	maker_put(m, "charger/decision.json", text, (size_t)n);
}

static vs_status counted_open(void *ctx, uint64_t first, uint64_t last)
{
	struct counted *c = ctx;

	if (first > last || last >= c->len)
		return VS_ERR_IO;
	c->from = c->pack;
	c->at = first;
	c->end = last + 1;
	c->requests++;
	return VS_OK;
}

static vs_status counted_open_delta(void *ctx, const uint8_t *old_root,
                                    const uint8_t *new_root, uint64_t first,
                                    uint64_t last, uint64_t *len)
{
	struct counted *c = ctx;

	(void)old_root;
	(void)new_root;
	c->deltas_asked++;
	if (!c->delta)
		return VS_ERR_ABSENT;
	if (first > last || first >= c->delta_len)
		return VS_ERR_IO;
	c->from = c->delta;
	c->at = first;
	c->end = last < c->delta_len ? last + 1 : c->delta_len;
	*len = c->delta_len;
	return VS_OK;
}

/* Whether the link breaks here. */
static bool breaks(struct counted *c, size_t len)
{
	if (c->breaks == 0 || c->from != c->delta)
		return false;
	c->until_break += len;
	if (c->until_break < c->break_each)
		return false;
	c->until_break = 0;
	c->breaks--;
	return true;
}

static vs_status counted_read(void *ctx, void *out, size_t len)
{
	struct counted *c = ctx;

	if (len > c->end - c->at ||
	    (c->fail_after && c->bytes + len > c->fail_after) || breaks(c, len))
		return VS_ERR_IO;
	memcpy(out, c->from + c->at, len);
	c->at += len;
	c->bytes += len;
	c->delta_bytes += c->from == c->delta ? len : 0;
	return VS_OK;
}

static void counted_close(void *ctx)
{
	struct counted *c = ctx;

	c->end = c->at;
}

void counted_init(struct counted *c, const struct made *r,
                  struct vs_source *out)
{
	memset(c, 0, sizeof(*c));
	c->pack = r->pack;
	c->len = r->pack_len;
	*out = (struct vs_source){c, counted_open, counted_read, counted_close,
	                          counted_open_delta};
}

static vs_status cut_read(void *ctx, int fd, void *out, size_t len, uint64_t at)
{
	(void)ctx;
	return vs_file_pread(fd, out, len, at);
}

static vs_status cut_write(void *ctx, int fd, const void *in, size_t len,
                           uint64_t at)
{
	struct cut_disk *c = ctx;
	bool cut = c->cut_at && ++c->writes >= c->cut_at;

	if (cut && c->torn && c->writes == c->cut_at)
		(void)!vs_file_pwrite(fd, in, len / 2, at);
	if (!cut && at % VS_CLUSTER_LEN == 0)
		c->clusters[at / VS_CLUSTER_LEN]++;
	return cut ? VS_ERR_IO : vs_file_pwrite(fd, in, len, at);
}

static vs_status cut_sync(void *ctx, int fd)
{
	struct cut_disk *c = ctx;

	(void)fd;
	c->syncs++;
	return c->cut_at && c->writes >= c->cut_at ? VS_ERR_IO : VS_OK;
}

void cut_disk_init(struct cut_disk *c)
{
	memset(c, 0, sizeof(*c));
	c->ops = (struct vs_disk_ops){c, cut_read, cut_write, cut_sync};
}
