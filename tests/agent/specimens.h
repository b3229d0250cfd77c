/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/specimens.h - small images in two versions, of each kind that
 * deltas know.
 *
 * A file system holds a program that was built anew, a text with another line
 * and noise that stays; a controller's image is a program alone.  One more
 * kind is one more row in specimens.c.
 */
#ifndef VS_TESTS_AGENT_SPECIMENS_H
#define VS_TESTS_AGENT_SPECIMENS_H

#include "tests/delta/fixture.h"

enum specimen {
	SPECIMEN_NONE,
	SPECIMEN_EXT4,
	SPECIMEN_ZSTD, /* squashfs, and so */
	SPECIMEN_XZ,
	SPECIMEN_GZIP,
	SPECIMEN_EROFS,
	SPECIMEN_LZ4HC,      /* erofs */
	SPECIMEN_CONTROLLER, /* Cortex-M */
	SPECIMENS
};

/* What a person calls it. */
const char *specimen_name(enum specimen kind);
/* The old one, or the new one; gives its bytes, free().  Where there is no
 * clang to build for a controller, its image is half noise that stays.
 */
struct bytes specimen_image(enum specimen kind, bool is_new);
/* The program in its file systems, an ELF file. */
struct bytes specimen_program(bool is_new);

#endif
