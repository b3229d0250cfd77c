/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/uptane_args.c - a charger, as the command line describes it.
 */
#include "operate/uptane_args.h"

#include <stdint.h>
#include <string.h>

#include "base/log.h"

enum { quoted_max = 256 };

static enum vs_exit wrong(const struct vs_args *a, const char *option,
                          const char *text, const char *what)
{
	char quoted[quoted_max];

	return vs_args_wrong(a, "--%s %s: %s", option,
	                     vs_log_quote(text, quoted, sizeof quoted), what);
}

static struct vs_ecu *find(struct vs_uptane_args *u, const char *id, size_t len)
{
	for (size_t i = 0; i < u->vehicle.ecu_count; i++) {
		if (strlen(u->ecus[i].id) == len &&
		    strncmp(u->ecus[i].id, id, len) == 0)
			return &u->ecus[i];
	}
	return NULL;
}

static enum vs_exit add_ecu(const struct vs_args *a, const char *text,
                            struct vs_uptane_args *u)
{
	const char *equals = strchr(text, '=');
	size_t n = u->vehicle.ecu_count;
	size_t len = equals ? (size_t)(equals - text) : 0;

	if (len == 0 || !equals[1])
		return wrong(a, "ecu", text, "wants ECU_ID=HARDWARE_ID");
	if (len >= VS_UPTANE_ID_MAX)
		return wrong(a, "ecu", text, "the id is too long");
	if (find(u, text, len))
		return wrong(a, "ecu", text, "this ECU is given twice");
	if (n == VS_ECUS_MAX)
		return wrong(a, "ecu", text, "too many ECUs");
	memcpy(u->ids[n], text, len);
	u->ids[n][len] = '\0';
	u->ecus[n] = (struct vs_ecu){.id = u->ids[n], .hardware = equals + 1};
	u->vehicle.ecu_count++;
	return VS_EXIT_OK;
}

/* ECU_ID=N of one of the ECUs given. */
static enum vs_exit read_number(const struct vs_args *a, const char *option,
                                const char *text, uint64_t most,
                                struct vs_uptane_args *u)
{
	const char *equals = strchr(text, '=');
	struct vs_ecu *ecu =
		equals ? find(u, text, (size_t)(equals - text)) : NULL;
	uint64_t n;

	if (!equals || !vs_args_number(equals + 1, 0, most, &n))
		return wrong(a, option, text, "wants ECU_ID=NUMBER");
	if (!ecu)
		return wrong(a, option, text, "there is no such --ecu");
	if (most == UINT32_MAX)
		ecu->security_version = (uint32_t)n;
	else
		ecu->release_seq = n;
	return VS_EXIT_OK;
}

static enum vs_exit read_numbers(const struct vs_args *a, const char *option,
                                 uint64_t most, struct vs_uptane_args *u)
{
	const char *text;
	enum vs_exit e = VS_EXIT_OK;

	if (u->plain && vs_args_has(a, option))
		return vs_args_wrong(a, "--%s means nothing to plain Uptane",
		                     option);
	for (size_t i = 0; !e && (text = vs_args_nth(a, option, i)); i++)
		e = read_number(a, option, text, most, u);
	return e;
}

/* ECU_ID=COMPONENT:VERSION of one of the ECUs given. */
static enum vs_exit read_runs(const struct vs_args *a, const char *text,
                              struct vs_uptane_args *u)
{
	const char *equals = strchr(text, '=');
	const char *colon = equals ? strchr(equals, ':') : NULL;
	struct vs_ecu *ecu =
		equals ? find(u, text, (size_t)(equals - text)) : NULL;
	size_t len = colon ? (size_t)(colon - equals) - 1 : 0;
	char *component;

	if (len == 0 || len >= VS_REQUIRES_LEN || !colon[1])
		return wrong(a, "runs", text, "wants ECU_ID=COMPONENT:VERSION");
	if (!ecu)
		return wrong(a, "runs", text, "there is no such --ecu");
	component = u->components[ecu - u->ecus];
	memcpy(component, equals + 1, len);
	component[len] = '\0';
	ecu->component = component;
	ecu->version = colon + 1;
	return VS_EXIT_OK;
}

static enum vs_exit read_all_runs(const struct vs_args *a,
                                  struct vs_uptane_args *u)
{
	const char *text;
	enum vs_exit e = VS_EXIT_OK;

	if (u->plain && vs_args_has(a, "runs"))
		return vs_args_wrong(a, "--runs means nothing to plain Uptane");
	for (size_t i = 0; !e && (text = vs_args_nth(a, "runs", i)); i++)
		e = read_runs(a, text, u);
	return e;
}

static enum vs_exit read_profile(const struct vs_args *a,
                                 struct vs_uptane_args *u)
{
	const char *profile = vs_args_get(a, "profile");

	u->plain = profile && strcmp(profile, "plain") == 0;
	if (profile && !u->plain && strcmp(profile, "voltseal") != 0)
		return wrong(a, "profile", profile, "is plain or voltseal");
	u->vehicle.id = vs_args_get(a, "vehicle");
	if (!u->plain && !u->vehicle.id)
		return vs_args_wrong(a, "needs --vehicle");
	return VS_EXIT_OK;
}

enum vs_exit vs_uptane_args_read(const struct vs_args *a,
                                 struct vs_uptane_args *out)
{
	const char *text;
	enum vs_exit e;

	*out = (struct vs_uptane_args){0};
	out->vehicle.ecus = out->ecus;
	e = read_profile(a, out);
	for (size_t i = 0; !e && (text = vs_args_nth(a, "ecu", i)); i++)
		e = add_ecu(a, text, out);
	if (!e && out->vehicle.ecu_count == 0)
		e = vs_args_wrong(a, "needs --ecu");
	if (!e)
		e = read_numbers(a, "installed", UINT64_MAX, out);
	if (!e)
		e = read_numbers(a, "floor", UINT32_MAX, out);
	if (!e)
		e = read_all_runs(a, out);
	return e;
}
