/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/operate/repository_maker.c - a TUF repository to test clients with.
 *
 * repository_maker DIR VERSION EXPIRES TARGET...: metadata of one version into
 * DIR/metadata, each TARGET "fw/..." named by role "release", each "eu/..." by
 * role "eu/meter", all others by the top-level targets; their bytes are in
 * DIR/targets/TARGET and get their consistent names.  Keys come from fixed
 * seeds, so the same command gives the same repository and a second one goes
 * on where the first stopped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "trust/envelope.h"
#include "trust/write.h"

enum { TOP, RELEASE, METER, ROOT, SNAPSHOT, TIMESTAMP, ROLES };

static const char *const names[ROLES] = {"targets", "release",  "eu/meter",
                                         "root",    "snapshot", "timestamp"};
static const char *const files[ROLES] = {"targets", "release",  "eu%2Fmeter",
                                         "root",    "snapshot", "timestamp"};

struct maker {
	const char *dir;
	uint64_t version, expires_s;
	EVP_PKEY *pkeys[ROLES];
	struct vs_key keys[ROLES];
	struct vs_write_role roles[ROLES];
	json_t *bodies[ROLES];
	char *texts[ROLES];
	size_t lens[ROLES];
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "repository_maker: %s\n", what);
	exit(1);
}

static void make_keys(struct maker *m)
{
	for (size_t r = 0; r < ROLES; r++) {
		uint8_t seed[32];

		memset(seed, (int)r + 1, sizeof seed);
		m->pkeys[r] = EVP_PKEY_new_raw_private_key(
			EVP_PKEY_ED25519, NULL, seed, sizeof seed);
		must(m->pkeys[r] && !vs_key_from_pkey(m->pkeys[r], &m->keys[r]),
		     "key");
		m->roles[r] =
			(struct vs_write_role){names[r], &m->keys[r], 1, 1};
	}
}

static void add_target(struct maker *m, const char *path)
{
	char from[4096], to[8192], hex[65];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_write_file file = {.name = path};
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash + 1 - path) : 0;
	size_t role = TOP;
	uint64_t len;

	if (!strncmp(path, "fw/", 3))
		role = RELEASE;
	else if (!strncmp(path, "eu/", 3))
		role = METER;
	(void)snprintf(from, sizeof from, "%s/targets/%s", m->dir, path);
	must(!vs_file_read(from, 64 << 20, &bytes, &file.len) &&
	             !vs_file_sha256(from, hex, &len),
	     from);
	file.bytes = bytes;
	must(!vs_write_add_target(m->bodies[role], &file, NULL), path);
	(void)snprintf(to, sizeof to, "%s/targets/%.*s%s.%s", m->dir, folder,
	               path, hex, path + folder);
	must(!vs_file_replace(to, bytes, file.len, 0644), to);
}

static void sign(struct maker *m, size_t r, bool versioned)
{
	struct vs_envelope e = {0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[64];
	size_t len = sizeof sig;
	char path[4096], prefix[32] = "";

	must(!vs_envelope_new(m->bodies[r], &e) &&
	             EVP_DigestSignInit(ctx, NULL, NULL, NULL, m->pkeys[r]) &&
	             EVP_DigestSign(ctx, sig, &len, (uint8_t *)e.canon,
	                            e.canon_len) &&
	             !vs_envelope_add(&e, m->keys[r].id, sig, len) &&
	             !vs_envelope_encode(&e, &m->texts[r], &m->lens[r]),
	     "sign");
	EVP_MD_CTX_free(ctx);
	vs_envelope_drop(&e);
	m->bodies[r] = NULL;
	if (versioned)
		(void)snprintf(
			prefix, sizeof prefix, "%llu.",
			(unsigned long long)(r == ROOT ? 1 : m->version));
	(void)snprintf(path, sizeof path, "%s/metadata/%s%s.json", m->dir,
	               prefix, files[r]);
	must(!vs_file_replace(path, m->texts[r], m->lens[r], 0644), path);
}

static void make(struct maker *m, char **targets)
{
	static const char *const fw[] = {"fw/*"}, *const eu[] = {"eu/*"};
	const uint64_t far_s = 4102444800; /* 2100: only root lives so long */
	struct vs_write_file listed[3], snapshot;

	for (size_t r = TOP; r <= METER; r++)
		must(!vs_write_targets(m->version, m->expires_s, &m->bodies[r]),
		     "targets");
	must(!vs_write_add_delegation(m->bodies[TOP], &m->roles[RELEASE], fw, 1,
	                              true) &&
	             !vs_write_add_delegation(m->bodies[TOP], &m->roles[METER],
	                                      eu, 1, true),
	     "delegation");
	for (; *targets; targets++)
		add_target(m, *targets);
	for (size_t r = TOP; r <= METER; r++) {
		static char named[3][32];

		sign(m, r, true);
		(void)snprintf(named[r], sizeof named[r], "%s.json", names[r]);
		listed[r] = (struct vs_write_file){named[r], m->version,
		                                   m->texts[r], m->lens[r]};
	}
	const struct vs_write_role top[] = {m->roles[ROOT], m->roles[TOP],
	                                    m->roles[SNAPSHOT],
	                                    m->roles[TIMESTAMP]};
	must(!vs_write_root(1, far_s, top, 4, &m->bodies[ROOT]), "root");
	sign(m, ROOT, true);
	must(!vs_write_snapshot(m->version, m->expires_s, listed, 3,
	                        &m->bodies[SNAPSHOT]),
	     "snapshot");
	sign(m, SNAPSHOT, true);
	snapshot =
		(struct vs_write_file){"snapshot.json", m->version,
	                               m->texts[SNAPSHOT], m->lens[SNAPSHOT]};
	must(!vs_write_timestamp(m->version, 0, m->expires_s, &snapshot,
	                         &m->bodies[TIMESTAMP]),
	     "timestamp");
	sign(m, TIMESTAMP, false);
}

int main(int argc, char **argv)
{
	struct maker m = {0};
	char folder[4096];

	must(argc >= 4,
	     "usage: repository_maker DIR VERSION EXPIRES TARGET...");
	m.dir = argv[1];
	m.version = strtoull(argv[2], NULL, 10);
	m.expires_s = strtoull(argv[3], NULL, 10);
	(void)snprintf(folder, sizeof folder, "%s/metadata", m.dir);
	must(!vs_file_mkdirs(folder, 0755), folder);
	make_keys(&m);
	make(&m, argv + 4);
	for (size_t r = 0; r < ROLES; r++) {
		free(m.texts[r]);
		vs_key_drop(&m.keys[r]);
		EVP_PKEY_free(m.pkeys[r]);
	}
	return 0;
}
