/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/device.c - voltseal device and whoami.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/listing.h"
#include "operate/say.h"

enum { pem_max = 64 * 1024 };

static const struct vs_column columns[] = {
	{"ID",       "id"        },
        {"SITE",     "site"      },
	{"ONLINE",   "online"    },
        {"STATUS",   "status"    },
	{"HEALTHY",  "healthy"   },
        {"CHARGING", "charging"  },
	{"RUNS",     "components"},
        {"REASON",   "reason"    },
	{"FLAGS",    "flags"     },
};

static enum vs_exit list(const struct vs_args *a)
{
	const char *flag = vs_args_get(a, "flag");
	char path[128] = "/v1/devices";
	const struct vs_listing l = {path, "device list", columns,
	                             sizeof columns / sizeof *columns};

	if (flag &&
	    strspn(flag, "abcdefghijklmnopqrstuvwxyz-") != strlen(flag)) {
		vs_error("--flag: must be floor-not-raised, floor-fell or "
		         "boot-differs");
		return VS_EXIT_USAGE;
	}
	if (flag)
		(void)snprintf(path, sizeof path, "/v1/devices?flag=%.64s",
		               flag);
	return vs_listing_show(a, &l);
}

static void say_slots(const json_t *slots)
{
	for (size_t i = 0; i < json_array_size(slots); i++) {
		const json_t *one = json_array_get(slots, i);
		const char *refused =
			json_string_value(json_object_get(one, "refused"));
		char why[96], part[96];

		(void)vs_say_text(one, "refused", why, sizeof why);
		(void)vs_say_text(one, "component", part, sizeof part);
		if (refused && *refused)
			printf("slot %c             %s, %s\n", (int)('a' + i),
			       why, part);
		else
			printf("slot %c             good\n", (int)('a' + i));
	}
}

/* What the boot loader decided, apart from what the agent says. */
static void say_boot(const json_t *boot)
{
	if (!json_object_size(boot))
		return;
	printf("\nThe boot loader decided:\n");
	vs_say_fields(boot);
	say_slots(json_object_get(boot, "slots"));
}

static enum vs_exit show(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[512];
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = vs_client_path("devices", a->words[0], path, sizeof path);
	if (!e)
		e = vs_client_get(c, path, "device show", &v);
	if (e)
		return e;
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else {
		json_t *boot = json_incref(json_object_get(v, "boot"));

		json_object_del(v, "boot");
		vs_say_fields(v);
		say_boot(boot);
		json_decref(boot);
	}
	return VS_EXIT_OK;
}

/* As it was signed, for whoever holds it against the log. */
static enum vs_exit report(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[512], whole[560];
	const char *seq = vs_args_get(a, "seq");
	uint64_t number;

	if (seq && !vs_args_number(seq, 1, INT64_MAX, &number))
		return vs_args_wrong(a, "--seq: not a record's number");
	enum vs_exit e = vs_client_open(a, &c);
	if (!e)
		e = vs_client_path("devices", a->words[0], path, sizeof path);
	if (e)
		return e;
	(void)snprintf(whole, sizeof whole, "%s/report%s%s", path,
	               seq ? "?seq=" : "", seq ? seq : "");
	e = vs_client_get(c, whole, "device report", &v);
	if (!e)
		vs_say_json(v);
	return e;
}

static enum vs_exit add_certificate(const char *file, json_t *body)
{
	VS_AUTO(vs_free_drop) uint8_t *pem = NULL;
	char quoted[256];
	size_t len = 0;
	vs_status st = vs_file_read(file, pem_max, &pem, &len);

	if (st) {
		vs_error("%s: %s", vs_log_quote(file, quoted, sizeof quoted),
		         st == VS_ERR_IO ? strerror(errno)
		                         : vs_status_name(st));
		return VS_EXIT_FAILED;
	}
	if (json_object_set_new(body, "certificate",
	                        json_stringn((char *)pem, len))) {
		vs_error("%s: not text",
		         vs_log_quote(file, quoted, sizeof quoted));
		return VS_EXIT_FAILED;
	}
	return VS_EXIT_OK;
}

static enum vs_exit check_device(const char *file, const json_t *body)
{
	static const char *const strings[] = {"id", "site", "certificate"};
	char quoted[256];

	(void)vs_log_quote(file, quoted, sizeof quoted);
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
		if (!json_is_string(json_object_get(body, strings[i]))) {
			vs_error("%s: %s: missing, or not a string", quoted,
			         strings[i]);
			return VS_EXIT_FAILED;
		}
	if (!json_array_size(json_object_get(body, "ecus"))) {
		vs_error("%s: ecus: missing, or not an array of some", quoted);
		return VS_EXIT_FAILED;
	}
	return VS_EXIT_OK;
}

static enum vs_exit enroll(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *body = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	const char *pem = vs_args_get(a, "certificate");
	char id[96];
	enum vs_exit e = vs_client_read_json(a->words[0], &body);

	if (!e && pem)
		e = add_certificate(pem, body);
	if (!e)
		e = check_device(a->words[0], body);
	if (!e)
		e = vs_client_open(a, &c);
	const struct vs_request r = {"POST", "/v1/devices", "device register",
	                             body};
	if (!e)
		e = vs_client_ask(c, &r, &v);
	if (e)
		return e;
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else
		printf("registered %s\n",
		       vs_say_text(body, "id", id, sizeof id));
	return VS_EXIT_OK;
}

static enum vs_exit certificate(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *body = json_object();
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[512], id[96];
	enum vs_exit e =
		vs_client_path("devices", a->words[0], path, sizeof path);
	size_t used = strlen(path);

	if (!e)
		e = add_certificate(a->words[1], body);
	if (!e)
		e = vs_client_open(a, &c);
	if (e)
		return e;
	(void)snprintf(path + used, sizeof path - used, "/certificate");
	const struct vs_request r = {"PUT", path, "device certificate", body};
	e = vs_client_ask(c, &r, &v);
	if (!e && vs_args_has(a, "json"))
		vs_say_json(v);
	else if (!e)
		printf("replaced the certificate of %s\n",
		       vs_say_text(v, "id", id, sizeof id));
	return e;
}

static enum vs_exit whoami(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = vs_client_get(c, "/v1/whoami", "whoami", &v);
	if (e)
		return e;
	if (vs_args_has(a, "json"))
		vs_say_json(v);
	else
		vs_say_fields(v);
	return VS_EXIT_OK;
}

/* clang-format off */
const struct vs_option vs_device_options[] = {
	{"flag", "WORD", "list", false,
	 "only chargers with this flag: floor-not-raised, floor-fell, "
	 "boot-differs"},
	{"certificate", "FILE", "register", false,
	 "PEM file that goes in as \"certificate\""},
	{"seq", "SEQ", "report", false,
	 "the one that this record of the audit log names"},
	{0},
};

const struct vs_command vs_device_commands[] = {
	{"list", "", 0, 0,
	 "every charger: site, status, health, what it runs", NULL, list},
	{"show", "ID", 1, 1, "all that is known of one charger", NULL, show},
	{"report", "ID", 1, 1, "its last signed report, as it signed it",
	 "JSON: what the charger said, and its signature.\n", report},
	{"register", "FILE.json", 1, 1, "make a charger known to the server",
	 "FILE.json holds an object:\n"
	 "  {\"id\": \"CP-0001\", \"site\": \"north\", \"feeder\": \"F1\",\n"
	 "   \"model\": \"AC22\", \"certificate\": \"-----BEGIN ...\",\n"
	 "   \"ecus\": [{\"id\": \"CP-0001-gateway\",\n"
	 "             \"component\": \"gateway\", "
	 "\"hardware\": \"gw-rev3\"}]}\n"
	 "Chargers of one site or feeder do not leave service together.\n",
	 enroll},
	{"certificate", "ID FILE.pem", 2, 2,
	 "register another certificate in place of its present one",
	 "The old one is refused from then on, so bring the new one to the "
	 "charger first.\n", certificate},
	{0},
};
/* clang-format on */

const struct vs_option vs_whoami_options[] = {{0}};

/* clang-format off */
const struct vs_command vs_whoami_commands[] = {
	{"", "", 0, 0, "the name and roles that your token stands for", NULL,
	 whoami},
	{0},
};
/* clang-format on */
