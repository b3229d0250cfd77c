/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/uptane_make.c - the two repositories that bench-uptane verifies: 200
 * targets in three delegated roles, a charger of eight ECUs.
 *
 * Offline roles are 2-of-3 P-256, online ones Ed25519, as in the field.
 *
 * usage: bench-uptane-make FOLDER   (FOLDER/director and FOLDER/image)
 */
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/pem.h"
#include "bench/uptane.h"
#include "trust/envelope.h"
#include "trust/write.h"

enum { offline = 3, needed = 2, roles = 3, far_s = 2000000000 };

struct signers {
	EVP_PKEY *secret[offline];
	struct vs_key keys[offline];
	size_t count; /* 1: online */
};

static const char *const role_names[roles] = {"safety", "metering", "gateway"};
static const char *const role_paths[roles] = {"safety/*", "metering/*",
                                              "gateway/*"};

static const char *const role_files[roles] = {"safety.json", "metering.json",
                                              "gateway.json"};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	vs_error("%s failed", what);
	exit(1);
}

static void make_signers(struct signers *s, size_t count)
{
	s->count = count;
	for (size_t i = 0; i < count; i++) {
		s->secret[i] =
			count == 1 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
				   : EVP_EC_gen("P-256");
		must(s->secret[i] &&
		             !vs_key_from_pkey(s->secret[i], &s->keys[i]),
		     "a key");
	}
}

static void drop_signers(struct signers *s)
{
	for (size_t i = 0; i < s->count; i++) {
		vs_key_drop(&s->keys[i]);
		EVP_PKEY_free(s->secret[i]);
	}
}

static struct vs_write_role role_of(const char *name, const struct signers *s)
{
	return (struct vs_write_role){name, s->keys, s->count,
	                              s->count == 1 ? 1 : needed};
}

/* Signs body and writes it.  Takes body; gives what a parent lists of it. */
static struct vs_write_file publish(const char *folder, const char *name,
                                    const char *listed, json_t *body,
                                    const struct signers *by)
{
	size_t signatures = by->count == 1 ? 1 : needed, len, sig_len;
	struct vs_envelope e;
	uint8_t sig[128];
	char path[PATH_MAX], *text;

	must(!vs_envelope_new(body, &e), name);
	for (size_t i = 0; i < signatures; i++) {
		sig_len = sizeof sig;
		must(!vs_pem_sign(by->secret[i], e.canon, e.canon_len, sig,
		                  &sig_len) &&
		             !vs_envelope_add(&e, by->keys[i].id, sig, sig_len),
		     name);
	}
	must(!vs_envelope_encode(&e, &text, &len) &&
	             !vs_file_mkdirs(folder, 0755) &&
	             !vs_path_join(path, sizeof path, folder, name) &&
	             !vs_file_replace(path, text, len, 0644),
	     name);
	vs_envelope_drop(&e);
	return (struct vs_write_file){listed, 1, text, len};
}

static void publish_root(const char *folder, const struct signers *root,
                         const struct signers *targets,
                         const struct signers *online)
{
	const struct vs_write_role all[] = {
		role_of("root", root), role_of("targets", targets),
		role_of("snapshot", online), role_of("timestamp", online)};
	struct vs_write_file file;
	json_t *body;

	must(!vs_write_root(1, far_s, all, 4, &body), "a root");
	file = publish(folder, "1.root.json", "", body, root);
	free((void *)(uintptr_t)file.bytes);
}

static void publish_rest(const char *folder, struct vs_write_file *files,
                         size_t count, const struct signers *online)
{
	struct vs_write_file file;
	json_t *body;

	must(!vs_write_snapshot(1, far_s, files, count, &body), "a snapshot");
	file = publish(folder, "1.snapshot.json", "snapshot.json", body,
	               online);
	must(!vs_write_timestamp(1, BENCH_NOW, far_s, &file, &body),
	     "a timestamp");
	free((void *)(uintptr_t)file.bytes);
	file = publish(folder, "timestamp.json", "", body, online);
	free((void *)(uintptr_t)file.bytes);
	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)files[i].bytes);
}

static void path_of(size_t i, char out[static 64])
{
	(void)snprintf(out, 64, "%s/%s-%zu.seal", role_names[i % roles],
	               role_names[i % roles], i);
}

/* The first of them are one release for the charger's ECUs. */
static void add_target(json_t *body, size_t i)
{
	char path[64], hardware[32], bytes[32];
	struct vs_write_file file = {path, 0, bytes, 0};
	json_t *set = json_array(), *custom;

	path_of(i, path);
	(void)snprintf(hardware, sizeof hardware, "hw-%zu", i);
	file.len = (size_t)snprintf(bytes, sizeof bytes, "seal %zu", i);
	for (size_t k = 0; i < BENCH_ECUS && k < BENCH_ECUS; k++) {
		char member[64];

		path_of(k, member);
		must(!json_array_append_new(set, json_string(member)), "set");
	}
	custom = json_pack(
		"{s:s, s:[s], s:I, s:s, s:{s:I, s:s, s:s}, s:s, s:i, s:o, s:i, "
		"s:s, s:s}",
		"component", role_names[i % roles], "hardwareIds", hardware,
		"imageLength", (json_int_t)419430400, "imageSha256",
		BENCH_DIGEST, "pack", "length", (json_int_t)157286400, "path",
		"packs/" BENCH_DIGEST ".pack", "sha256", BENCH_DIGEST,
		"release", "2026.11", "releaseCounter", 11, "releaseSet", set,
		"rollbackIndex", 5, "updateType", "security", "version",
		"1.1.0");
	must(custom && !vs_write_add_target(body, &file, custom), "a target");
}

static void make_image(const char *folder)
{
	struct signers root, top, online, by[roles];
	struct vs_write_file files[1 + roles];
	json_t *targets, *body;

	make_signers(&root, offline);
	make_signers(&top, offline);
	make_signers(&online, 1);
	publish_root(folder, &root, &top, &online);
	must(!vs_write_targets(1, far_s, &targets), "targets");
	for (size_t r = 0; r < roles; r++) {
		char name[32];

		make_signers(&by[r], offline);
		const struct vs_write_role role =
			role_of(role_names[r], &by[r]);
		must(!vs_write_add_delegation(targets, &role, &role_paths[r], 1,
		                              false) &&
		             !vs_write_targets(1, far_s, &body),
		     "a delegation");
		for (size_t i = r; i < BENCH_TARGETS; i += roles)
			add_target(body, i);
		(void)snprintf(name, sizeof name, "1.%s.json", role_names[r]);
		files[1 + r] =
			publish(folder, name, role_files[r], body, &by[r]);
	}
	files[0] = publish(folder, "1.targets.json", "targets.json", targets,
	                   &top);
	publish_rest(folder, files, 1 + roles, &online);
	for (size_t r = 0; r < roles; r++)
		drop_signers(&by[r]);
	drop_signers(&online);
	drop_signers(&top);
	drop_signers(&root);
}

static void make_director(const char *folder)
{
	struct signers root, online;
	struct vs_write_file file;
	json_t *body;

	make_signers(&root, offline);
	make_signers(&online, 1);
	publish_root(folder, &root, &online, &online);
	must(!vs_write_targets(1, far_s, &body) &&
	             !json_object_set_new(body, "vehicleIdentifier",
	                                  json_string(BENCH_VEHICLE)),
	     "targets");
	for (size_t i = 0; i < BENCH_ECUS; i++) {
		char path[64], ecu[32], hardware[32], bytes[32];
		struct vs_write_file target = {path, 0, bytes, 0};
		json_t *custom;

		path_of(i, path);
		(void)snprintf(ecu, sizeof ecu, "ecu-%zu", i);
		(void)snprintf(hardware, sizeof hardware, "hw-%zu", i);
		target.len =
			(size_t)snprintf(bytes, sizeof bytes, "seal %zu", i);
		custom = json_pack("{s:{s:{s:s}}, s:[s], s:i, s:i}",
		                   "ecuIdentifiers", ecu, "hardwareId",
		                   hardware, "hardwareIds", hardware,
		                   "releaseCounter", 11, "rollbackIndex", 5);
		must(custom && !vs_write_add_target(body, &target, custom),
		     "a target");
	}
	file = publish(folder, "1.targets.json", "targets.json", body, &online);
	publish_rest(folder, &file, 1, &online);
	drop_signers(&online);
	drop_signers(&root);
}

int main(int argc, char **argv)
{
	char folder[PATH_MAX];

	vs_log_init("bench-uptane-make");
	if (argc != 2) {
		vs_error("usage: bench-uptane-make FOLDER");
		return 2;
	}
	must(!vs_path_join(folder, sizeof folder, argv[1], "image"), "a path");
	make_image(folder);
	must(!vs_path_join(folder, sizeof folder, argv[1], "director"),
	     "a path");
	make_director(folder);
	return 0;
}
