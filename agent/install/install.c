/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/install.c - the order of an install: footer away, clusters,
 * upper levels, fsync, footer, fsync.
 */
#include "agent/install/install.h"

#include <stdlib.h>
#include <string.h>

#include "agent/install/fetch.h"
#include "agent/install/rebuild.h"
#include "agent/install/survey.h"

/* What stands in the running slot is a guess like any other: its header is
 * only asked for its length, which says where the leaf blocks are.
 */
static void find_running(struct vs_job *job)
{
	const struct vs_disk *disk = job->in->running;
	uint8_t footer[VS_SLOT_FOOTER_LEN];
	const uint8_t *raw;
	struct vs_signatures sigs;
	struct vs_seal_header header;

	if (!disk || disk->len < sizeof(footer) ||
	    vs_disk_read(disk, footer, sizeof(footer),
	                 disk->len - sizeof(footer)) != VS_OK ||
	    vs_slot_footer_decode(footer, &raw, &sigs, NULL) != VS_OK ||
	    vs_seal_header_decode(raw, &header, NULL) != VS_OK ||
	    vs_tree_init(&job->running_tree, header.image_len) != VS_OK ||
	    vs_slot_layout(&job->running_tree, disk->len, &job->running_layout,
	                   NULL) != VS_OK)
		return;
	memcpy(job->running_root, header.root_hash, VS_SHA256_LEN);
	job->has_running = true;
}

/* One more than compute: one waits for the disk. */
static vs_status survey(struct vs_job *job, struct vs_why *why)
{
	return vs_job_pass(job, vs_job_workers(job) + 1, vs_job_survey, job,
	                   why);
}

static void forget_survey(struct vs_job *job)
{
	memset(job->missing, 0, (size_t)(job->tree->clusters / 8 + 1));
	job->missing_count = 0;
	job->stats.clusters_kept = job->stats.clusters_copied = 0;
}

static bool upper_stands(const struct vs_job *job)
{
	size_t len = (size_t)job->tree->upper_len;
	uint8_t block[VS_BLOCK_LEN];

	for (size_t at = 0; at < len; at += sizeof(block))
		if (vs_disk_read(job->in->target, block, sizeof(block),
		                 job->layout.tree_at + at) != VS_OK ||
		    memcmp(block, job->in->seal->upper + at, sizeof(block)) !=
		            0)
			return false;
	return true;
}

/* A slot with just this footer was finished before: look, write nothing. */
static vs_status is_whole(struct vs_job *job, const uint8_t *footer,
                          bool *whole, struct vs_why *why)
{
	uint8_t old[VS_SLOT_FOOTER_LEN];
	vs_status status = vs_disk_read(job->in->target, old, sizeof(old),
	                                job->layout.footer_at);

	*whole = false;
	if (status != VS_OK || memcmp(old, footer, sizeof(old)) != 0)
		return status;
	job->read_only = true;
	status = survey(job, why);
	job->read_only = false;
	*whole =
		status == VS_OK && job->missing_count == 0 && upper_stands(job);
	if (!*whole)
		forget_survey(job);
	return status;
}

/* From here to the last fsync the slot holds nothing that could boot. */
static vs_status remove_footer(const struct vs_job *job)
{
	const uint8_t none[VS_SLOT_FOOTER_LEN] = {0};
	vs_status status = vs_disk_write(job->in->target, none, sizeof(none),
	                                 job->layout.footer_at);

	return status == VS_OK ? vs_disk_sync(job->in->target) : status;
}

/* The last pass, with a process that lives as long as it. */
static vs_status fetch(struct vs_job *job, struct vs_why *why)
{
	vs_status status;

	if (job->in->never_full && job->tree->clusters > 1 &&
	    job->missing_count == job->tree->clusters)
		return vs_fail(VS_ERR_STATE, why, VS_REASON_NOT_ALLOWED,
		               "no part of it stands here, and a full download "
		               "is not allowed",
		               0);
	status = vs_job_read_index(job, why);
	if (status != VS_OK)
		return status;
	status = vs_unpack_start(&job->unpack, job->in->unpack,
	                         vs_job_workers(job), why);

	if (status != VS_OK)
		return status;
	status = vs_job_pass(job, vs_job_workers(job), vs_job_fetch, job, why);
	vs_unpack_end(&job->unpack);
	return status;
}

static vs_status fill(struct vs_job *job, struct vs_why *why)
{
	vs_status status = survey(job, why);

	if (status != VS_OK || job->missing_count == 0)
		return status;
	if (!job->in->source)
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_UNREADABLE,
		               "a cluster is missing and there is no source",
		               0);
	status = vs_job_rebuild(job, why);
	if (status == VS_OK && job->missing_count > 0)
		status = fetch(job, why);
	job->in->source->close(job->in->source->ctx);
	return status;
}

static vs_status finish(const struct vs_job *job, const uint8_t *footer)
{
	const struct vs_disk *disk = job->in->target;
	vs_status status = VS_OK;

	if (job->tree->upper_len > 0)
		status = vs_disk_write(disk, job->in->seal->upper,
		                       (size_t)job->tree->upper_len,
		                       job->layout.tree_at);
	if (status == VS_OK)
		status = vs_disk_sync(disk);
	if (status == VS_OK)
		status = vs_disk_write(disk, footer, VS_SLOT_FOOTER_LEN,
		                       job->layout.footer_at);
	return status == VS_OK ? vs_disk_sync(disk) : status;
}

static vs_status run(struct vs_job *job, struct vs_why *why)
{
	uint8_t footer[VS_SLOT_FOOTER_LEN];
	bool whole = false;
	vs_status status = vs_slot_footer_encode(
		job->in->seal->raw, &job->in->seal->signatures, footer);

	if (status == VS_OK)
		status = is_whole(job, footer, &whole, why);
	if (status != VS_OK || whole)
		return status;
	status = remove_footer(job);
	if (status != VS_OK)
		return vs_job_fault(status, why);
	status = fill(job, why);
	if (status != VS_OK)
		return status;
	status = finish(job, footer);
	return status == VS_OK ? VS_OK : vs_job_fault(status, why);
}

vs_status vs_install_run(const struct vs_install *in,
                         struct vs_install_stats *stats, struct vs_why *why)
{
	struct vs_job job = {.in = in, .tree = &in->seal->tree};
	struct vs_why inner = {VS_REASON_UNREADABLE, "the slot failed", 0};
	vs_status status =
		vs_slot_layout(job.tree, in->target->len, &job.layout, &inner);

	if (status == VS_OK) {
		job.missing = calloc(1, (size_t)(job.tree->clusters / 8 + 1));
		status = job.missing ? VS_OK : VS_ERR_NOMEM;
	}
	if (pthread_mutex_init(&job.reading, NULL) != 0) {
		free(job.missing);
		return VS_ERR_NOMEM;
	}
	if (status == VS_OK) {
		job.stats.clusters = job.tree->clusters;
		job.stats.image_bytes = job.tree->image_len;
		find_running(&job);
		status = run(&job, &inner);
	}
	*stats = job.stats;
	pthread_mutex_destroy(&job.reading);
	vs_pack_index_drop(&job.index);
	free(job.missing);
	if (status != VS_OK && why)
		*why = inner;
	return status;
}
