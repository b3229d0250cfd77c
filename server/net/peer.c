/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/peer.c - which charger a certificate says it is.
 */
#include "server/net/peer.h"

#include <openssl/err.h>
#include <string.h>

#include "server/store/name.h"

static vs_status name_of(const X509_NAME *subject, char *out, size_t cap)
{
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

vs_status vs_peer_name(const X509 *cert, char *out, size_t cap)
{
	return name_of(X509_get_subject_name(cert), out, cap);
}

/* Moves *at past one element of this tag, or into it; *end is that of what it
 * moves in.
 */
static bool move(const uint8_t **at, const uint8_t **end, int tag, bool into)
{
	int class, found;
	long len;
	int how = ASN1_get_object(at, &len, &found, &class, *end - *at);

	if (how & 0x81 || found != tag || class != V_ASN1_UNIVERSAL)
		return false;
	if (into)
		*end = *at + len;
	else
		*at += len;
	return true;
}

/* Standard: RFC 5280 4.1: what stands before the subject. */
static bool find_subject(const uint8_t **at, const uint8_t **end)
{
	static const int before[] = {V_ASN1_INTEGER, V_ASN1_SEQUENCE,
	                             V_ASN1_SEQUENCE, V_ASN1_SEQUENCE};
	const uint8_t version[] = {0xa0, 3, 2, 1, 2};

	for (int depth = 0; depth < 2; depth++)
		if (!move(at, end, V_ASN1_SEQUENCE, true))
			return false;
	if ((size_t)(*end - *at) > sizeof version &&
	    memcmp(*at, version, sizeof version) == 0)
		*at += sizeof version;
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (!move(at, end, before[i], false))
			return false;
	return true;
}

/* d2i_X509() would take longer than the rest of a request: it decodes the key,
 * which nobody needs whose certificate is a registered one.
 */
vs_status vs_peer_der_name(const uint8_t *der, size_t len, char *out,
                           size_t cap)
{
	const uint8_t *at = der, *end = der + len;
	X509_NAME *subject = NULL;
	vs_status status = VS_ERR_INPUT;

	if (find_subject(&at, &end))
		subject = d2i_X509_NAME(NULL, &at, end - at);
	if (subject)
		status = name_of(subject, out, cap);
	X509_NAME_free(subject);
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
