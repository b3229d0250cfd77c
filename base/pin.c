/* SPDX-License-Identifier: Apache-2.0
 *
 * base/pin.c - the PIN of a token, from a file that only its owner can read.
 */
#include "base/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

ssize_t vs_pin_line(int fd, char out[static VS_PIN_MAX])
{
	ssize_t n;

	do
		n = read(fd, out, VS_PIN_MAX - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return n;
	out[n] = 0;
	n = (ssize_t)strcspn(out, "\r\n");
	out[n] = 0;
	return n;
}

vs_status vs_pin_file(const char *file, char out[static VS_PIN_MAX],
                      char error[static 256])
{
	struct stat st;
	VS_AUTO(vs_fd_drop) int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st)) {
		snprintf(error, 256, "%.160s: PIN file: %s", file,
		         strerror(errno));
		return VS_ERR_IO;
	}
	if (!S_ISREG(st.st_mode) || st.st_mode & (S_IRWXG | S_IRWXO)) {
		snprintf(error, 256,
		         "%.160s: PIN file: others may read it; make it a file "
		         "of mode 0600",
		         file);
		return VS_ERR_DENIED;
	}
	if (vs_pin_line(fd, out) <= 0) {
		snprintf(error, 256,
		         "%.160s: PIN file: its first line is empty", file);
		return VS_ERR_INPUT;
	}
	return VS_OK;
}
