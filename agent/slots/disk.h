/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/disk.h - one slot as an open file, written without filling
 * memory.
 *
 * Writes go through three operations that a test can cut at any one of them.
 * Write-back starts at each MiB and pages 8 MiB behind are let go, so that
 * an install of any size leaves the page cache to the charger.  Large reads
 * go past it where the file system lets them: a third of the processor time.
 * Only vs_disk_sync() makes anything durable.
 */
#ifndef VS_AGENT_DISK_H
#define VS_AGENT_DISK_H

#include "base/status.h"

struct vs_disk_ops {
	void *ctx;
	vs_status (*read)(void *ctx, int fd, void *out, size_t len,
	                  uint64_t at);
	vs_status (*write)(void *ctx, int fd, const void *in, size_t len,
	                   uint64_t at);
	vs_status (*sync)(void *ctx, int fd);
};

extern const struct vs_disk_ops vs_disk_default;

struct vs_disk {
	int fd;     /* owned */
	int direct; /* owned with fd: the same, past the page cache; 0: none */
	uint64_t len;
	const struct vs_disk_ops *ops; /* keeps */
};

/* ops NULL: the real ones.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_IO - d->fd is -1 then, safe to close.
 */
vs_status vs_disk_open(struct vs_disk *d, const char *path, bool write,
                       const struct vs_disk_ops *ops) VS_MUST_CHECK;
void vs_disk_close(struct vs_disk *d); /* also for VS_AUTO */

/* Exactly len bytes, inside the slot, else VS_ERR_IO.  Any thread.  What is
 * in whole blocks, there and in memory, is read straight from the disk.
 */
vs_status vs_disk_read(const struct vs_disk *d, void *out, size_t len,
                       uint64_t at) VS_MUST_CHECK;
vs_status vs_disk_write(const struct vs_disk *d, const void *in, size_t len,
                        uint64_t at) VS_MUST_CHECK;
vs_status vs_disk_sync(const struct vs_disk *d) VS_MUST_CHECK;

/* Why this thread's last disk operation failed, for a person. */
const char *vs_disk_fault(void);

/* Says that image data up to here, more or less in order, is written: starts
 * write-back and lets old pages go.  A hint, so nothing can fail.
 */
void vs_disk_behind(const struct vs_disk *d, uint64_t end);
/* Starts write-back of the len bytes that end with the block at at. */
void vs_disk_push(const struct vs_disk *d, uint64_t at, uint64_t len);

#endif
