/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/mode.c - no demo key in production, wherever one may be
 * believed.
 */
#include "agent/believe/mode.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/key/device_key.h"
#include "base/demo.h"
#include "base/file.h"
#include "base/pem.h"
#include "trust/envelope.h"
#include "trust/key.h"
#include "trust/tuf.h"

static vs_status fail(vs_status status, char error[static VS_ERROR_LEN],
                      const char *file)
{
	const char *what = vs_status_name(status);

	if (status == VS_ERR_REFUSED)
		what = "a demo key: its private part is published "
		       "(mode = demo alone takes it)";
	else if (status == VS_ERR_DENIED)
		what = "others may read this private key";
	snprintf(error, VS_ERROR_LEN, "%.150s: %s", file, what);
	return status;
}

vs_status vs_mode_check_ring(const struct vs_conf *conf,
                             const struct vs_keyring *ring, struct vs_why *why)
{
	for (size_t i = 0; i < ring->key_count && !conf->demo; i++)
		if (vs_demo_digest(ring->keys[i].id))
			return vs_fail(VS_ERR_REFUSED, why,
			               VS_REASON_NOT_ALLOWED,
			               "a demo key: its private part is "
			               "published",
			               0);
	return VS_OK;
}

/* A key that is of no use to TUF is none. */
static vs_status check_keys(const json_t *keys)
{
	vs_status status = VS_OK;
	const char *id;
	json_t *object;

	json_object_foreach((json_t *)(uintptr_t)keys, id, object)
	{
		struct vs_key key;

		if (vs_key_parse(object, &key, NULL) != VS_OK)
			continue;
		if (vs_demo_key(key.pkey))
			status = VS_ERR_REFUSED;
		vs_key_drop(&key);
	}
	return status;
}

/* A root that is not there, or is none, is believed by nobody. */
static vs_status check_root(const struct vs_charger *c, const char *name)
{
	struct vs_envelope root = {.whole = NULL};
	char path[PATH_MAX];
	uint8_t *text = NULL;
	size_t len;
	vs_status status = vs_charger_path(c, name, path, sizeof(path));

	if (status == VS_OK)
		status = vs_file_read(path, VS_TUF_ROOT_MAX, &text, &len);
	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (status == VS_OK && vs_envelope_parse(text, len, VS_TUF_ROOT_MAX,
	                                         "root", &root, NULL) == VS_OK)
		status = check_keys(json_object_get(root.body, "keys"));
	vs_envelope_drop(&root);
	free(text);
	return status;
}

static bool is_demo(const struct vs_vkey *key)
{
	uint8_t digest[VS_DEMO_DIGEST_LEN];

	return EVP_Digest(key->key, sizeof(key->key), digest, NULL,
	                  EVP_sha256(), NULL) != 1 ||
	       vs_demo_digest(digest);
}

static vs_status check_log(const struct vs_tlog_policy *policy)
{
	bool demo = false;

	for (size_t i = 0; policy && i < policy->log_count; i++)
		demo = demo || is_demo(&policy->logs[i].key);
	for (size_t i = 0; policy && i < policy->node_count; i++)
		demo = demo || (!policy->nodes[i].is_group &&
		                is_demo(&policy->nodes[i].key));
	return demo ? VS_ERR_REFUSED : VS_OK;
}

static vs_status check_ca(const char *file)
{
	X509 *ca = NULL;
	vs_status status = vs_pem_certificate(file, &ca);

	if (status == VS_OK && vs_demo_key(X509_get0_pubkey(ca)))
		status = VS_ERR_REFUSED;
	X509_free(ca);
	return status;
}

static vs_status check_own(const struct vs_conf *conf,
                           char error[static VS_ERROR_LEN])
{
	VS_AUTO(vs_device_key_close) struct vs_device_key *key = NULL;
	vs_status status = vs_device_key_open(conf, &key, error);

	if (status != VS_OK || !vs_demo_key(vs_device_key_public(key)))
		return status;
	return fail(VS_ERR_REFUSED, error,
	            conf->key.kind == VS_KEY_FILE ? conf->key_file
	                                          : conf->cert_file);
}

vs_status vs_mode_check(const struct vs_charger *c, const struct vs_conf *conf,
                        const struct vs_logged *log,
                        char error[static VS_ERROR_LEN])
{
	static const char *const roots[] = {"agent/director/root.json",
	                                    "agent/image/root.json"};
	struct vs_why why;
	vs_status status;

	if (conf->demo)
		return VS_OK;
	for (int k = 0; k < c->rings.count; k++) {
		status = vs_mode_check_ring(conf, c->rings.at[k], &why);
		if (status != VS_OK)
			return fail(status, error, "keyring");
	}
	for (size_t i = 0; i < 2; i++) {
		status = check_root(c, roots[i]);
		if (status != VS_OK)
			return fail(status, error, roots[i]);
	}
	status = check_log(log->policy);
	if (status != VS_OK)
		return fail(status, error, "tlog-policy");
	status = check_ca(conf->ca_file);
	if (status != VS_OK)
		return fail(status, error, conf->ca_file);
	if (conf->key.kind == VS_KEY_FILE && !conf->development) {
		snprintf(error, VS_ERROR_LEN,
		         "device_key: a file is for development alone (mode = "
		         "production): pkcs11: or tpm:");
		return VS_ERR_REFUSED;
	}
	return check_own(conf, error);
}
