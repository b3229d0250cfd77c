/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/gateway_world.c - two releases, and a gateway on the first.
 */
#include "tests/agent/gateway_world.h"

#include <fcntl.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/file.h"

struct maker maker;
struct made gateway_1, controller_1, gateway_2, controller_2;
struct vs_charger *charger;

static void make_release(struct made *gateway_image,
                         struct made *controller_image, uint32_t number)
{
	uint8_t *image = malloc(GATEWAY_LEN);

	assert_non_null(image);
	noise(image, GATEWAY_LEN, number);
	maker_seal(&maker, gateway_image, "gateway", number, number, image,
	           GATEWAY_LEN);
	maker_seal(&maker, controller_image, "controller", number, number + 1,
	           image + 1, CONTROLLER_LEN);
	free(image);
}

int world_set_up(void **state)
{
	(void)state;
	maker_init(&maker);
	make_release(&gateway_1, &controller_1, 1);
	make_release(&gateway_2, &controller_2, 2);
	return 0;
}

int world_tear_down(void **state)
{
	(void)state;
	made_drop(&gateway_1);
	made_drop(&controller_1);
	made_drop(&gateway_2);
	made_drop(&controller_2);
	maker_drop(&maker);
	return 0;
}

void world_begin_on(const struct made *gateway_image,
                    const struct made *controller_image)
{
	maker_charger(&maker, gateway_image, controller_image, 1);
	gateway_make(&maker, 1);
}

int world_begin(void **state)
{
	(void)state;
	world_begin_on(&gateway_1, &controller_1);
	return 0;
}

int world_end(void **state)
{
	(void)state;
	if (charger)
		vs_charger_close(charger);
	free(charger);
	charger = NULL;
	gateway_drop();
	maker_scrap_charger(&maker);
	maker_scrap(&maker, "sys");
	maker_scrap(&maker, "dev");
	maker_scrap(&maker, "efivars");
	return 0;
}

vs_status world_open(char error[static VS_ERROR_LEN])
{
	char path[PATH_MAX];

	if (!charger)
		charger = calloc(1, sizeof(*charger));
	assert_non_null(charger);
	error[0] = '\0';
	return vs_charger_open(charger, maker_path(&maker, "charger", path),
	                       error);
}

void world_boot(enum vs_reset_cause cause)
{
	(void)cause;
	(void)gateway_boot(VS_RESET_UNKNOWN);
}

void world_overwrite(const char *name, const void *in, size_t len, uint64_t at)
{
	char node[64], path[PATH_MAX];
	VS_AUTO(vs_fd_drop)
	int fd = open(maker_path(&maker, gateway_node(name, node), path),
	              O_WRONLY | O_CLOEXEC);

	assert_int_equal(vs_file_pwrite(fd, in, len, at), VS_OK);
}

void world_destroy(const char *name)
{
	uint8_t *bytes = malloc(MAKER_SLOT_LEN);

	assert_non_null(bytes);
	noise(bytes, MAKER_SLOT_LEN, 77);
	world_overwrite(name, bytes, MAKER_SLOT_LEN, 0);
	free(bytes);
}
