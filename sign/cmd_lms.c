/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_lms.c - lms generate, show, export, reserve: keys against quantum
 * computers, and the leaves that are left of them.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "sign/commands.h"
#include "sign/lmskey.h"
#include "sign/say.h"
#include "sign/token.h"
#include "trust/json.h"

enum { leaves_max = 1 << VS_LMS_HEIGHT_MAX };

/* A new passphrase: typed twice, or taken from a file. */
static vs_status new_passphrase(const char *file, char out[static VS_PIN_MAX])
{
	char again[VS_PIN_MAX] = "";
	vs_status status = vs_pin_read(file, "new passphrase of the key", out);

	if (!status && strlen(out) < VS_LMSKEY_PASS_LEAST) {
		vs_error("passphrase: must have %d characters at the least",
		         VS_LMSKEY_PASS_LEAST);
		return VS_ERR_INPUT;
	}
	if (!status && !file) {
		status = vs_pin_read(NULL, "once more", again);
		if (!status && strcmp(out, again) != 0) {
			vs_error("passphrase: was typed in two ways");
			status = VS_ERR_DENIED;
		}
	}
	OPENSSL_cleanse(again, sizeof again);
	return status;
}

static void print_key(const struct vs_lmspub *pub)
{
	char id[65];

	vs_hex_encode(pub->id, sizeof pub->id, id);
	printf("%s of %s\n    boot %s\n", pub->label, pub->holder, id);
}

static vs_status run_generate(const struct vs_args *args)
{
	const char *label = vs_args_text(args, "label");
	struct vs_lmskey_new want = {
		.dir = vs_args_text(args, "lms-key"),
		.holder = vs_args_text(args, "holder"),
		.label = label ? label : "lms",
		.height = (unsigned)vs_args_uint(args, "height"),
	};
	struct vs_lmspub pub;
	char pass[VS_PIN_MAX] = "";

	if (want.height % 5 != 0) {
		vs_error("--height: must be 5, 10 or 15");
		return VS_ERR_INPUT;
	}
	want.passphrase = pass;
	vs_status status =
		new_passphrase(vs_args_text(args, "passphrase-file"), pass);
	if (!status)
		status = vs_lmskey_make(&want, &pub);
	OPENSSL_cleanse(pass, sizeof pass);
	if (!status)
		print_key(&pub);
	return status;
}

static vs_status show_json(const struct vs_lmskey *key)
{
	char id[65];

	vs_hex_encode(key->pub.id, sizeof key->pub.id, id);
	VS_AUTO(vs_json_drop)
	json_t *o = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "holder",
		key->pub.holder, "label", key->pub.label, "boot", id, "height",
		(json_int_t)vs_lms_height(key->pub.key), "first",
		(json_int_t)key->leaf.first, "next", (json_int_t)key->leaf.next,
		"end", (json_int_t)key->leaf.end, "left",
		(json_int_t)vs_lmskey_left(key));

	return o ? vs_print_json(o) : vs_say_io(VS_ERR_NOMEM, key->dir);
}

static vs_status run_show(const struct vs_args *args)
{
	VS_AUTO(vs_lmskey_drop) struct vs_lmskey key = {.fd = -1};
	vs_status status = vs_lmskey_open(vs_args_text(args, "lms-key"), &key);

	if (status)
		return status;
	if (vs_args_flag(args, "json"))
		return show_json(&key);
	print_key(&key.pub);
	printf("    height %u; next leaf %u, of %u to %u; %u signatures left\n",
	       vs_lms_height(key.pub.key), (unsigned)key.leaf.next,
	       (unsigned)key.leaf.first, (unsigned)key.leaf.end - 1,
	       (unsigned)vs_lmskey_left(&key));
	return VS_OK;
}

static vs_status run_export(const struct vs_args *args)
{
	VS_AUTO(vs_lmskey_drop) struct vs_lmskey key = {.fd = -1};
	const char *out = vs_args_text(args, "out");
	vs_status status = vs_lmskey_open(vs_args_text(args, "lms-key"), &key);

	if (status)
		return status;
	VS_AUTO(vs_json_drop) json_t *o = vs_lmspub_encode(&key.pub);
	if (!o)
		return vs_say_io(VS_ERR_NOMEM, out);
	status = vs_say_json(out, o, 0644);
	if (!status)
		print_key(&key.pub);
	return status;
}

static vs_status run_reserve(const struct vs_args *args)
{
	VS_AUTO(vs_lmskey_drop) struct vs_lmskey key = {.fd = -1};
	const char *out = vs_args_text(args, "out");
	uint32_t count = (uint32_t)vs_args_uint(args, "leaves");
	vs_status status = vs_lmskey_open(vs_args_text(args, "lms-key"), &key);

	if (!status)
		status = vs_lmskey_reserve(&key, count, out);
	if (status)
		return status;
	printf("leaves %u to %u are in %s now; %u are left here\n",
	       (unsigned)(key.leaf.next - count), (unsigned)key.leaf.next - 1,
	       out, (unsigned)vs_lmskey_left(&key));
	return VS_OK;
}

static const struct vs_option generate_options[] = {
	VS_TEXT(VS_REQUIRED, "lms-key", "DIR", "the new folder"),
	VS_TEXT(VS_REQUIRED, "holder", "NAME",
                "whose key it is: the label of the person's token"),
	VS_TEXT(VS_OPTIONAL, "label", "LABEL",
                "the key's name; lms if missing"),
	VS_TEXT(VS_OPTIONAL, "passphrase-file", "FILE",
                "the passphrase to set, mode 0600; asked if missing"),
	VS_UINT(VS_OPTIONAL, "height", "N",
                "15, or 10 or 5 for a room in mode demo", 5, VS_LMS_HEIGHT_MAX,
                VS_LMSKEY_HEIGHT),
};

static const struct vs_option show_options[] = {
	VS_TEXT(VS_REQUIRED, "lms-key", "DIR", "the key's folder"),
	VS_FLAG("json", "print JSON"),
};

static const struct vs_option export_options[] = {
	VS_TEXT(VS_REQUIRED, "lms-key", "DIR", "the key's folder"),
	VS_TEXT(VS_REQUIRED, "out", "FILE", "where the public part goes"),
};

static const struct vs_option reserve_options[] = {
	VS_TEXT(VS_REQUIRED, "lms-key", "DIR", "the key's folder"),
	VS_UINT(VS_REQUIRED, "leaves", "N", "how many signatures go", 1,
                leaves_max, 0),
	VS_TEXT(VS_REQUIRED, "out", "DIR", "the new folder"),
};

const struct vs_command vs_cmd_lms_generate = {
	"lms generate",
	"make an LMS key, for seals that outlast quantum computers",
	"A tree of 32,768 one-time keys; about a minute.  The seed lies in "
	"the folder,\nencrypted under the passphrase.  Never restore the "
	"folder from a copy: a one-time\nkey that signs twice is given away. "
	"Make two keys from the first day on.",
	NULL,
	generate_options,
	sizeof generate_options / sizeof *generate_options,
	run_generate,
};

const struct vs_command vs_cmd_lms_show = {
	"lms show",   "tell an LMS key's id and how many signatures are left",
	NULL,         NULL,
	show_options, sizeof show_options / sizeof *show_options,
	run_show,
};

const struct vs_command vs_cmd_lms_export = {
	"lms export",
	"write an LMS key's public part to a file",
	"For keyring.lms_keys of a policy.  It holds nothing secret.",
	NULL,
	export_options,
	sizeof export_options / sizeof *export_options,
	run_export,
};

const struct vs_command vs_cmd_lms_reserve = {
	"lms reserve",
	"move some of an LMS key's leaves to another folder",
	"The new folder signs with these leaves, the old one with those that "
	"stay: for a\nsecond machine, or instead of a backup.  The same "
	"passphrase opens both.",
	NULL,
	reserve_options,
	sizeof reserve_options / sizeof *reserve_options,
	run_reserve,
};
