/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/schema.c - the tables.
 *
 * Keys are made by us; times are seconds since 1970; flags are 0 and 1.
 */
#include "server/store/store.h"

const char *const vs_schema[] = {
	"CREATE TABLE IF NOT EXISTS meta ("
	"name TEXT PRIMARY KEY, value TEXT NOT NULL)",

	"CREATE TABLE IF NOT EXISTS person ("
	"name TEXT PRIMARY KEY, roles TEXT NOT NULL, token BLOB NOT NULL, "
	"created_s BIGINT NOT NULL)",
	"CREATE UNIQUE INDEX IF NOT EXISTS person_token ON person (token)",

	/* the token column of person is what version 1 had instead */
	"CREATE TABLE IF NOT EXISTS token ("
	"hash BLOB PRIMARY KEY, id TEXT NOT NULL, person TEXT NOT NULL, "
	"label TEXT NOT NULL, roles TEXT NOT NULL, created_s BIGINT NOT NULL, "
	"expires_s BIGINT NOT NULL)",
	"CREATE UNIQUE INDEX IF NOT EXISTS token_id ON token (id)",
	"CREATE TABLE IF NOT EXISTS login ("
	"person TEXT PRIMARY KEY, password TEXT NOT NULL, "
	"secret BLOB NOT NULL, step BIGINT NOT NULL, "
	"failures BIGINT NOT NULL, wait_until_s BIGINT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS session ("
	"hash BLOB PRIMARY KEY, person TEXT NOT NULL, csrf TEXT NOT NULL, "
	"created_s BIGINT NOT NULL, seen_s BIGINT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS once ("
	"person TEXT NOT NULL, name TEXT NOT NULL, asked TEXT NOT NULL, "
	"code BIGINT NOT NULL, body TEXT NOT NULL, "
	"created_s BIGINT NOT NULL, PRIMARY KEY (person, name))",
	"CREATE TABLE IF NOT EXISTS scope ("
	"person TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, "
	"PRIMARY KEY (person, kind, value))",

	"CREATE TABLE IF NOT EXISTS audit ("
	"seq BIGINT PRIMARY KEY, time_s BIGINT NOT NULL, "
	"actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, "
	"reason TEXT NOT NULL, detail TEXT NOT NULL, prev TEXT NOT NULL, "
	"hash TEXT NOT NULL)",

	"CREATE TABLE IF NOT EXISTS audit_head ("
	"seq BIGINT PRIMARY KEY, time_s BIGINT NOT NULL, note TEXT NOT NULL)",

	/* labels and ecus are texts: server/fleet/registration.h */
	"CREATE TABLE IF NOT EXISTS device ("
	"id TEXT PRIMARY KEY, seq BIGINT NOT NULL, site TEXT NOT NULL, "
	"feeder TEXT NOT NULL, model TEXT NOT NULL, "
	"utc_offset TEXT NOT NULL, registered_s BIGINT NOT NULL, "
	"labels TEXT NOT NULL, ecus TEXT NOT NULL, "
	"fingerprint BLOB NOT NULL, expires_s BIGINT NOT NULL)",
	/* by itself, for a start does not read it */
	"CREATE TABLE IF NOT EXISTS certificate ("
	"device TEXT PRIMARY KEY, pem TEXT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS report ("
	"device TEXT PRIMARY KEY, counter BIGINT NOT NULL, "
	"nonce TEXT NOT NULL, received_s BIGINT NOT NULL, "
	"body BLOB NOT NULL)",
	/* those that had something to say, by the log's record of them */
	"CREATE TABLE IF NOT EXISTS report_kept ("
	"seq BIGINT PRIMARY KEY, device TEXT NOT NULL, body BLOB NOT NULL)",
	/* what is to be known of the last report: server/fleet/device_row.h */
	"CREATE TABLE IF NOT EXISTS charger_state ("
	"device TEXT PRIMARY KEY, counter BIGINT NOT NULL, "
	"received_s BIGINT NOT NULL, faults BIGINT NOT NULL, "
	"fetched BIGINT NOT NULL, runs TEXT NOT NULL, said TEXT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS director ("
	"device TEXT PRIMARY KEY, version BIGINT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS assignment ("
	"device TEXT PRIMARY KEY, release TEXT NOT NULL, "
	"campaign TEXT NOT NULL)",

	"CREATE TABLE IF NOT EXISTS image_file ("
	"name TEXT PRIMARY KEY, body BLOB NOT NULL)",
	"CREATE TABLE IF NOT EXISTS release ("
	"name TEXT PRIMARY KEY, release_seq BIGINT NOT NULL, "
	"uploaded_by TEXT NOT NULL, uploaded_s BIGINT NOT NULL)",

	/* a release that has none is older than stages */
	"CREATE TABLE IF NOT EXISTS stage ("
	"release TEXT PRIMARY KEY, stage TEXT NOT NULL, "
	"since_s BIGINT NOT NULL, by_whom TEXT NOT NULL, "
	"approved_by TEXT NOT NULL, asked_by TEXT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS evidence ("
	"release TEXT NOT NULL, number BIGINT NOT NULL, stage TEXT NOT NULL, "
	"kind TEXT NOT NULL, sha256 TEXT NOT NULL, note TEXT NOT NULL, "
	"by_whom TEXT NOT NULL, time_s BIGINT NOT NULL, "
	"PRIMARY KEY (release, number))",

	/* under which a charger's last report came, if it is not in force */
	"CREATE TABLE IF NOT EXISTS certificate_before ("
	"device TEXT PRIMARY KEY, certificate TEXT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS hook ("
	"id TEXT PRIMARY KEY, label TEXT NOT NULL, url TEXT NOT NULL, "
	"events TEXT NOT NULL, secret BLOB NOT NULL, "
	"created_by TEXT NOT NULL, created_s BIGINT NOT NULL, "
	"is_on BIGINT NOT NULL, seq BIGINT NOT NULL, "
	"failures BIGINT NOT NULL, failing_since_s BIGINT NOT NULL, "
	"next_s BIGINT NOT NULL, last TEXT NOT NULL)",

	"CREATE TABLE IF NOT EXISTS campaign ("
	"id TEXT PRIMARY KEY, number BIGINT NOT NULL, body TEXT NOT NULL, "
	"state BIGINT NOT NULL, because TEXT NOT NULL, "
	"approved_by TEXT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS member ("
	"campaign TEXT NOT NULL, device TEXT NOT NULL, "
	"state BIGINT NOT NULL, since_s BIGINT NOT NULL, "
	"reason TEXT NOT NULL, detail TEXT NOT NULL, "
	"before_release TEXT NOT NULL, before_campaign TEXT NOT NULL, "
	"seat TEXT NOT NULL DEFAULT '', PRIMARY KEY (campaign, device))",
	"CREATE TABLE IF NOT EXISTS campaign_set ("
	"campaign TEXT NOT NULL, kind TEXT NOT NULL, bits BLOB NOT NULL, "
	"PRIMARY KEY (campaign, kind))",
	"CREATE TABLE IF NOT EXISTS fault_mark ("
	"device TEXT PRIMARY KEY, old_faults BIGINT NOT NULL, "
	"old_s BIGINT NOT NULL, new_faults BIGINT NOT NULL, "
	"new_s BIGINT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS frozen ("
	"name TEXT PRIMARY KEY, is_on BIGINT NOT NULL, person TEXT NOT NULL, "
	"because TEXT NOT NULL, since_s BIGINT NOT NULL)",
	NULL,
};

/* clang-format off */
const char *const vs_schema_steps[VS_SCHEMA_VERSION][VS_SCHEMA_STEP_MAX] = {
	/* 1: each person had one token, for ever */
	{"INSERT INTO token (hash, id, person, label, roles, created_s, "
	 "expires_s) SELECT token, name || '.1', name, 'first', roles, "
	 "created_s, 253402300799 FROM person"},
	/* 2: members were told once, and forgot when */
	{"ALTER TABLE member ADD COLUMN seat TEXT NOT NULL DEFAULT ''"},
	/* 3: a start read all certificates and reports.  The rest is done by
	 * vs_fleet_upgrade(), which also drops ecu, label and watch. */
	{"CREATE TABLE IF NOT EXISTS label ("
	 "device TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, "
	 "PRIMARY KEY (device, kind, value))",
	 "CREATE TABLE IF NOT EXISTS watch ("
	 "device TEXT NOT NULL, name TEXT NOT NULL, value BIGINT NOT NULL, "
	 "PRIMARY KEY (device, name))",
	 "CREATE TABLE IF NOT EXISTS freeze ("
	 "name TEXT PRIMARY KEY, is_on BIGINT NOT NULL, "
	 "person TEXT NOT NULL, because TEXT NOT NULL, "
	 "since_s BIGINT NOT NULL)",
	 "INSERT INTO certificate (device, pem) SELECT id, certificate "
	 "FROM device",
	 "ALTER TABLE device DROP COLUMN certificate",
	 "ALTER TABLE device ADD COLUMN labels TEXT NOT NULL DEFAULT ''",
	 "ALTER TABLE device ADD COLUMN ecus TEXT NOT NULL DEFAULT ''",
	 "ALTER TABLE device ADD COLUMN fingerprint BLOB NOT NULL DEFAULT ''",
	 "ALTER TABLE device ADD COLUMN expires_s BIGINT NOT NULL DEFAULT 0",
	 /* a reserved word elsewhere */
	 "INSERT INTO frozen (name, is_on, person, because, since_s) "
	 "SELECT name, is_on, person, because, since_s FROM freeze",
	 "DROP TABLE freeze"},
};
/* clang-format on */
