/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_token.c - token init: a token for a person.
 */
#include <openssl/crypto.h>
#include <stdio.h>

#include "sign/commands.h"
#include "sign/token.h"

static vs_status init_token(const struct vs_args *args, struct vs_p11 *p)
{
	const char *label = vs_args_text(args, "label");
	char pin[VS_PIN_MAX] = "", so_pin[VS_PIN_MAX] = "";
	vs_status status = vs_pin_read(vs_args_text(args, "so-pin-file"),
	                               "new security officer PIN", so_pin);

	if (!status)
		status = vs_pin_read(vs_args_text(args, "pin-file"), "new PIN",
		                     pin);
	if (!status) {
		status = vs_p11_init_token(p, label, so_pin, pin);
		if (status)
			vs_token_failed(p, status);
	}
	OPENSSL_cleanse(pin, sizeof pin);
	OPENSSL_cleanse(so_pin, sizeof so_pin);
	if (!status)
		printf("token %s is ready\n", label);
	return status;
}

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_p11_close) struct vs_p11 *p = NULL;
	vs_status status = vs_token_module(args, &p);

	return status ? status : init_token(args, p);
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "label", "LABEL",
                "the person's name; no other token may have it"),
	VS_TEXT(VS_OPTIONAL, "pin-file", "FILE",
                "the PIN to set, mode 0600; asked if missing"),
	VS_TEXT(VS_OPTIONAL, "so-pin-file", "FILE",
                "the security officer's PIN to set, mode 0600"),
	VS_TEXT(VS_OPTIONAL, "module", "FILE",
                "PKCS#11 module; " VS_P11_MODULE " if missing"),
};

const struct vs_command vs_cmd_token_init = {
	"token init",
	"make a token for a person out of an empty one",
	"One person, one token.  The security officer's PIN can set a "
	"forgotten PIN\nanew; keep it apart from the token.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};
