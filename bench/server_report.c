/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/server_report.c - signed reports, made quickly.
 */
#include "bench/server_report.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { body_max = 2048, signature_max = 80 };

static const char ecu_form[] =
	"{\"ecuIdentifier\":\"CP-%04u-%s\",\"floor\":1,\"hardwareId\":\"%s\","
	"\"length\":700,\"path\":\"%s/%s-1.0.0.seal\",\"releaseCounter\":1,"
	"\"rollbackIndex\":1,\"sha256\":\"%064u\",\"version\":\"1.0.0\"}";

/* Canonical as it is: the members in the order of their names. */
static size_t make_body(const struct reporter *r, bool news,
                        char out[static body_max])
{
	static const char *const words[] = {"Downloading", "Downloaded"};
	char gateway[384], controller[384], stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	(void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ",
	               gmtime_r(&now, &tm));
	(void)snprintf(gateway, sizeof gateway, ecu_form, r->number, "gateway",
	               "gw-rev3", "gateway", "gateway", 1u);
	(void)snprintf(controller, sizeof controller, ecu_form, r->number,
	               "controller", "mc-rev2", "controller", "controller", 2u);
	int n = snprintf(
		out, body_max,
		"{\"_type\":\"vehicle-manifest\",\"about\":\"\","
		"\"bytesFetched\":0,\"bytesTotal\":0,\"campaignSeq\":0,"
		"\"charging\":false,\"counter\":%llu,\"detail\":\"\","
		"\"directorVersion\":0,\"ecus\":[%s,%s],"
		"\"fallbackReason\":\"none\",\"fellBack\":false,"
		"\"formatVersion\":1,\"healthy\":true,\"nonce\":\"%s\","
		"\"phase\":\"idle\",\"primary\":\"CP-%04u-gateway\","
		"\"reason\":\"none\",\"slot\":0,\"status\":\"%s\","
		"\"time\":\"%s\",\"trial\":false,"
		"\"vehicleIdentifier\":\"CP-%04u\"}",
		(unsigned long long)r->counter, gateway, controller, r->nonce,
		r->number, news ? words[r->counter % 2] : "Idle", stamp,
		r->number);
	return n > 0 && n < body_max ? (size_t)n : 0;
}

static size_t sign(EVP_PKEY *key, const char *body, size_t len,
                   unsigned char out[static signature_max])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t size = signature_max;
	const EVP_MD *md = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519
	                           ? NULL
	                           : EVP_sha256();
	bool good = c && EVP_DigestSignInit(c, NULL, md, NULL, key) == 1 &&
	            EVP_DigestSign(c, out, &size, (const unsigned char *)body,
	                           len) == 1;

	EVP_MD_CTX_free(c);
	return good ? size : 0;
}

size_t report_make(struct reporter *r, EVP_PKEY *key, const char *key_id,
                   bool news, char out[static REPORT_MAX])
{
	char body[body_max], hex[2 * signature_max + 1];
	unsigned char signature[signature_max];

	r->counter++;
	size_t len = make_body(r, news, body);
	size_t size = len ? sign(key, body, len, signature) : 0;
	if (!size)
		return 0;
	for (size_t i = 0; i < size; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", signature[i]);
	static const char around[] =
		"{\"signatures\":[{\"keyid\":\"\",\"sig\":\"\"}],\"signed\":}";
	size_t whole = len + 2 * size + strlen(key_id) + sizeof around - 1;
	int n = snprintf(out, REPORT_MAX,
	                 "POST /report HTTP/1.1\r\nHost: localhost\r\n"
	                 "Content-Type: application/json\r\n"
	                 "Content-Length: %zu\r\n\r\n"
	                 "{\"signatures\":[{\"keyid\":\"%s\",\"sig\":\"%s\"}],"
	                 "\"signed\":%s}",
	                 whole, key_id, hex, body);
	return n > 0 && n < REPORT_MAX ? (size_t)n : 0;
}

bool report_nonce(struct reporter *r, const char *body)
{
	const char *at = strstr(body, "\"nonce\":\"");

	if (!at || strlen(at) < 9 + REPORT_NONCE)
		return false;
	memcpy(r->nonce, at + 9, REPORT_NONCE - 1);
	r->nonce[REPORT_NONCE - 1] = 0;
	return true;
}
