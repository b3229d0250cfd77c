/* SPDX-License-Identifier: Apache-2.0
 *
 * server/peer.c - which charger a certificate says it is.
 */
#include "server/peer.h"

#include <openssl/err.h>
#include <string.h>

#include "server/name.h"

vs_status vs_peer_name(const X509 *cert, char *out, size_t cap)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text = NULL;

	if (at < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return VS_ERR_INPUT;
	int len = ASN1_STRING_to_UTF8(
		&text,
		X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	vs_status status = VS_ERR_INPUT;
	/* A zero byte inside would make one name look like another. */
	if (len > 0 && (size_t)len < cap &&
	    strlen((const char *)text) == (size_t)len) {
		memcpy(out, text, (size_t)len + 1);
		if (vs_name_ok(out, cap))
			status = VS_OK;
	}
	OPENSSL_free(text);
	ERR_clear_error();
	return status;
}

vs_status vs_peer_expires(const X509 *cert, uint64_t *out)
{
	int days, seconds;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	bool ok = epoch &&
	          ASN1_TIME_diff(&days, &seconds, epoch,
	                         X509_get0_notAfter(cert)) == 1 &&
	          days >= 0 && seconds >= 0;

	ASN1_TIME_free(epoch);
	ERR_clear_error();
	*out = ok ? (uint64_t)days * 86400 + (uint64_t)seconds : 0;
	return ok ? VS_OK : VS_ERR_INPUT;
}
