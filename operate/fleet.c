/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/fleet.c - voltseal fleet and voltseal forecast: who runs what, who
 * is overdue, what expires.
 */
#include <stdio.h>
#include <string.h>

#include "operate/client.h"
#include "operate/commands.h"
#include "operate/listing.h"
#include "operate/say.h"

enum { page = 1000, path_max = 512 };

static const struct vs_column version_columns[] = {
	{"COMPONENT", "component"  },
        {"VERSION",   "version"    },
	{"SEQ",       "release_seq"},
        {"RELEASE",   "release"    },
	{"CHARGERS",  "chargers"   },
};

static const struct vs_column overdue_columns[] = {
	{"CHARGER",   "id"           },
        {"SITE",      "site"         },
	{"COMPONENT", "component"    },
        {"RUNS",      "runs"         },
	{"WANTS",     "wants"        },
        {"TYPE",      "update_type"  },
	{"SINCE",     "overdue_since"},
        {"DAYS",      "days"         },
	{"LACKS",     "lacks"        },
};

static const struct vs_column expiry_columns[] = {
	{"KIND",    "kind"   },
	{"NAME",    "name"   },
	{"EXPIRES", "expires"},
	{"DAYS",    "days"   },
};

static enum vs_exit versions(const struct vs_args *a)
{
	const struct vs_listing l = {
		"/v1/fleet/versions", "fleet versions", version_columns,
		sizeof version_columns / sizeof *version_columns};

	return vs_listing_show(a, &l);
}

/* The id that a page ends with, after which the next one begins. */
static const char *last_of(const json_t *list)
{
	const json_t *last = json_array_get(list, json_array_size(list) - 1);
	const char *text = json_string_value(last);

	return text ? text : json_string_value(json_object_get(last, "id"));
}

/* All pages of a list; gives *out (json_decref). */
static enum vs_exit whole(struct vs_client *c, const char *path,
                          const char *about, json_t **out)
{
	char asked[path_max + 128];
	size_t n = page;
	enum vs_exit e = VS_EXIT_OK;

	*out = json_array();
	while (!e && n == page) {
		VS_AUTO(vs_client_json_drop) json_t *list = NULL;
		const char *after =
			json_array_size(*out) ? last_of(*out) : NULL;

		(void)snprintf(asked, sizeof asked, "%s?limit=%d%s%s", path,
		               (int)page, after ? "&after=" : "",
		               after ? after : "");
		e = vs_client_get(c, asked, about, &list);
		n = json_array_size(list);
		if (!e && json_array_extend(*out, list))
			e = VS_EXIT_FAILED;
	}
	return e;
}

static enum vs_exit overdue(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = whole(c, "/v1/fleet/overdue", "fleet overdue", &v);
	if (!e && vs_args_has(a, "json"))
		vs_say_json(v);
	else if (!e)
		vs_say_table(v, overdue_columns,
		             sizeof overdue_columns / sizeof *overdue_columns);
	if (!e && vs_args_has(a, "check") && json_array_size(v))
		e = VS_EXIT_FAILED;
	return e;
}

static enum vs_exit running(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[path_max];
	const json_t *one;
	size_t i;
	enum vs_exit e =
		vs_client_path("fleet/running", a->words[0], path, sizeof path);

	if (!e)
		e = vs_client_open(a, &c);
	if (!e)
		e = whole(c, path, "fleet running", &v);
	if (!e && vs_args_has(a, "json")) {
		vs_say_json(v);
	} else if (!e) {
		json_array_foreach(v, i, one)
			printf("%s\n", json_string_value(one));
	}
	return e;
}

static enum vs_exit forecast(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	const size_t columns = sizeof expiry_columns / sizeof *expiry_columns;
	const char *month;
	const json_t *n;
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = vs_client_get(c, "/v1/forecast", "forecast", &v);
	if (e)
		return e;
	if (vs_args_has(a, "json")) {
		vs_say_json(v);
		return VS_EXIT_OK;
	}
	vs_say_table(json_object_get(v, "server"), expiry_columns, columns);
	printf("\nchargers' certificates that end, by month\n");
	json_object_foreach(json_object_get(v, "chargers_by_month"), month, n)
		printf("  %s  %lld\n", month, (long long)json_integer_value(n));
	if (json_array_size(json_object_get(v, "chargers_soon"))) {
		printf("\nof these within 90 days\n");
		vs_say_table(json_object_get(v, "chargers_soon"),
		             expiry_columns, columns);
	}
	return VS_EXIT_OK;
}

/* clang-format off */
const struct vs_option vs_fleet_options[] = {
	{"check", NULL, "overdue", false,
	 "exit status 1 if any charger is overdue"},
	{0},
};

const struct vs_command vs_fleet_commands[] = {
	{"versions", "", 0, 0, "which versions run on how many chargers", NULL,
	 versions},
	{"overdue", "", 0, 0,
	 "chargers that lack a general release for too long",
	 "How long is too long the server's overdue_security_s and "
	 "overdue_feature_s say.\n", overdue},
	{"running", "SEAL", 1, 1,
	 "chargers that run this seal (its SHA-256)", NULL, running},
	{0},
};

const struct vs_option vs_forecast_options[] = {{0}};
const struct vs_command vs_forecast_commands[] = {
	{"", "", 0, 0, "which certificates and metadata end when", NULL,
	 forecast},
	{0},
};
/* clang-format on */
