/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/batch.c - cluster by cluster.
 */
#include "delta/batch.h"

#include <string.h>

size_t vs_batch_fixed(const struct vs_fix *fixes, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += (size_t)fixes[i].blocks * VS_DELTA_BLOCK;
	return bytes;
}

/* A cluster is shorter than what it holds, or a block of 4096 bytes; only the
 * file's last one holds less.
 */
size_t vs_batch_room(const struct vs_batch_job *job)
{
	return job->len + vs_batch_fixed(job->fixes, job->fix_count) +
	       job->room + VS_DELTA_BLOCK;
}

vs_status vs_batch_pack(struct vs_cluster_packer *packer,
                        const struct vs_batch_job *job, uint8_t *out,
                        size_t *out_len)
{
	const struct vs_fix *fix = job->fixes, *end = fix + job->fix_count;
	const uint8_t *fixed = job->fixed;
	size_t at = 0, done = 0;

	for (uint32_t cluster = 0; at < job->len; cluster++) {
		size_t seen = job->len + job->seen - at, used, packed;
		vs_status status = VS_OK;

		if (fix < end && fix->cluster == cluster) {
			used = fix->len;
			packed = vs_batch_fixed(fix++, 1);
			memcpy(out + done, fixed, packed);
			fixed += packed;
		} else {
			status = vs_cluster_pack(
				packer, job->level, job->in + at,
				seen < job->ahead ? seen : job->ahead,
				out + done, job->room, &used, &packed);
		}
		if (status != VS_OK)
			return status;
		at += used;
		done += packed;
		if (at > job->len)
			return VS_ERR_INPUT;
	}
	*out_len = done;
	return fix == end ? VS_OK : VS_ERR_INPUT;
}
