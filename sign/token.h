/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/token.h - a person's token, opened with the PIN that person gives.
 *
 * A PIN comes from the terminal or from a file that only its owner can read,
 * never from the command line or the environment.
 */
#ifndef VS_SIGN_TOKEN_H
#define VS_SIGN_TOKEN_H

#include "base/pin.h"
#include "base/pkcs11.h"
#include "sign/args.h"

/* Rows for commands that use a token. */
#define VS_TOKEN_OPTIONS                                                       \
	VS_TEXT(VS_REQUIRED, "token", "LABEL", "the person's token"),          \
		VS_TEXT(VS_OPTIONAL, "pin-file", "FILE",                       \
	                "its PIN, mode 0600; asked on the terminal if "        \
	                "missing"),                                            \
		VS_TEXT(VS_OPTIONAL, "module", "FILE",                         \
	                "PKCS#11 module; " VS_P11_MODULE " if missing")

/* Reads a PIN; file NULL: from the terminal, asking for what.  Wipe out.
 * Each of these says what is wrong by itself.
 */
vs_status vs_pin_read(const char *file, const char *what,
                      char out[static VS_PIN_MAX]) VS_MUST_CHECK;

vs_status vs_token_module(const struct vs_args *args,
                          struct vs_p11 **out) VS_MUST_CHECK;

/* Logs in to --token.  Gives *out: vs_p11_close(). */
vs_status vs_token_open(const struct vs_args *args, bool writable,
                        struct vs_p11 **out) VS_MUST_CHECK;

/* Says p's error and gives status back. */
vs_status vs_token_failed(const struct vs_p11 *p, vs_status status);

#endif
