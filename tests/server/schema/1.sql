-- SPDX-License-Identifier: Apache-2.0
-- A database as servers of schema 1 left it, with rows.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE person (name TEXT PRIMARY KEY, roles TEXT NOT NULL, token BLOB NOT NULL, created_s BIGINT NOT NULL);
CREATE UNIQUE INDEX person_token ON person (token);
CREATE TABLE audit (seq BIGINT PRIMARY KEY, time_s BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE device (id TEXT PRIMARY KEY, seq BIGINT NOT NULL, site TEXT NOT NULL, feeder TEXT NOT NULL, model TEXT NOT NULL, utc_offset TEXT NOT NULL, certificate TEXT NOT NULL, registered_s BIGINT NOT NULL);
CREATE TABLE ecu (device TEXT NOT NULL, place BIGINT NOT NULL, id TEXT NOT NULL, component TEXT NOT NULL, hardware TEXT NOT NULL, PRIMARY KEY (device, place));
CREATE TABLE report (device TEXT PRIMARY KEY, counter BIGINT NOT NULL, nonce TEXT NOT NULL, received_s BIGINT NOT NULL, body BLOB NOT NULL);
CREATE TABLE director (device TEXT PRIMARY KEY, version BIGINT NOT NULL);
CREATE TABLE assignment (device TEXT PRIMARY KEY, release TEXT NOT NULL, campaign TEXT NOT NULL);
CREATE TABLE image_file (name TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE release (name TEXT PRIMARY KEY, release_seq BIGINT NOT NULL, uploaded_by TEXT NOT NULL, uploaded_s BIGINT NOT NULL);
CREATE TABLE campaign (id TEXT PRIMARY KEY, number BIGINT NOT NULL, body TEXT NOT NULL, state BIGINT NOT NULL, because TEXT NOT NULL, approved_by TEXT NOT NULL);
CREATE TABLE member (campaign TEXT NOT NULL, device TEXT NOT NULL, state BIGINT NOT NULL, since_s BIGINT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, before_release TEXT NOT NULL, before_campaign TEXT NOT NULL, PRIMARY KEY (campaign, device));
INSERT INTO meta VALUES ('schema', '1');
INSERT INTO person VALUES ('vera', 'viewer', x'0102', 1700000000);
INSERT INTO device VALUES ('CP-1', 1, 'north', 'f1', 'ac22', '-60', 'PEM', 1700000001);
INSERT INTO ecu VALUES ('CP-1', 0, 'CP-1-gw', 'gateway', 'gw-rev3');
INSERT INTO campaign VALUES ('1', 1, '{}', 2, 'no reason', 'anna');
INSERT INTO member (campaign, device, state, since_s, reason, detail, before_release, before_campaign) VALUES ('1', 'CP-1', 3, 1700000002, '', 'x', '', '');
