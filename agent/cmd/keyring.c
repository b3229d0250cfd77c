/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/keyring.c - voltseal-agent keyring: whom the boot stage believes.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/believe/successor.h"
#include "agent/cmd/commands.h"
#include "agent/conf/conf.h"
#include "base/file.h"
#include "base/log.h"

static const char help[] =
	"usage: voltseal-agent keyring --dir DIR [FILE...]\n"
	"\n"
	"Says which keyrings stand, or gives the charger new ones: the\n"
	"keyring.N that voltseal-sign publishes, each after the one before.\n"
	"The threshold of the keyring in force must have signed it, and its\n"
	"own.  The loader knows it from the next start; older keyrings go\n"
	"when what runs is signed by the new one.\n"
	"\n"
	"Exit: 0 done; 1 failed; 2 usage; 4 refused.\n";

static int take(const struct vs_charger *c, const struct vs_conf *conf,
                const char *file)
{
	struct vs_why why = {VS_REASON_UNREADABLE, "cannot be read", 0};
	uint8_t *bytes = NULL;
	size_t len;
	vs_status status = vs_file_read(file, VS_KEYRING_LEN_MAX, &bytes, &len);

	if (status == VS_OK)
		status = vs_successor_take(c, conf, bytes, len, &why);
	free(bytes);
	return status == VS_OK ? VS_EXIT_OK : vs_cmd_fail(status, file, &why);
}

/* Opened anew for each: what stands is read from the disk, as the loader
 * reads it.  file NULL: what is there is settled and told.
 */
static int step(const char *dir, const char *file)
{
	static struct vs_charger c;
	struct vs_conf conf = {.read = NULL};
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char error[VS_ERROR_LEN];
	vs_status status = vs_charger_open(&c, dir, error);
	int code = VS_EXIT_FAILED;

	if (status == VS_OK)
		status = vs_conf_load(c.dir, &conf, error);
	if (status != VS_OK) {
		vs_error("%s", error);
	} else if (file) {
		code = take(&c, &conf, file);
	} else {
		status = vs_successor_settle(&c, &why);
		code = status == VS_OK ? VS_EXIT_OK
		                       : vs_cmd_fail(status, dir, &why);
		if (code == VS_EXIT_OK)
			printf("keyring %" PRIu32 ", built in %" PRIu32
			       ", epoch %" PRIu32 "\n",
			       c.ring.version, c.built_in.version,
			       c.rings.epoch);
	}
	vs_conf_drop(&conf);
	vs_charger_close(&c);
	return code;
}

const struct option vs_keyring_options[] = {
	{"dir",  required_argument, NULL, 'd'},
	{"help", no_argument,       NULL, 'h'},
	{NULL,   0,                 NULL, 0  },
};

int vs_cmd_keyring(int argc, char **argv)
{
	VS_AUTO(vs_fd_drop) int lock = -1;
	struct vs_division division;
	const char *dir = NULL;
	int option, code = VS_EXIT_OK;

	while ((option = getopt_long(argc, argv, "h", vs_keyring_options,
	                             NULL)) != -1) {
		if (option == 'h')
			return fputs(help, stdout) < 0;
		if (option != 'd')
			return vs_cmd_usage("keyring", "unknown option");
		dir = optarg;
	}
	if (!dir)
		return vs_cmd_usage("keyring", "--dir DIR is required");
	if (!vs_cmd_lock(dir, &lock) ||
	    !vs_cmd_divide(dir, VS_STAYS_NOBODY, &division))
		return VS_EXIT_FAILED;
	for (int i = optind; i < argc && code == VS_EXIT_OK; i++)
		code = step(dir, argv[i]);
	return code == VS_EXIT_OK ? step(dir, NULL) : code;
}
