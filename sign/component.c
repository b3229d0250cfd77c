/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/component.c - "gateway=IMAGE:VERSION:HARDWARE[,HARDWARE2]:SECURITY",
 * and "gateway=controller:1.4.0".
 */
#include "sign/component.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sign/room.h"

static vs_status wrong_in(const char *option, const char *text,
                          const char *what)
{
	char quoted[160];

	vs_error("%s %s: %s", option, vs_log_quote(text, quoted, sizeof quoted),
	         what);
	return VS_ERR_INPUT;
}

static vs_status wrong(const char *text, const char *what)
{
	return wrong_in("--component", text, what);
}

vs_status vs_component_text(const char *field, const char *text,
                            char out[static VS_VERSION_LEN])
{
	char quoted[160];

	if (!vs_room_name_ok(text)) {
		vs_error("%s %s: 1 to 31 of [A-Za-z0-9._-]", field,
		         vs_log_quote(text, quoted, sizeof quoted));
		return VS_ERR_INPUT;
	}
	memset(out, 0, VS_VERSION_LEN);
	memcpy(out, text, strlen(text));
	return VS_OK;
}

vs_status vs_component_hardware(const char *list, struct vs_seal_header *out)
{
	char copy[VS_HARDWARE_MAX * VS_HARDWARE_LEN + 1];
	char *rest = copy, *id;
	size_t count = 0;
	vs_status status = VS_OK;

	if (strlen(list) >= sizeof copy)
		return wrong(list, "hardware: too long");
	memcpy(copy, list, strlen(list) + 1);
	while (!status && (id = strsep(&rest, ","))) {
		if (count == VS_HARDWARE_MAX)
			return wrong(list, "hardware: more than 4 ids");
		status = vs_component_text("hardware id", id,
		                           out->hardware[count++]);
	}
	return status;
}

/* Cuts the last ":part" off text; NULL if there is none. */
static char *last_part(char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return NULL;
	*colon = 0;
	return colon + 1;
}

vs_status vs_component_parse(const char *text, struct vs_component *out)
{
	char copy[PATH_MAX + 256];
	char *end;

	*out = (struct vs_component){0};
	if (strlen(text) >= sizeof copy)
		return wrong(text, "too long");
	memcpy(copy, text, strlen(text) + 1);
	char *image = strchr(copy, '=');
	if (!image)
		return wrong(text, "must be "
		                   "NAME=IMAGE:VERSION:HARDWARE[,HARDWARE2]:"
		                   "SECURITY_VERSION");
	*image++ = 0;
	char *security = last_part(image);
	char *hardware = security ? last_part(image) : NULL;
	char *version = hardware ? last_part(image) : NULL;
	if (!version || !*image || strlen(image) >= sizeof out->image)
		return wrong(text, "must be "
		                   "NAME=IMAGE:VERSION:HARDWARE[,HARDWARE2]:"
		                   "SECURITY_VERSION");
	errno = 0;
	unsigned long number = strtoul(security, &end, 10);
	if (*security < '0' || *security > '9' || *end || errno ||
	    number > UINT32_MAX)
		return wrong(text, "security version: must be a number from 0 "
		                   "to 4294967295");
	out->header.security_version = (uint32_t)number;
	memcpy(out->image, image, strlen(image) + 1);
	vs_status status =
		vs_component_text("component", copy, out->header.component);
	if (!status)
		status = vs_component_text("version", version,
		                           out->header.version);
	return status ? status : vs_component_hardware(hardware, &out->header);
}

static vs_status add(const char *text, struct vs_requires *to,
                     const struct vs_requirement *new)
{
	for (size_t i = 0; i < to->count; i++)
		if (strcmp(to->at[i].component, new->component) == 0)
			return wrong_in("--requires", text, "is given twice");
	if (to->count == VS_REQUIRES_MAX)
		return wrong_in("--requires", text, "more than 8");
	to->at[to->count++] = *new;
	return VS_OK;
}

vs_status vs_component_require(const char *text, struct vs_component *all,
                               size_t count)
{
	char copy[160];
	struct vs_requirement new;

	if (strlen(text) >= sizeof copy)
		return wrong_in("--requires", text, "too long");
	memcpy(copy, text, strlen(text) + 1);
	char *other = strchr(copy, '=');
	char *least = other ? last_part(other) : NULL;
	if (!least)
		return wrong_in("--requires", text,
		                "must be NAME=OTHER:VERSION");
	*other++ = 0;
	vs_status status =
		vs_component_text("--requires component", other, new.component);
	if (!status)
		status = vs_component_text("--requires version", least,
		                           new.least);
	if (status)
		return status;
	if (strcmp(copy, other) == 0)
		return wrong_in("--requires", text,
		                "a component cannot require itself");
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].header.component, copy) == 0)
			return add(text, &all[i].requires, &new);
	return wrong_in("--requires", text,
	                "the release has no such --component");
}
