/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/machine.c - machine.conf through base's table of keys.
 */
#include "boot/port/host/machine.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/file.h"

static const struct vs_config_key keys[] = {
	{"vehicle",           VS_CONFIG_TEXT, 1, VS_VEHICLE_LEN - 1,   NULL,
         "the charger's name towards the server"                 },
	{"charger_component", VS_CONFIG_TEXT, 1, VS_COMPONENT_LEN - 1, NULL,
         "the component whose image holds the charger program"   },
	{"storage",           VS_CONFIG_TEXT, 1, VS_STORAGE_LEN - 1,   "files",
         "files: this folder; uefi: the disk of a UEFI loader"   },
	{"component.*",       VS_CONFIG_TEXT, 1, VS_DEVICE_LEN - 1,    NULL,
         "component.NAME.hardware, .hash_whole, .driver, .device"},
};

static vs_status bad(char error[static 256], const char *key, const char *what)
{
	snprintf(error, 256, "machine.conf: %.100s: %s", key, what);
	return VS_ERR_INPUT;
}

int vs_machine_find(const struct vs_machine *m, const char *name)
{
	for (int c = 0; c < m->count; c++)
		if (strcmp(m->components[c].name, name) == 0)
			return c;
	return -1;
}

/* The component a key belongs to, new or known; -1 if there is no room. */
static int component_of(struct vs_machine *m, const char *name)
{
	int c = vs_machine_find(m, name);

	if (c >= 0 || m->count == VS_BOOT_COMPONENTS_MAX)
		return c;
	c = m->count++;
	memcpy(m->components[c].name, name, strlen(name) + 1);
	m->components[c].hash_whole = true;
	return c;
}

/* Of two words the one that value is; -1: neither. */
static int which(const char *value, const char *no, const char *yes)
{
	return strcmp(value, yes) == 0 ? 1 : strcmp(value, no) == 0 ? 0 : -1;
}

static vs_status take_value(struct vs_machine *m, int c, const char *what,
                            const char *value, const char **wrong)
{
	int yes = 1;

	if (strcmp(what, "hardware") == 0) {
		*wrong = "is longer than 31 characters";
		if (strlen(value) >= VS_HARDWARE_LEN)
			return VS_ERR_INPUT;
		memcpy(m->components[c].hardware, value, strlen(value) + 1);
	} else if (strcmp(what, "hash_whole") == 0) {
		*wrong = "is neither yes nor no";
		yes = which(value, "no", "yes");
		m->components[c].hash_whole = yes == 1;
	} else if (strcmp(what, "driver") == 0) {
		*wrong = "is neither slot nor serial";
		yes = which(value, "slot", "serial");
		m->components[c].serial = yes == 1;
	} else if (strcmp(what, "device") == 0) {
		*wrong = "is not an absolute path";
		yes = value[0] == '/' ? 1 : -1;
		memcpy(m->components[c].device, value, strlen(value) + 1);
	} else {
		*wrong = "is not a key of a component";
		return VS_ERR_INPUT;
	}
	return yes < 0 ? VS_ERR_INPUT : VS_OK;
}

static vs_status take_entry(struct vs_machine *m, const char *key,
                            const char *value, char error[static 256])
{
	const char *start = key + strlen("component.");
	const char *dot = strrchr(start, '.');
	const char *wrong;
	char name[VS_COMPONENT_LEN] = {0};
	int c;

	if (!dot || dot == start || dot - start >= VS_COMPONENT_LEN ||
	    memchr(start, '.', (size_t)(dot - start)))
		return bad(error, key, "is not component.NAME.WHAT");
	memcpy(name, start, (size_t)(dot - start));
	c = component_of(m, name);
	if (c < 0)
		return bad(error, key, "is one component too many");
	if (take_value(m, c, dot + 1, value, &wrong) != VS_OK)
		return bad(error, key, wrong);
	return VS_OK;
}

/* What one component's keys must have said together. */
static vs_status check_component(const struct vs_machine *m, int c,
                                 char error[static 256])
{
	const char *name = m->components[c].name;
	bool device = m->components[c].device[0] != '\0';

	if (m->components[c].hardware[0] == '\0')
		return bad(error, name, "has no component.NAME.hardware");
	if (m->components[c].serial && !device)
		return bad(error, name, "has no component.NAME.device");
	if (!m->components[c].serial && device)
		return bad(error, name, "has a device, but its driver is slot");
	if (m->components[c].serial && c == m->charger)
		return bad(error, "charger_component",
		           "runs on a controller, not here");
	return VS_OK;
}

static vs_status take(struct vs_machine *m, const struct vs_config *config,
                      char error[static 256])
{
	const char *vehicle = vs_config_text(config, "vehicle");
	const char *charger = vs_config_text(config, "charger_component");
	const char *storage = vs_config_text(config, "storage");
	const char *key;
	const char *value;
	vs_status status = VS_OK;

	memcpy(m->vehicle, vehicle, strlen(vehicle) + 1);
	memcpy(m->storage, storage, strlen(storage) + 1);
	for (size_t i = 0;
	     status == VS_OK && vs_config_entry(config, i, &key, &value); i++)
		status = take_entry(m, key, value, error);
	if (status != VS_OK)
		return status;
	m->charger = vs_machine_find(m, charger);
	for (int c = 0; status == VS_OK && c < m->count; c++)
		status = check_component(m, c, error);
	if (status == VS_OK && m->charger < 0)
		return bad(error, "charger_component",
		           "names a component that is not there");
	return status;
}

vs_status vs_machine_load(const char *dir, struct vs_machine *out,
                          char error[static 256])
{
	struct vs_config *config = NULL;
	char path[PATH_MAX];
	vs_status status;

	memset(out, 0, sizeof(*out));
	status = vs_path_join(path, sizeof(path), dir, "machine.conf");
	if (status != VS_OK) {
		snprintf(error, 256, "%.200s: path is too long", dir);
		return status;
	}
	status = vs_config_load(path, keys, sizeof(keys) / sizeof(*keys),
	                        &config, error);
	if (status == VS_OK)
		status = take(out, config, error);
	vs_config_free(&config);
	return status;
}

int vs_machine_components(
	const struct vs_machine *m,
	struct vs_boot_component out[static VS_BOOT_COMPONENTS_MAX])
{
	for (int c = 0; c < m->count; c++) {
		out[c].name = m->components[c].name;
		out[c].hardware = m->components[c].hardware;
		out[c].hash_whole = m->components[c].hash_whole;
	}
	return m->count;
}
