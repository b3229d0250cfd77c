/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_sign.c - sign: approve what export wrote, on another machine.
 *
 * Nothing on the stick is believed: the author's signature covers the files,
 * the chains in force are verified as a charger does, and each document is
 * derived again.  What remains for people is to compare digests and ids.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "sign/approval.h"
#include "sign/ceremony.h"
#include "sign/commands.h"
#include "sign/difference.h"
#include "sign/inforce.h"
#include "sign/lmsvote.h"
#include "sign/say.h"
#include "sign/token.h"

enum { difference_max = 16 << 20 };

/* Beside the proposal may lie others that it refers to; one has a transcript.
 */
static vs_status find_name(const char *dir, char out[static VS_VERSION_LEN])
{
	char path[PATH_MAX];
	size_t found = 0;
	vs_status status = vs_path_join(path, sizeof path, dir, "proposals");

	if (status)
		return vs_say_io(status, dir);
	DIR *all = opendir(path);
	if (!all)
		return vs_say_io(VS_ERR_IO, path);
	for (struct dirent *e; (e = readdir(all));) {
		char file[PATH_MAX + 300];

		snprintf(file, sizeof file, "%s/%s/" VS_TRANSCRIPT, path,
		         e->d_name);
		if (!vs_room_name_ok(e->d_name) || !vs_file_exists(file))
			continue;
		found++;
		snprintf(out, VS_VERSION_LEN, "%.31s", e->d_name);
	}
	closedir(all);
	if (found == 1)
		return VS_OK;
	vs_error("%s: holds %zu ceremonies, not one", dir, found);
	return VS_ERR_INPUT;
}

static vs_status show_difference(const struct vs_room *r,
                                 const struct vs_proposal *p)
{
	struct vs_buffer text;

	vs_buffer_init(&text, difference_max);
	vs_status status = vs_difference(r, p, &text);
	if (!status)
		printf("difference to what is in force:\n%s",
		       (const char *)text.data);
	vs_buffer_drop(&text);
	return status;
}

static vs_status run_open(const struct vs_args *args, const struct vs_room *r,
                          struct vs_proposal **p)
{
	VS_AUTO(vs_transcript_drop) struct vs_transcript t = {0};
	size_t files = 0;
	vs_status status = vs_transcript_load((*p)->dir, &t);

	if (!status && !t.count) {
		vs_error("%s: is no ceremony", r->dir);
		status = VS_ERR_INPUT;
	}
	if (!status)
		status = vs_ceremony_check(r, *p, &t);
	if (!status && vs_room_version(r, VS_IMAGE, "root"))
		status =
			vs_inforce_verify(r, NULL, VS_INFORCE_METADATA, &files);
	if (!status)
		status = show_difference(r, *p);
	if (status)
		return status;
	printf("in force: %zu files, all good\n", files);
	vs_transcript_print(&t, r, *p);
	return vs_approval_run(args, r, p);
}

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_proposal_free) struct vs_proposal *p = NULL;
	const char *dir = vs_args_text(args, "ceremony");
	char name[VS_VERSION_LEN];
	vs_status status = vs_room_open(dir, &r);

	if (!status)
		status = find_name(dir, name);
	if (!status)
		status = vs_proposal_open(&r, name, &p);
	return status ? status : run_open(args, &r, &p);
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "ceremony", "DIR", "what export wrote"),
	VS_TOKEN_OPTIONS,
	VS_LMS_OPTIONS,
	VS_FLAG("yes", "do not ask after showing it"),
};

const struct vs_command vs_cmd_sign = {
	"sign",
	"sign what export wrote, on a machine apart from the room",
	"Derives every document again from what is on the stick and compares; "
	"verifies what\nis in force there as a charger does; shows digests and "
	"differences, to be compared\nwith the other machines.  Then as "
	"approve.  The author's keys sign nothing.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
