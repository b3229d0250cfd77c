/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_inspect.c - inspect: what a file says of itself, unverified.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "seal/lms.h"
#include "seal/openssl.h"
#include "seal/pack.h"
#include "seal/seal.h"
#include "sign/commands.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/tuf.h"

struct file {
	const char *path;
	uint8_t *bytes; /* the whole file, or a pack's head */
	size_t len;
	uint64_t size;
};

static bool begins(const struct file *f, const char *magic)
{
	size_t len = strlen(magic);

	return f->len >= len && memcmp(f->bytes, magic, len) == 0;
}

static json_t *hex_of(const uint8_t *bytes, size_t len)
{
	char hex[2 * VS_P256_KEY_LEN + 1];

	vs_hex_encode(bytes, len, hex);
	return json_string(hex);
}

static json_t *signers(const struct vs_signatures *sigs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sigs->count; i++)
		json_array_append_new(
			list, hex_of(sigs->at[i].key_id, VS_SHA256_LEN));
	return list;
}

static vs_status inspect_seal(const struct file *f, json_t **out,
                              struct vs_why *why)
{
	struct vs_seal s;
	vs_status status = vs_seal_decode(f->bytes, f->len, &s, why);

	if (status)
		return status;
	json_t *hardware = json_array();
	for (size_t i = 0; i < VS_HARDWARE_MAX && s.header.hardware[i][0]; i++)
		json_array_append_new(hardware,
		                      json_string(s.header.hardware[i]));
	*out = json_pack(
		"{s:s, s:s, s:o, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:I}",
		"kind", "seal", "component", s.header.component, "hardware",
		hardware, "version", s.header.version, "release_seq",
		(json_int_t)s.header.release_seq, "security_version",
		(json_int_t)s.header.security_version, "image_len",
		(json_int_t)s.header.image_len, "salt",
		hex_of(s.header.salt, VS_SALT_LEN), "root_hash",
		hex_of(s.header.root_hash, VS_SHA256_LEN), "signed_by",
		signers(&s.signatures), "tree_len",
		(json_int_t)s.tree.upper_len);
	return VS_OK;
}

static vs_status inspect_keyring(const struct file *f, json_t **out,
                                 struct vs_why *why)
{
	struct vs_crypto crypto;
	struct vs_keyring ring;
	struct vs_signatures sigs;
	size_t body_len;
	vs_status status = vs_openssl_init(&crypto);

	if (status)
		return status;
	status = vs_keyring_decode(&crypto, f->bytes, f->len, &ring, &body_len,
	                           why);
	vs_openssl_drop(&crypto);
	if (!status)
		status = vs_signatures_decode(f->bytes + body_len,
		                              f->len - body_len, &sigs, why);
	if (status)
		return status;
	json_t *keys = json_array(), *components = json_array();
	for (size_t i = 0; i < ring.key_count; i++) {
		bool lms = ring.keys[i].scheme == VS_SCHEME_LMS_SHA256;

		json_array_append_new(
			keys, json_pack("{s:o, s:o}", "id",
		                        hex_of(ring.keys[i].id, VS_SHA256_LEN),
		                        lms ? "lms" : "point",
		                        hex_of(ring.keys[i].point,
		                               lms ? VS_LMS_KEY_LEN
		                                   : VS_P256_KEY_LEN)));
	}
	for (size_t i = 0; i < ring.component_count; i++)
		json_array_append_new(components,
		                      json_string(ring.components[i]));
	*out = json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "kind",
	                 "keyring", "version", (json_int_t)ring.version,
	                 "threshold", (json_int_t)ring.threshold,
	                 "lms_threshold", (json_int_t)ring.lms_threshold,
	                 "keys", keys, "components", components, "signed_by",
	                 signers(&sigs));
	return VS_OK;
}

static vs_status inspect_pack(const struct file *f, json_t **out,
                              struct vs_why *why)
{
	struct vs_pack_head head;

	if (f->len < VS_PACK_HEAD_LEN)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "pack is cut short", f->len);
	vs_status status = vs_pack_head_decode(f->bytes, &head, why);
	if (status)
		return status;
	*out = json_pack("{s:s, s:I, s:I, s:I, s:o}", "kind", "pack",
	                 "image_len", (json_int_t)head.image_len, "clusters",
	                 (json_int_t)head.clusters, "pack_len",
	                 (json_int_t)f->size, "root_hash",
	                 hex_of(head.root_hash, VS_SHA256_LEN));
	return VS_OK;
}

static vs_status inspect_metadata(const struct file *f, json_t **out,
                                  struct vs_why *why)
{
	struct vs_envelope e;
	const json_t *one;
	size_t i;
	vs_status status = vs_envelope_parse(f->bytes, f->len,
	                                     VS_TUF_TARGETS_MAX, NULL, &e, why);

	if (status)
		return status;
	json_t *ids = json_array();
	json_array_foreach(json_object_get(e.whole, "signatures"), i, one)
		json_array_append(ids, json_object_get(one, "keyid"));
	*out = json_pack("{s:s, s:O, s:o}", "kind", "metadata", "signed",
	                 e.body, "signed_by", ids);
	vs_envelope_drop(&e);
	return VS_OK;
}

static const struct {
	const char *magic;
	vs_status (*inspect)(const struct file *f, json_t **out,
	                     struct vs_why *why);
} kinds[] = {
	{"{",        inspect_metadata},
	{"VLTRING1", inspect_keyring },
	{"VPACK001", inspect_pack    },
	{"",         inspect_seal    },
};

/* A pack is larger than memory may be: its head says enough. */
static vs_status load(struct file *f)
{
	char sha256[65];
	vs_status status =
		vs_file_read(f->path, VS_SEAL_LEN_MAX, &f->bytes, &f->len);

	f->size = f->len;
	if (status != VS_ERR_LIMIT)
		return status;
	status = vs_file_sha256(f->path, sha256, &f->size);
	if (status)
		return status;
	FILE *in = fopen(f->path, "rbe");
	f->bytes = malloc(VS_PACK_HEAD_LEN);
	if (!in || !f->bytes ||
	    fread(f->bytes, 1, VS_PACK_HEAD_LEN, in) != VS_PACK_HEAD_LEN)
		status = VS_ERR_IO;
	f->len = VS_PACK_HEAD_LEN;
	if (in)
		fclose(in);
	return status;
}

static void print_fields(json_t *o)
{
	const char *name;
	json_t *v;

	json_object_foreach(o, name, v)
	{
		char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT |
		                                   JSON_ENSURE_ASCII);

		printf("%-18s %s\n", name, text ? text : "?");
		free(text);
	}
}

static vs_status run(const struct vs_args *args)
{
	struct file f = {.path = args->operand};
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	struct vs_why why = {0};
	size_t i = 0;
	vs_status status = load(&f);

	if (status) {
		free(f.bytes);
		return vs_say_io(status, f.path);
	}
	while (!begins(&f, kinds[i].magic))
		i++;
	status = kinds[i].inspect(&f, &o, &why);
	free(f.bytes);
	if (status)
		return vs_say_why(status, f.path, &why);
	if (!o)
		return vs_say_io(VS_ERR_NOMEM, f.path);
	if (!vs_args_flag(args, "json")) {
		print_fields(o);
		return VS_OK;
	}
	return vs_print_json(o);
}

static const struct vs_option options[] = {
	VS_FLAG("json", "print JSON"),
};

const struct vs_command vs_cmd_inspect = {
	"inspect",
	"print the fields of a seal, pack, keyring or metadata",
	"Verifies nothing; see voltseal-sign verify.",
	"FILE",
	options,
	sizeof options / sizeof *options,
	run,
};
