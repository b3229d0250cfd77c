/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/provision.c - voltseal-agent provision: a new charger's folder.
 *
 * The first image takes the same way as every later one: seal against
 * keyring, clusters against seal, footer last.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/believe/local.h"
#include "agent/believe/mode.h"
#include "agent/cmd/commands.h"
#include "agent/conf/conf.h"
#include "agent/install/install.h"
#include "agent/key/device_key.h"
#include "agent/key/identity.h"
#include "agent/reach/net.h"
#include "base/buffer.h"
#include "base/csr.h"
#include "base/file.h"
#include "base/log.h"

#define SETTINGS_MAX 64
#define FILE_MAX (1024 * 1024)

static const char help[] =
	"usage: voltseal-agent provision --dir DIR --vehicle ID\n"
	"           --component NAME=HARDWARE:SLOT_BYTES...\n"
	"           [--serial NAME=DEVICE...]\n"
	"           --seal NAME=FILE... --pack NAME=FILE...\n"
	"           --keyring FILE --director-root FILE --image-root FILE\n"
	"           --server URL --ca FILE --cert FILE --key KEY\n"
	"           [--tlog-policy FILE] [--storage KIND]\n"
	"           [--set KEY=VALUE...]\n"
	"       voltseal-agent provision --vehicle ID --key KEY --csr FILE\n"
	"\n"
	"Makes DIR for a charger in the factory: its storage with the first\n"
	"release in slot A, confirmed; the floors at that release; keyring,\n"
	"roots and identity; agent.conf.  The first component's image holds\n"
	"the charger program.  --serial says which component is a\n"
	"controller's, at the end of which line.  With --tlog-policy every "
	"seal must stand in a\n"
	"transparency log that it names, the first ones too: their proofs are\n"
	"in FILE.tlog-proof beside the seals.  --storage uefi is for a\n"
	"machine with a loader of its own: DIR/slot-a, DIR/slot-b and\n"
	"DIR/boot-record are then to be copied into its partitions as they\n"
	"are.  KEY is\n"
	"pkcs11:token=T;object=O?module-path=P&pin-source=file:PIN_FILE,\n"
	"tpm:0x81010001 or, for development, a file.  With --csr the key is\n"
	"made in token or TPM where it is not there yet, and FILE gets a\n"
	"request for the certificate of it and ID; the second step is all\n"
	"the rest, with that certificate.  --set takes any key of agent.conf\n"
	"(see voltseal-agent\n"
	"check-config --help).  DIR must be\n"
	"new or empty.  It is made as DIR.new and gets its name when it is\n"
	"whole; after a failure nothing is left.\n"
	"\n"
	"Exit: 0 done; 1 failed; 2 usage; 4 refused.\n";

struct part {
	char name[VS_COMPONENT_LEN];
	char hardware[VS_HARDWARE_LEN];
	uint64_t slot_len;
	const char *seal, *pack;
	const char *device; /* of a controller; NULL: none */
};

struct args {
	const char *dir, *vehicle, *keyring, *director_root, *image_root;
	const char *server, *ca, *cert, *key, *csr, *tlog_policy, *storage;
	struct part parts[VS_BOOT_COMPONENTS_MAX];
	int count;
	const char *settings[SETTINGS_MAX];
	size_t setting_count;
};

static struct part *find_part(struct args *a, const char *name, size_t len)
{
	for (int i = 0; i < a->count; i++)
		if (strlen(a->parts[i].name) == len &&
		    memcmp(a->parts[i].name, name, len) == 0)
			return &a->parts[i];
	return NULL;
}

/* NAME=HARDWARE:SLOT_BYTES */
static bool take_component(struct args *a, const char *value)
{
	const char *equals = strchr(value, '=');
	const char *colon = equals ? strrchr(equals, ':') : NULL;
	struct part *p = &a->parts[a->count];
	char *end;

	if (!colon || a->count == VS_BOOT_COMPONENTS_MAX || equals == value ||
	    equals - value >= VS_COMPONENT_LEN || colon == equals + 1 ||
	    colon - equals - 1 >= VS_HARDWARE_LEN || colon[1] < '1' ||
	    colon[1] > '9' || find_part(a, value, (size_t)(equals - value)))
		return false;
	memcpy(p->name, value, (size_t)(equals - value));
	memcpy(p->hardware, equals + 1, (size_t)(colon - equals - 1));
	errno = 0;
	p->slot_len = strtoull(colon + 1, &end, 10);
	a->count++;
	return errno == 0 && *end == '\0' &&
	       p->slot_len <= VS_IMAGE_LEN_MAX * 2;
}

/* NAME=FILE, for a component that was named before. */
static bool take_file(struct args *a, const char *value, bool seal)
{
	const char *equals = strchr(value, '=');
	struct part *p =
		equals ? find_part(a, value, (size_t)(equals - value)) : NULL;
	const char **slot = !p ? NULL : seal ? &p->seal : &p->pack;

	if (!slot || *slot || equals[1] == '\0')
		return false;
	*slot = equals + 1;
	return true;
}

/* NAME=DEVICE */
static bool take_serial(struct args *a, const char *value)
{
	const char *equals = strchr(value, '=');
	struct part *p =
		equals ? find_part(a, value, (size_t)(equals - value)) : NULL;

	if (!p || p->device || p == &a->parts[0] || equals[1] != '/' ||
	    strlen(equals + 1) >= VS_DEVICE_LEN)
		return false;
	p->device = equals + 1;
	return true;
}

static bool take_text(const char **out, const char *value)
{
	if (*out)
		return false;
	*out = value;
	return true;
}

static bool take_option(struct args *a, int option, const char *value)
{
	switch (option) {
	case 'C':
		return take_component(a, value);
	case 'S':
		return take_file(a, value, true);
	case 'P':
		return take_file(a, value, false);
	case 'l':
		return take_serial(a, value);
	case 's':
		if (a->setting_count == SETTINGS_MAX || !strchr(value, '='))
			return false;
		a->settings[a->setting_count++] = value;
		return true;
	case 'd':
		return take_text(&a->dir, value);
	case 'v':
		return take_text(&a->vehicle, value);
	case 'r':
		return take_text(&a->keyring, value);
	case 'D':
		return take_text(&a->director_root, value);
	case 'I':
		return take_text(&a->image_root, value);
	case 'u':
		return take_text(&a->server, value);
	case 'a':
		return take_text(&a->ca, value);
	case 'c':
		return take_text(&a->cert, value);
	case 'k':
		return take_text(&a->key, value);
	case 'q':
		return take_text(&a->csr, value);
	case 't':
		return take_text(&a->tlog_policy, value);
	case 'o':
		return (strcmp(value, "files") == 0 ||
		        strcmp(value, "uefi") == 0) &&
		       take_text(&a->storage, value);
	default:
		return false;
	}
}

/* The key is on a token or in a TPM, and nothing of it in a file. */
static bool in_device(const struct args *a)
{
	return strncmp(a->key, "pkcs11:", 7) == 0 ||
	       strncmp(a->key, "tpm:", 4) == 0;
}

/* NULL: there is none. */
static const char *key_file(const struct args *a)
{
	return in_device(a)                       ? NULL
	       : strncmp(a->key, "file:", 5) == 0 ? a->key + 5
	                                          : a->key;
}

static int fail(const char *about, vs_status status)
{
	return vs_cmd_fail(status, about, NULL);
}

static vs_status put_file(const char *dir, const char *name, const void *bytes,
                          size_t len, unsigned mode)
{
	char path[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof(path), dir, name);

	return status == VS_OK ? vs_file_replace(path, bytes, len, mode)
	                       : status;
}

static vs_status copy_file(const char *from, const char *dir, const char *name,
                           unsigned mode)
{
	uint8_t *bytes = NULL;
	size_t len;
	vs_status status = vs_file_read(from, FILE_MAX, &bytes, &len);

	if (status == VS_OK)
		status = put_file(dir, name, bytes, len, mode);
	free(bytes);
	return status;
}

static vs_status write_machine(const struct args *a, const char *storage)
{
	VS_AUTO(vs_buffer_drop) struct vs_buffer text;
	vs_status status;

	vs_buffer_init(&text, 65536);
	status = vs_buffer_printf(&text,
	                          "vehicle = %s\nstorage = %s\n"
	                          "charger_component = %s\n",
	                          a->vehicle, storage, a->parts[0].name);
	for (int i = 0; status == VS_OK && i < a->count; i++) {
		const struct part *p = &a->parts[i];

		status = vs_buffer_printf(&text,
		                          "component.%s.hardware = %s\n"
		                          "component.%s.hash_whole = yes\n",
		                          p->name, p->hardware, p->name);
		if (status == VS_OK && p->device)
			status = vs_buffer_printf(
				&text,
				"component.%s.driver = serial\n"
				"component.%s.device = %s\n",
				p->name, p->name, p->device);
	}
	if (status == VS_OK)
		status = put_file(a->dir, "machine.conf", text.data, text.len,
		                  0644);
	return status;
}

static vs_status write_conf(const struct args *a)
{
	VS_AUTO(vs_buffer_drop) struct vs_buffer text;
	vs_status status;

	vs_buffer_init(&text, 65536);
	status = vs_buffer_printf(&text,
	                          "server_url = %s\nca_file = server-ca.pem\n"
	                          "cert_file = device.crt\n"
	                          "device_key = %s\n",
	                          a->server,
	                          in_device(a) ? a->key : "file:device.key");
	for (size_t i = 0; status == VS_OK && i < a->setting_count; i++) {
		const char *equals = strchr(a->settings[i], '=');

		status = vs_buffer_printf(&text, "%.*s = %s\n",
		                          (int)(equals - a->settings[i]),
		                          a->settings[i], equals + 1);
	}
	if (status == VS_OK)
		status = put_file(a->dir, "agent.conf", text.data, text.len,
		                  0644);
	return status;
}

/* Files that are only copied; each is checked afterwards where it lies. */
static int copy_files(const struct args *a)
{
	const struct {
		const char *from, *name;
		unsigned mode;
	} files[] = {
		{a->keyring,       "keyring",                  0644},
		{a->ca,            "server-ca.pem",            0644},
		{a->cert,          "device.crt",               0644},
		{key_file(a),      "device.key",               0600},
		{a->director_root, "agent/director/root.json", 0644},
		{a->image_root,    "agent/image/root.json",    0644},
		{a->tlog_policy,   "tlog-policy",              0644},
	};
	static const char *const folders[] = {"agent/director", "agent/image"};
	char path[PATH_MAX];

	for (size_t i = 0; i < 2; i++) {
		vs_status status =
			vs_path_join(path, sizeof(path), a->dir, folders[i]);

		if (status == VS_OK)
			status = vs_file_mkdirs(path, 0755);
		if (status != VS_OK)
			return fail(a->dir, status);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		vs_status status = VS_OK;

		if (files[i].from)
			status = copy_file(files[i].from, a->dir, files[i].name,
			                   files[i].mode);
		if (status != VS_OK)
			return fail(files[i].from, status);
	}
	return VS_EXIT_OK;
}

/* A root that does not satisfy itself would lock the charger out. */
static int check_root(const char *dir, const char *name, const char *file)
{
	struct vs_repo repo;
	struct vs_tuf *tuf = NULL;
	struct vs_why why = {VS_REASON_NONE, "", 0};
	vs_status status = vs_repo_init(&repo, NULL, name, dir);

	if (status == VS_OK)
		status = vs_tuf_open(&repo.ops, 0, &tuf, &why);
	vs_tuf_close(&tuf);
	return status == VS_OK ? VS_EXIT_OK : vs_cmd_fail(status, file, &why);
}

static vs_status make_slot(const struct args *a, const struct part *p, int slot)
{
	VS_AUTO(vs_fd_drop) int fd = -1;
	char path[PATH_MAX];
	vs_status status = vs_boot_files_slot_path(a->dir, p->name, slot, path,
	                                           sizeof(path));

	if (status != VS_OK)
		return status;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)p->slot_len) != 0 || fsync(fd) != 0)
		return VS_ERR_IO;
	return VS_OK;
}

static int open_parts(const struct args *a, const struct vs_charger *c,
                      const struct vs_logged *log, struct vs_local *parts,
                      uint32_t *floors)
{
	struct vs_why why;
	const char *failed;

	for (int k = 0; k < a->count; k++) {
		const struct part *p = &a->parts[k];
		struct vs_local *l = &parts[k];
		vs_status status =
			vs_local_open(l, c, p->seal, p->pack, &failed, &why);

		if (status == VS_OK)
			failed = p->seal;
		if (status == VS_OK && l->component != k)
			status = vs_fail(VS_ERR_REFUSED, &why,
			                 VS_REASON_WRONG_COMPONENT,
			                 "sealed for another component", 0);
		if (status == VS_OK &&
		    !vs_seal_header_fits(&l->seal.header, p->hardware))
			status = vs_fail(VS_ERR_REFUSED, &why,
			                 VS_REASON_WRONG_HARDWARE,
			                 "not made for this hardware", 0);
		if (status == VS_OK)
			status = vs_local_logged(l, log, p->seal, &why);
		if (status != VS_OK)
			return vs_cmd_fail(status, failed, &why);
		floors[k] = l->seal.header.security_version;
	}
	return VS_EXIT_OK;
}

static int make_storage(const struct args *a, const struct vs_charger *c,
                        const uint32_t *floors)
{
	vs_status status = vs_boot_files_provision(a->dir, &c->machine, floors);

	for (int k = 0; status == VS_OK && k < a->count * VS_SLOTS; k++)
		status = make_slot(a, &a->parts[k / VS_SLOTS], k % VS_SLOTS);
	return status == VS_OK ? VS_EXIT_OK : fail(a->dir, status);
}

static int fill_slot(const struct vs_charger *c, struct vs_local *l)
{
	VS_AUTO(vs_disk_close) struct vs_disk disk = {.fd = -1};
	struct vs_install in = {
		.seal = &l->seal, .target = &disk, .source = &l->source};
	struct vs_install_stats stats;
	struct vs_why why = {VS_REASON_NONE, "", 0};
	vs_status status =
		vs_charger_open_slot(c, l->component, 0, NULL, &disk);

	if (status == VS_OK)
		status = vs_install_run(&in, &stats, &why);
	return status == VS_OK
	               ? VS_EXIT_OK
	               : vs_cmd_fail(status, c->components[l->component].name,
	                             &why);
}

/* Slot A is GOOD from the first day; the floors stand there already. */
static int write_record(const struct args *a)
{
	struct vs_charger c;
	struct vs_record record = {.slot = 0};
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char error[VS_ERROR_LEN];
	vs_status status = vs_charger_open_blank(&c, a->dir, error);

	if (status != VS_OK) {
		vs_error("%s", error);
		vs_charger_close(&c);
		return VS_EXIT_FAILED;
	}
	record.slots[0].state = VS_SLOT_GOOD;
	status = vs_charger_verify(&c, 0, &why);
	if (status == VS_OK)
		status = vs_record_store(&c.ops.record, &record);
	vs_charger_close(&c);
	return status == VS_OK ? VS_EXIT_OK
	                       : vs_cmd_fail(status, "slot-a", &why);
}

static int install_first(const struct args *a, const struct vs_charger *c,
                         const struct vs_logged *log)
{
	struct vs_local parts[VS_BOOT_COMPONENTS_MAX];
	uint32_t floors[VS_BOOT_COMPONENTS_MAX] = {0};
	int code;

	memset(parts, 0, sizeof(parts));
	for (int k = 0; k < VS_BOOT_COMPONENTS_MAX; k++)
		parts[k].pack.fd = -1;
	code = open_parts(a, c, log, parts, floors);
	if (code == VS_EXIT_OK)
		code = make_storage(a, c, floors);
	for (int k = 0; code == VS_EXIT_OK && k < a->count; k++)
		code = fill_slot(c, &parts[k]);
	for (int k = 0; k < VS_BOOT_COMPONENTS_MAX; k++)
		vs_local_close(&parts[k]);
	return code == VS_EXIT_OK ? write_record(a) : code;
}

/* What was put together is judged as it will be when it runs. */
static int fill(const struct args *a, const struct vs_conf *conf)
{
	struct vs_charger c;
	struct vs_logged log = {.policy = NULL};
	char error[VS_ERROR_LEN];
	int code = VS_EXIT_FAILED;

	if (vs_charger_open_blank(&c, a->dir, error) == VS_OK &&
	    vs_identity_check(conf, error) == VS_OK &&
	    vs_logged_open(&log, a->dir, error) == VS_OK &&
	    vs_mode_check(&c, conf, &log, error) == VS_OK)
		code = install_first(a, &c, &log);
	else
		vs_error("%s", error);
	vs_logged_close(&log);
	vs_charger_close(&c);
	return code;
}

static int provision(const struct args *a)
{
	struct vs_conf conf;
	char error[VS_ERROR_LEN];
	int code = copy_files(a);

	if (code == VS_EXIT_OK && write_machine(a, "files") != VS_OK)
		code = fail("machine.conf", VS_ERR_IO);
	if (code == VS_EXIT_OK && write_conf(a) != VS_OK)
		code = fail("agent.conf", VS_ERR_IO);
	if (code == VS_EXIT_OK)
		code = check_root(a->dir, "director", a->director_root);
	if (code == VS_EXIT_OK)
		code = check_root(a->dir, "image", a->image_root);
	if (code != VS_EXIT_OK)
		return code;
	if (vs_conf_load(a->dir, &conf, error) == VS_OK) {
		code = fill(a, &conf);
		vs_conf_drop(&conf);
	} else {
		vs_error("%s", error);
		code = VS_EXIT_FAILED;
	}
	/* What was made here is in files, wherever it goes from here. */
	if (code == VS_EXIT_OK && a->storage &&
	    write_machine(a, a->storage) != VS_OK)
		code = fail("machine.conf", VS_ERR_IO);
	return code;
}

/* The first of two steps: the key is made where it is to stay, and asks for
 * its certificate.  Again, it asks again.
 */
static int request(const struct args *a)
{
	char error[VS_KEY_ERROR_LEN];
	X509_REQ *csr = NULL;
	vs_status status =
		vs_device_key_request(a->key, a->vehicle, &csr, error);

	if (status != VS_OK) {
		vs_error("device key: %s", error);
		return status == VS_ERR_REFUSED ? VS_EXIT_REFUSED
		                                : VS_EXIT_FAILED;
	}
	status = vs_csr_store(a->csr, csr);
	X509_REQ_free(csr);
	return status == VS_OK ? VS_EXIT_OK : fail(a->csr, status);
}

static const char *missing_of_request(const struct args *a)
{
	struct vs_key_place place;
	const char *what;

	if (!a->vehicle || !a->key)
		return "--vehicle and --key are required with --csr";
	if (!in_device(a))
		return "--csr is for keys in a token or TPM";
	if (vs_key_place_parse(a->key, &place, &what) != VS_OK)
		return what;
	if (a->dir || a->count > 0 || a->cert || a->ca || a->server ||
	    a->keyring || a->setting_count > 0)
		return "with --csr there are --vehicle and --key alone";
	return NULL;
}

static const char *missing(const struct args *a)
{
	if (a->csr)
		return missing_of_request(a);
	if (!a->dir || !a->vehicle || a->count == 0)
		return "--dir, --vehicle and a --component are required";
	if (!a->keyring || !a->director_root || !a->image_root)
		return "--keyring, --director-root, --image-root are required";
	if (!a->server || !a->ca || !a->cert || !a->key)
		return "--server, --ca, --cert and --key are required";
	for (int i = 0; i < a->count; i++)
		if (!a->parts[i].seal || !a->parts[i].pack)
			return "each --component needs a --seal and a --pack";
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* What a run that was cut short has left, or this one. */
static bool remove_all(const char *dir)
{
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 ||
	       errno == ENOENT;
}

static int taken(const char *dir)
{
	bool full = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR;

	vs_error("%s: %s", dir,
	         full ? "there is something here already" : strerror(errno));
	return VS_EXIT_FAILED;
}

/* The names in a folder; what is in a file was synced when it was written. */
static int sync_folder(const char *path, const struct stat *st, int kind,
                       struct FTW *at)
{
	VS_AUTO(vs_fd_drop) int fd = -1;

	(void)st;
	(void)at;
	if (kind != FTW_DP)
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0 ? 0 : -1;
}

/* The charger's folder is there whole or not at all. */
static int move_in(const char *from, const char *to)
{
	char parent[PATH_MAX];
	VS_AUTO(vs_fd_drop) int fd = -1;

	snprintf(parent, sizeof(parent), "%s", to);
	fd = open(dirname(parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || nftw(from, sync_folder, 16, FTW_DEPTH | FTW_PHYS) != 0)
		return fail(from, VS_ERR_IO);
	if (rename(from, to) == 0 && fsync(fd) == 0)
		return VS_EXIT_OK;
	return taken(to);
}

static int start(const struct args *a)
{
	struct args staged = *a;
	char dir[PATH_MAX], part[PATH_MAX];
	size_t len = strlen(a->dir);
	vs_status status;
	int code;

	while (len > 1 && a->dir[len - 1] == '/')
		len--;
	if (len + sizeof(".new") > sizeof(part))
		return fail(a->dir, VS_ERR_LIMIT);
	snprintf(dir, sizeof(dir), "%.*s", (int)len, a->dir);
	snprintf(part, sizeof(part), "%.*s.new", (int)len, a->dir);
	/* An empty folder goes; any other stays, and so does what is in it. */
	if (rmdir(dir) != 0 && errno != ENOENT)
		return taken(dir);
	status = remove_all(part) ? vs_file_mkdirs(part, 0755) : VS_ERR_IO;
	if (status != VS_OK)
		return fail(part, status);
	staged.dir = part;
	code = provision(&staged);
	if (code == VS_EXIT_OK)
		code = move_in(part, dir);
	if (code != VS_EXIT_OK && !remove_all(part))
		vs_warn("%s: cannot be removed", part);
	return code;
}

const struct option vs_provision_options[] = {
	{"dir",           required_argument, NULL, 'd'},
	{"vehicle",       required_argument, NULL, 'v'},
	{"component",     required_argument, NULL, 'C'},
	{"seal",          required_argument, NULL, 'S'},
	{"pack",          required_argument, NULL, 'P'},
	{"serial",        required_argument, NULL, 'l'},
	{"keyring",       required_argument, NULL, 'r'},
	{"director-root", required_argument, NULL, 'D'},
	{"image-root",    required_argument, NULL, 'I'},
	{"server",        required_argument, NULL, 'u'},
	{"ca",            required_argument, NULL, 'a'},
	{"cert",          required_argument, NULL, 'c'},
	{"key",           required_argument, NULL, 'k'},
	{"csr",           required_argument, NULL, 'q'},
	{"tlog-policy",   required_argument, NULL, 't'},
	{"storage",       required_argument, NULL, 'o'},
	{"set",           required_argument, NULL, 's'},
	{"help",          no_argument,       NULL, 'h'},
	{NULL,            0,                 NULL, 0  },
};

int vs_cmd_provision(int argc, char **argv)
{
	struct args a = {0};
	struct vs_division division;
	const char *lacks;
	int option;

	while ((option = getopt_long(argc, argv, "h", vs_provision_options,
	                             NULL)) != -1) {
		if (option == 'h')
			return fputs(help, stdout) < 0;
		if (!take_option(&a, option, optarg)) {
			fprintf(stderr, "voltseal-agent provision: %s\n",
			        optarg ? optarg : "");
			return vs_cmd_usage("provision",
			                    "bad or repeated option");
		}
	}
	lacks = optind != argc ? "spare argument" : missing(&a);
	if (lacks || (!a.csr && !a.dir))
		return vs_cmd_usage("provision", lacks ? lacks : "--dir");
	if (!vs_cmd_divide(NULL, VS_STAYS_NOBODY, &division))
		return VS_EXIT_FAILED;
	return a.csr ? request(&a) : start(&a);
}
