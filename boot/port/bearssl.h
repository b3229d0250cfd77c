/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/bearssl.h - seal/crypto.h's operations from BearSSL.
 *
 * For boot stages without an operating system; tools/bearssl compiles what is
 * needed of it from Debian's source package.  No heap, no state: the operations
 * may be copied and shared.  Link the variant that the processor likes and
 * call it; what is not called is not needed.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_BEARSSL_H
#define VS_BOOT_PORT_BEARSSL_H

#include "seal/crypto.h"

/* Small and without 32-bit multiplications to 64 bits: microcontrollers. */
void vs_bearssl_i15(struct vs_crypto *out);

/* For processors that multiply 32 bits to 64 in one go. */
void vs_bearssl_i31(struct vs_crypto *out);

#endif
