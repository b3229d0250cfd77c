/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_verify.c - verify: what is in force, or one seal.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/commands.h"
#include "sign/inforce.h"
#include "sign/leafuse.h"
#include "sign/say.h"

static vs_status verify_room(const char *dir, const char *proposal)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_proposal_free) struct vs_proposal *p = NULL;
	size_t files;
	vs_status status = vs_room_open(dir, &r);

	if (!status && proposal)
		status = vs_proposal_open(&r, proposal, &p);
	if (!status)
		status = vs_inforce_verify(&r, p, VS_INFORCE_PACKS, &files);
	if (!status)
		status = vs_leafuse_once(&r, p);
	if (!status && proposal)
		printf("%s: %zu files, all good with proposal %s in force\n",
		       dir, files, proposal);
	else if (!status)
		printf("%s: %zu files in force, all good\n", dir, files);
	return status;
}

static vs_status verify_seal(const char *seal_path, const char *ring_path)
{
	VS_AUTO(vs_free_drop) uint8_t *seal_bytes = NULL;
	VS_AUTO(vs_free_drop) uint8_t *ring_bytes = NULL;
	size_t seal_len, ring_len;
	struct vs_crypto crypto;
	struct vs_keyring ring;
	struct vs_seal seal;
	struct vs_why why = {0};
	vs_status status = vs_file_read(ring_path, VS_KEYRING_LEN_MAX,
	                                &ring_bytes, &ring_len);

	if (status)
		return vs_say_io(status, ring_path);
	status = vs_file_read(seal_path, VS_SEAL_LEN_MAX, &seal_bytes,
	                      &seal_len);
	if (status)
		return vs_say_io(status, seal_path);
	status = vs_openssl_init(&crypto);
	if (status)
		return vs_say_io(status, seal_path);
	status = vs_keyring_open(NULL, &crypto, ring_bytes, ring_len, &ring,
	                         &why);
	if (status)
		vs_say_why(status, ring_path, &why);
	if (!status) {
		status = vs_seal_open(&ring, &crypto, seal_bytes, seal_len,
		                      &seal, &why);
		if (status)
			vs_say_why(status, seal_path, &why);
	}
	vs_openssl_drop(&crypto);
	if (!status)
		printf("%s: good: %s %s, release_seq %" PRIu64
		       ", security_version %" PRIu32 "\n",
		       seal_path, seal.header.component, seal.header.version,
		       seal.header.release_seq, seal.header.security_version);
	return status;
}

static vs_status run(const struct vs_args *args)
{
	const char *room = vs_args_text(args, "room");
	const char *seal = vs_args_text(args, "seal");
	const char *ring = vs_args_text(args, "keyring");
	const char *proposal = vs_args_text(args, "proposal");

	if (room && !seal && !ring)
		return verify_room(room, proposal);
	if (!room && !proposal && seal && ring)
		return verify_seal(seal, ring);
	vs_error("verify: give either --room, or --seal and --keyring");
	return VS_ERR_INPUT;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_OPTIONAL, "room", "ROOM",
                "verifies all that is in force there"),
	VS_TEXT(VS_OPTIONAL, "proposal", "NAME",
                "as if this proposal were in force"),
	VS_TEXT(VS_OPTIONAL, "seal", "FILE",
                "verifies one seal, with --keyring"),
	VS_TEXT(VS_OPTIONAL, "keyring", "FILE", "a boot keyring"),
};

const struct vs_command vs_cmd_verify = {
	"verify",
	"verify a room or a seal as a charger does",
	"For a room: both roots' chains, targets, the release role, the "
	"keyring, and each\nseal and pack in force, every cluster of it.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
