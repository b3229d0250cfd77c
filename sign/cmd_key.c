/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_key.c - key generate, list, export: a person's keys.
 */
#include <stdio.h>

#include "base/hex.h"
#include "base/log.h"
#include "sign/commands.h"
#include "sign/pubkey.h"
#include "sign/say.h"
#include "sign/token.h"
#include "trust/json.h"

/* Whole ids: people compare them with what they are shown to sign. */
static void print_key(const struct vs_p11_key *key, const struct vs_pubkey *pub)
{
	char boot_id[65];

	vs_hex_encode(pub->boot_id, sizeof pub->boot_id, boot_id);
	printf("%s\n    tuf  %s\n    boot %s\n", key->label, pub->tuf.id,
	       boot_id);
}

static vs_status describe(const char *token, const struct vs_p11_key *key)
{
	VS_AUTO(vs_pubkey_drop) struct vs_pubkey pub;
	vs_status status = vs_pubkey_make(token, key, &pub);

	if (!status)
		print_key(key, &pub);
	return status;
}

static vs_status run_generate(const struct vs_args *args)
{
	VS_AUTO(vs_p11_close) struct vs_p11 *p = NULL;
	struct vs_p11_key key;
	vs_status status = vs_token_open(args, true, &p);

	if (status)
		return status;
	status = vs_p11_generate(p, vs_args_text(args, "key"), &key);
	if (status)
		return vs_token_failed(p, status);
	return describe(vs_args_text(args, "token"), &key);
}

static json_t *encode(const char *token, const struct vs_p11_key *key)
{
	VS_AUTO(vs_pubkey_drop) struct vs_pubkey pub = {0};
	char boot_id[65];

	if (vs_pubkey_make(token, key, &pub))
		return NULL;
	vs_hex_encode(pub.boot_id, sizeof pub.boot_id, boot_id);
	return json_pack("{s:s, s:s, s:s}", "label", key->label, "tuf",
	                 pub.tuf.id, "boot", boot_id);
}

static vs_status print_json(const char *token, const struct vs_p11_key *keys,
                            size_t count)
{
	VS_AUTO(vs_json_drop) json_t *all = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(all, encode(token, &keys[i])))
			return vs_say_io(VS_ERR_NOMEM, token);
	return vs_print_json(all);
}

static vs_status run_list(const struct vs_args *args)
{
	VS_AUTO(vs_p11_close) struct vs_p11 *p = NULL;
	struct vs_p11_key keys[VS_P11_KEYS_MAX];
	const char *token = vs_args_text(args, "token");
	size_t count, refused;
	vs_status status = vs_token_open(args, false, &p);

	if (status)
		return status;
	status = vs_p11_list(p, keys, &count, &refused);
	if (status)
		return vs_token_failed(p, status);
	if (vs_args_flag(args, "json"))
		status = print_json(token, keys, count);
	else
		for (size_t i = 0; i < count && !status; i++)
			status = describe(token, &keys[i]);
	if (refused)
		vs_warn("%zu more keys cannot be used: not P-256, not made on "
		        "the token, or extractable; e.g. %s",
		        refused, vs_p11_error(p));
	return status;
}

static vs_status run_export(const struct vs_args *args)
{
	VS_AUTO(vs_p11_close) struct vs_p11 *p = NULL;
	VS_AUTO(vs_pubkey_drop) struct vs_pubkey pub = {0};
	VS_AUTO(vs_json_drop) json_t *o = NULL;
	struct vs_p11_key key;
	vs_status status = vs_token_open(args, false, &p);

	if (status)
		return status;
	status = vs_p11_find(p, vs_args_text(args, "key"), &key);
	if (status)
		return vs_token_failed(p, status);
	status = vs_pubkey_make(vs_args_text(args, "token"), &key, &pub);
	if (status)
		return status;
	o = vs_pubkey_encode(&pub);
	const char *out = vs_args_text(args, "out");
	if (!o)
		return vs_say_io(VS_ERR_NOMEM, out);
	status = vs_say_json(out, o, 0644);
	if (!status)
		print_key(&key, &pub);
	return status;
}

static const struct vs_option options[] = {
	VS_TOKEN_OPTIONS,
	VS_TEXT(VS_REQUIRED, "key", "LABEL",
                "the key: root, release, boot ..."),
	VS_TEXT(VS_REQUIRED, "out", "FILE", "where the public part goes"),
};

enum { with_key = 4, with_out = 5 };

static const struct vs_option list_options[] = {
	VS_TOKEN_OPTIONS,
	VS_FLAG("json", "print JSON"),
};

const struct vs_command vs_cmd_key_generate = {
	"key generate",
	"make a P-256 key on a token",
	"The private part is made on the token and can never leave it.",
	NULL,
	options,
	with_key,
	run_generate,
};

const struct vs_command vs_cmd_key_list = {
	"key list",
	"list the usable keys of a token",
	"With the ids that show and approve tell: compare them.",
	NULL,
	list_options,
	sizeof list_options / sizeof *list_options,
	run_list,
};

const struct vs_command vs_cmd_key_export = {
	"key export",
	"write a key's public part to a file",
	"The file names the holder and gives the key as TUF and as the boot "
	"stage\nknow it.  It holds nothing secret.",
	NULL,
	options,
	with_out,
	run_export,
};
