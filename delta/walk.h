/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/walk.h - the new image, block by block, out of the old one.
 *
 * One walk for both sides: the maker gives the blocks and gets bytes, the
 * applier gives bytes and gets the blocks.  Blocks come in the image's order.
 */
#ifndef VS_DELTA_WALK_H
#define VS_DELTA_WALK_H

#include "delta/inode.h"
#include "delta/layout.h"
#include "delta/predict.h"
#include "delta/spent.h"
#include "delta/text.h"

/* Of all files that are open at once: what bounds the applier's memory. */
#define VS_COVERS_MAX 65536
#define VS_PROGRAMS_MAX 256
/* Of all files together: what bounds its work. */
#define VS_FRAMES_MAX (UINT64_C(256) << 20)

/* A pair of files while its blocks pass. */
struct vs_open_file {
	struct vs_cover *covers; /* owned; of the maker's until the walk */
	size_t cover_count;
	uint32_t left; /* blocks still to come */
	bool open, predict;
	struct vs_old old;
	struct vs_elf *elf; /* owned: the old one's, the new one's */
	struct vs_map map;
	struct vs_frames frames;
};

struct vs_walk {
	const struct vs_old_image *image; /* keeps */
	struct vs_coder *coder;           /* keeps */
	struct vs_layout *layout;         /* keeps */
	struct vs_open_file *files;       /* owned; one for each file */
	size_t covers_open, programs_open;
	uint64_t frames_read; /* bytes of unwind tables */
	size_t segment;       /* the next one */
	uint32_t block;       /* the next one */
	/* file 0 is seen without inode checksums, on both sides */
	struct vs_inode_view views[2];
	struct vs_inode_image flipped;
	struct vs_old_image flipped_image;
	struct vs_text text;
	struct vs_learnt learnt;
	struct vs_cover_models *models; /* owned */
	struct vs_piece *piece;         /* owned */
	struct vs_spent *spent;         /* keeps; one for each block; or NULL */
};

/* VS_OK; VS_ERR_NOMEM.  vs_walk_drop() in every case. */
vs_status vs_walk_init(struct vs_walk *w, const struct vs_old_image *image,
                       struct vs_layout *layout,
                       struct vs_coder *coder) VS_MUST_CHECK;
void vs_walk_drop(struct vs_walk *w);

/* The next blocks: encodes their bytes, or fills them in.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT; VS_ERR_NOMEM; VS_ERR_IO (the old image);
 * what the coder's own functions gave.
 */
vs_status vs_walk_blocks(struct vs_walk *w, uint8_t *bytes,
                         uint32_t count) VS_MUST_CHECK;

/* Whether a new section table can be predicted from: same number of rows, of
 * the same kinds.
 */
bool vs_elf_alike(const struct vs_elf *a, const struct vs_elf *b);

#endif
