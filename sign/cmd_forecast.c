/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_forecast.c - forecast: what expires when, early enough to act.
 *
 * Times are those of the signed files in force, for the time of this machine
 * or any later one.
 */
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "sign/commands.h"
#include "sign/derive.h"
#include "sign/leafuse.h"
#include "sign/room.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/time.h"

enum { day_s = 86400, days_max = 36500 };

/* Below so many days each is told with its own word. */
static const struct {
	int64_t days;
	const char *word;
} marks[] = {
	{7,  "URGENT"    },
	{30, "renew now" },
	{60, "renew soon"},
};

struct forecast {
	const struct vs_room *room;
	json_t *all;
	uint64_t now_s;
	int64_t soonest;
	bool low; /* an LMS key is nearly used up */
};

static const char *word_of(int64_t days)
{
	if (days < 0)
		return "EXPIRED";
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		if (days < marks[i].days)
			return marks[i].word;
	return "good";
}

/* Whole days that are left; below 0 once it is over. */
static int64_t days_left(uint64_t expires_s, uint64_t now_s)
{
	if (expires_s > now_s)
		return (int64_t)((expires_s - now_s) / day_s);
	return -1 - (int64_t)((now_s - expires_s) / day_s);
}

static vs_status add(struct forecast *f, const char *what, uint64_t expires_s)
{
	int64_t days = days_left(expires_s, f->now_s);
	char text[VS_TIME_LEN];

	vs_time_format(expires_s, text);
	if (days < f->soonest)
		f->soonest = days;
	json_t *one =
		json_pack("{s:s, s:s, s:I, s:s}", "what", what, "expires", text,
	                  "days", (json_int_t)days, "state", word_of(days));
	if (json_array_append_new(f->all, one))
		return vs_say_io(VS_ERR_NOMEM, what);
	return VS_OK;
}

static vs_status add_role(struct forecast *f, const char *repository,
                          const char *role)
{
	struct vs_envelope e = {0};
	char what[128];
	vs_status status = vs_room_metadata(f->room, repository, role, &e);

	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (status)
		return status;
	snprintf(what, sizeof what, "%s %s %" PRIu64, repository, role,
	         vs_envelope_version(&e));
	status = add(f, what, vs_envelope_expires(&e));
	vs_envelope_drop(&e);
	return status;
}

static vs_status add_room(struct forecast *f)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < VS_DERIVED_COUNT && !status; i++)
		status = add_role(f, vs_derived[i].repository,
		                  vs_derived[i].role);
	for (int row = VS_POLICY_DELEGATED_FIRST;
	     row <= VS_POLICY_DELEGATED_LAST && !status; row++)
		status = add_role(
			f, VS_IMAGE,
			vs_policy_delegated((enum vs_policy_roles)row));
	return status;
}

/* "renew soon" below a tenth of an LMS key's leaves: there is no date. */
static const char *word_of_leaves(uint64_t left, uint64_t all)
{
	if (left == 0)
		return "USED UP";
	if (left < all / 100)
		return "URGENT";
	return left < all / 10 ? "renew soon" : "good";
}

/* As far as the room has seen; lms show tells exactly, of each folder. */
static vs_status add_leaves(struct forecast *f, const struct vs_lmspub *pub)
{
	uint32_t all = UINT32_C(1) << vs_lms_height(pub->key), next;
	char what[128];
	vs_status status = vs_leafuse_next(f->room, pub->id, &next);

	if (status)
		return status;
	uint64_t left = next < all ? all - next : 0;
	f->low = f->low || left < all / 10;
	snprintf(what, sizeof what, "LMS key %s of %s", pub->label,
	         pub->holder);
	json_t *one = json_pack("{s:s, s:I, s:I, s:s}", "what", what, "left",
	                        (json_int_t)left, "leaves", (json_int_t)all,
	                        "state", word_of_leaves(left, all));
	if (json_array_append_new(f->all, one))
		return vs_say_io(VS_ERR_NOMEM, what);
	return VS_OK;
}

static vs_status add_lms(struct forecast *f)
{
	const struct vs_policy *p = f->room->policy;
	vs_status status = VS_OK;

	for (size_t i = 0; i < p->lms_count && !status; i++)
		status = add_leaves(f, &p->lms[i]);
	return status;
}

/* A certificate's last second since 1970. */
static vs_status expiry_of(const char *pem, size_t len, uint64_t *out)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	struct tm tm;
	bool ok = cert && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1;

	*out = ok ? (uint64_t)timegm(&tm) : 0;
	X509_free(cert);
	BIO_free(bio);
	ERR_clear_error();
	return ok ? VS_OK : VS_ERR_INPUT;
}

static vs_status add_certificate(struct forecast *f, const char *path)
{
	VS_AUTO(vs_free_drop) uint8_t *pem = NULL;
	size_t len;
	uint64_t expires_s;
	char what[128];
	vs_status status = vs_file_read(path, 64 * 1024, &pem, &len);

	if (status)
		return vs_say_io(status, path);
	if (expiry_of((const char *)pem, len, &expires_s)) {
		vs_error("%s: not a certificate in PEM", path);
		return VS_ERR_INPUT;
	}
	return add(f, vs_log_quote(path, what, sizeof what), expires_s);
}

static void print(const struct forecast *f)
{
	const json_t *one;
	size_t i;

	json_array_foreach(f->all, i, one)
	{
		const json_t *days = json_object_get(one, "days");
		const char *when =
			json_string_value(json_object_get(one, "expires"));

		if (!days)
			days = json_object_get(one, "left");
		printf("%-40s %-20s %6lld %s  %s\n",
		       json_string_value(json_object_get(one, "what")),
		       when ? when : "-", (long long)json_integer_value(days),
		       when ? "days" : "left",
		       json_string_value(json_object_get(one, "state")));
	}
}

static vs_status verdict(const struct vs_args *args, const struct forecast *f)
{
	int64_t within = (int64_t)vs_args_uint(args, "within");
	vs_status status = VS_OK;

	if (vs_args_flag(args, "json"))
		status = vs_print_json(f->all);
	else
		print(f);
	if (status || (f->soonest >= within && !(within && f->low)))
		return status;
	if (f->soonest >= within) {
		vs_error("forecast: an LMS key is nearly used up (%s)",
		         vs_reason_name(VS_REASON_EXPIRED));
		return VS_ERR_REFUSED;
	}
	vs_error("forecast: something expires within %lld days (%s)",
	         (long long)within, vs_reason_name(VS_REASON_EXPIRED));
	return VS_ERR_REFUSED;
}

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r = {.lock_fd = -1};
	VS_AUTO(vs_json_drop) json_t *all = json_array();
	struct forecast f = {.room = &r, .all = all, .soonest = INT64_MAX};
	const char *path;
	size_t at = 0;
	vs_status status = all ? VS_OK : VS_ERR_NOMEM;

	f.now_s = (uint64_t)time(NULL) + vs_args_uint(args, "in") * day_s;
	if (!status)
		status = vs_room_open(vs_args_text(args, "room"), &r);
	if (!status)
		status = add_room(&f);
	if (!status)
		status = add_lms(&f);
	while (!status && (path = vs_args_next(args, "certificate", &at)))
		status = add_certificate(&f, path);
	return status ? status : verdict(args, &f);
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REPEATED, "certificate", "FILE",
                "also a certificate in PEM, the CA's for one"),
	VS_UINT(VS_OPTIONAL, "in", "DAYS", "as it will be in so many days", 0,
                days_max, 0),
	VS_UINT(VS_OPTIONAL, "within", "DAYS",
                "refuse if anything expires in less", 0, days_max, 0),
	VS_FLAG("json", "print JSON"),
};

const struct vs_command vs_cmd_forecast = {
	"forecast",
	"tell what expires when",
	"From 60 days before it \"renew soon\", from 30 \"renew now\", from "
	"7 \"URGENT\".  Ends\nwith 1 if anything has expired, or with "
	"--within does so soon: for a calendar or\na timer.  propose renew "
	"makes it good again.  Of LMS keys it tells how\nmany signatures are "
	"left, as far as the room has seen; below a tenth \"renew soon\".",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
