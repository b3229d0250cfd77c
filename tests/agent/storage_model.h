/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/storage_model.h - a disk with a write cache, and every way in
 * which it may lose its power.
 *
 * Stands between the whole program and the C library (the linker's --wrap), so
 * nothing that agent, loader or library do to a folder goes past it.  What
 * they do is recorded while it really happens.  From the record any cut can be
 * made later: what was flushed is there; of all else each sector and each name
 * may be there or not, in any order, torn or with a wrong bit.  The program
 * then goes on, is recorded again, and may be cut again.
 *
 * A name lasts once its folder was flushed, bytes once their file was.  The
 * same seed gives the same disk.
 */
#ifndef VS_TESTS_AGENT_STORAGE_MODEL_H
#define VS_TESTS_AGENT_STORAGE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_SECTOR 512
#define MODEL_LEVELS 5    /* cuts in one history, and what came before */
#define MODEL_NAME_LEN 96 /* of a file, without its folders */

/* What becomes of that which was not flushed. */
enum model_fate {
	MODEL_LOST,   /* all of it is gone */
	MODEL_KEPT,   /* all of it is there: as after kill -9 */
	MODEL_LATEST, /* only what was done last is there */
	MODEL_MIXED,  /* each sector and name by seed, torn ones among them */
	MODEL_FATES
};

struct model_cut {
	size_t op; /* before this one; how many there are: after the last */
	bool half; /* in the midst of it */
	enum model_fate fate;
	uint64_t seed;
};

/* What lies below root is on the disk; from now on what is done to it is
 * recorded.  One disk at a time.
 */
void model_begin(const char *root);
/* Ends the recording, and forgets. */
void model_end(void);

/* Memory that a cut gives back as it was then: firmware's counters, what a
 * server heard.  Before model_begin(); len 0 forgets all.
 */
void model_outside(void *at, size_t len);
/* A counter that no file holds is about to rise. */
void model_counter(void);

/* How many operations were recorded since the last cut. */
size_t model_ops(void);
/* "write agent/state.json.77.new at 0, 812 bytes"; for a person. */
const char *model_say(size_t op, char out[static 256]);
/* The first write of so many bytes or more; model_ops() if there is none. */
size_t model_find_write(size_t len);

/* Makes the disk one that survived this cut of what is recorded, and records
 * anew.
 */
void model_cut(const struct model_cut *cut);
/* The same for all of the disk: equal disks have equal digests. */
uint64_t model_digest(void);
/* Back to what was recorded before the last cut, for another one. */
void model_back(void);

/* A call that changes or reads files fails instead of being done. */
struct model_fault {
	uint64_t at;   /* the n-th, from 1 on; 0: none does */
	bool for_ever; /* and all after it */
	int error;     /* errno; 0: it does half of what it was asked for */
};
/* Counts calls anew; calls that cannot fail so are done. */
void model_fail(const struct model_fault *fault);
uint64_t model_calls(void);
/* Whether this thread is in the model, whose memory does not fail. */
bool model_busy(void);

/* One bit of a file below root decays, durably.  False if it has no such. */
bool model_flip(const char *name, uint64_t bit);

#endif
