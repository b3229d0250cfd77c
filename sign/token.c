/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/token.c - a person's token, opened with the PIN that person gives.
 */
#include "sign/token.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

static vs_status pin_from_file(const char *file, char out[static VS_PIN_MAX])
{
	char error[256];
	vs_status status = vs_pin_file(file, out, error);

	if (status)
		vs_error("%s", error);
	return status;
}

static vs_status pin_from_terminal(const char *what,
                                   char out[static VS_PIN_MAX])
{
	struct termios old, quiet;
	VS_AUTO(vs_fd_drop)
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 || tcgetattr(fd, &old)) {
		vs_error("%s: no terminal to ask on, and no PIN file given",
		         what);
		return VS_ERR_IO;
	}
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(fd, TCSAFLUSH, &quiet)) {
		vs_error("%s: the terminal cannot hide what is typed", what);
		return VS_ERR_IO;
	}
	/* not before: the flush would take what is typed at once */
	dprintf(fd, "%s: ", what);
	ssize_t n = vs_pin_line(fd, out);
	int restored = tcsetattr(fd, TCSAFLUSH, &old);
	dprintf(fd, "\n");
	if (n <= 0 || restored) {
		vs_error("%s: nothing was typed", what);
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

vs_status vs_pin_read(const char *file, const char *what,
                      char out[static VS_PIN_MAX])
{
	return file ? pin_from_file(file, out) : pin_from_terminal(what, out);
}

vs_status vs_token_module(const struct vs_args *args, struct vs_p11 **out)
{
	const char *module = vs_args_text(args, "module");
	char error[256];

	umask(077); /* what a module writes is nobody else's business */
	vs_status status =
		vs_p11_open(module ? module : VS_P11_MODULE, out, error);

	if (status)
		vs_error("%s", error);
	return status;
}

vs_status vs_token_failed(const struct vs_p11 *p, vs_status status)
{
	char quoted[256];

	vs_error("%s", vs_log_quote(vs_p11_error(p), quoted, sizeof quoted));
	return status;
}

vs_status vs_token_open(const struct vs_args *args, bool writable,
                        struct vs_p11 **out)
{
	const char *label = vs_args_text(args, "token");
	char pin[VS_PIN_MAX], what[64];
	vs_status status = vs_token_module(args, out);

	if (status)
		return status;
	snprintf(what, sizeof what, "PIN of token %.32s", label);
	status = vs_pin_read(vs_args_text(args, "pin-file"), what, pin);
	if (!status) {
		status = vs_p11_login(*out, label, pin, writable);
		if (status)
			vs_token_failed(*out, status);
	}
	OPENSSL_cleanse(pin, sizeof pin);
	if (status)
		vs_p11_close(out);
	return status;
}
