/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_seal.c - seal: one image into an unsigned seal and a pack.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "sign/commands.h"
#include "sign/component.h"
#include "sign/room.h"
#include "sign/sealer.h"

static vs_status load_salt(const struct vs_args *args, struct vs_seal_header *h)
{
	const char *file = vs_args_text(args, "salt-file");
	const char *dir = vs_args_text(args, "room");
	VS_AUTO(vs_room_drop) struct vs_room r = {.lock_fd = -1};

	if ((file != NULL) == (dir != NULL)) {
		vs_error("seal: the salt comes from --salt-file or --room, "
		         "one of them");
		return VS_ERR_INPUT;
	}
	if (file)
		return vs_salt_load(file, h->salt);
	vs_status status = vs_room_open(dir, &r);
	return status ? status : vs_room_salt(&r, h->component, h->salt);
}

static vs_status run(const struct vs_args *args)
{
	struct vs_sealer_job job = {
		.image = vs_args_text(args, "image"),
		.pack = vs_args_text(args, "pack"),
		.level = (int)vs_args_uint(args, "level"),
	};
	struct vs_seal_header *h = &job.header;
	struct vs_sealed sealed;
	vs_status status = vs_component_text(
		"--component", vs_args_text(args, "component"), h->component);

	if (!status)
		status = vs_component_text(
			"--version", vs_args_text(args, "version"), h->version);
	if (!status)
		status = vs_component_hardware(vs_args_text(args, "hardware"),
		                               h);
	if (!status)
		status = load_salt(args, h);
	if (status)
		return status;
	h->release_seq = vs_args_uint(args, "seq");
	h->security_version = (uint32_t)vs_args_uint(args, "security-version");
	status = vs_sealer_run(&job, &sealed);
	if (status)
		return status;
	status = vs_sealed_store(&sealed, vs_args_text(args, "out"));
	if (!status)
		printf("image %" PRIu64 " bytes, SHA-256 %s\n"
		       "pack %" PRIu64 " bytes, SHA-256 %s\n",
		       sealed.fields.image_len, sealed.image_sha256,
		       sealed.pack_len, sealed.pack_sha256);
	vs_sealed_drop(&sealed);
	return status;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "image", "FILE", "the image"),
	VS_TEXT(VS_REQUIRED, "component", "NAME", "e.g. gateway"),
	VS_TEXT(VS_REQUIRED, "hardware", "ID[,ID2]",
                "hardware ids it was made for"),
	VS_TEXT(VS_REQUIRED, "version", "TEXT", "for people"),
	VS_UINT(VS_REQUIRED, "seq", "N", "release_seq", 1, 2147483647, 0),
	VS_UINT(VS_REQUIRED, "security-version", "N", "compared with the floor",
                0, UINT32_MAX, 0),
	VS_TEXT(VS_OPTIONAL, "salt-file", "FILE",
                "the component's salt, 64 hex digits"),
	VS_TEXT(VS_OPTIONAL, "room", "ROOM", "the room that keeps the salt"),
	VS_UINT(VS_OPTIONAL, "level", "N", "zstd level", 1, 19, 19),
	VS_TEXT(VS_REQUIRED, "out", "FILE", "the unsigned seal"),
	VS_TEXT(VS_REQUIRED, "pack", "FILE", "the pack"),
};

const struct vs_command vs_cmd_seal = {
	"seal",
	"make an unsigned seal and a pack of one image",
	"The step that propose release does for each component.  A seal "
	"without\nsignatures is believed by nobody.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
