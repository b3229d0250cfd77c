// SPDX-License-Identifier: Apache-2.0
// tests/judges/write.mjs - writes repositories with @tufjs/models.
//
// node write.mjs FOLDER
// Makes FOLDER/plain (one Ed25519 key for each role, no consistent
// snapshots), FOLDER/mixed (all kinds of keys, thresholds, four roots,
// delegations), and two that must be refused: FOLDER/forged (the delegated
// role is signed by a stranger) and FOLDER/stale (the timestamp has expired).
// Each has initial_root.json, metadata/, targets/ and wanted.json, the paths.
import { canonicalize } from '@tufjs/canonical-json';
import models from '@tufjs/models';
import crypto from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const { Key, MetaFile, Metadata, Root, Signature, Snapshot, TargetFile,
	Targets, Timestamp } = models;
const SPEC = '1.0.31';

const sha = (name, data) =>
	crypto.createHash(name).update(data).digest('hex');

const hex = (name) => encodeURIComponent(name).replace(/[!'()*]/g,
	(c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());

function days(n) {
	const at = new Date(Date.now() + n * 86400000);

	return at.toISOString().replace(/\.\d+Z$/, 'Z');
}

const kinds = {
	ed25519: {
		pair: () => crypto.generateKeyPairSync('ed25519'),
		scheme: 'ed25519',
		keytype: 'ed25519',
		publicText: (key) => key.export({ type: 'spki', format: 'der' })
			.subarray(-32).toString('hex'),
		sign: (key, data) => crypto.sign(null, data, key),
	},
	ecdsa: {
		pair: () => crypto.generateKeyPairSync('ec',
			{ namedCurve: 'P-256' }),
		scheme: 'ecdsa-sha2-nistp256',
		keytype: 'ecdsa',
		publicText: (key) => key.export({ type: 'spki', format: 'pem' }),
		sign: (key, data) => crypto.sign('sha256', data, key),
	},
	rsa: {
		pair: () => crypto.generateKeyPairSync('rsa',
			{ modulusLength: 2048 }),
		scheme: 'rsassa-pss-sha256',
		keytype: 'rsa',
		publicText: (key) => key.export({ type: 'spki', format: 'pem' }),
		sign: (key, data) => crypto.sign('sha256', data, {
			key,
			padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
		}),
	},
};

// A key of a kind and who signs with it; more: unknown members of its object.
function makeKey(kind, keytype = kinds[kind].keytype, more = {}) {
	const { publicKey, privateKey } = kinds[kind].pair();
	const object = {
		...more,
		keytype,
		scheme: kinds[kind].scheme,
		keyval: { public: kinds[kind].publicText(publicKey) },
	};
	const keyID = sha('sha256', canonicalize(object));

	return {
		key: Key.fromJSON(keyID, structuredClone(object)),
		sign: (data) => new Signature({
			keyID,
			sig: kinds[kind].sign(privateKey, data).toString('hex'),
		}),
	};
}

function encode(body, signers) {
	const metadata = new Metadata(body);

	for (const signer of signers)
		metadata.sign(signer.sign);
	return Buffer.from(JSON.stringify(metadata.toJSON()));
}

function put(path, data) {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, data);
}

const note = (version, data) => new MetaFile({
	version,
	length: data.length,
	hashes: { sha256: sha('sha256', data), sha512: sha('sha512', data) },
});

class Repository {
	constructor(folder, consistentSnapshot) {
		this.folder = folder;
		this.consistent = consistentSnapshot;
		this.wanted = [];
		this.listed = {};
	}

	root(version, roles, signers) {
		const root = new Root({
			version,
			specVersion: SPEC,
			expires: days(30),
			consistentSnapshot: this.consistent,
			unrecognizedFields: { 'x-note': { b: [1, null], a: 'é' } },
		});

		for (const [name, { keys, threshold }] of
			Object.entries(roles)) {
			for (const { key } of keys)
				root.addKey(key, name);
			root.roles[name] = new root.roles[name].constructor({
				keyIDs: root.roles[name].keyIDs,
				threshold,
			});
		}
		const data = encode(root, signers);

		put(join(this.folder, 'metadata', `${version}.root.json`), data);
		if (version === 1)
			put(join(this.folder, 'initial_root.json'), data);
	}

	target(path, text) {
		const data = Buffer.from(text);
		const at = path.lastIndexOf('/') + 1;
		const hashes = {
			sha256: sha('sha256', data),
			sha512: sha('sha512', data),
		};
		const prefix = this.consistent ? hashes.sha256 + '.' : '';

		put(join(this.folder, 'targets', path.slice(0, at) + prefix +
			path.slice(at)), data);
		this.wanted.push(path);
		return new TargetFile({
			path,
			length: data.length,
			hashes,
			unrecognizedFields: { custom: { note: path } },
		});
	}

	file(name, version, data, listed = true) {
		const bare = name === 'timestamp' || !this.consistent;

		put(join(this.folder, 'metadata',
			`${bare ? '' : version + '.'}${hex(name)}.json`), data);
		if (listed)
			this.listed[`${name}.json`] = note(version, data);
	}

	finish(snapshotKey, timestampKey, expires = days(7)) {
		const common = { version: 4, specVersion: SPEC };
		const snapshot = encode(new Snapshot({
			...common,
			expires: days(7),
			meta: this.listed,
		}), [snapshotKey]);

		this.file('snapshot', 4, snapshot, false);
		this.file('timestamp', 4, encode(new Timestamp({
			...common,
			expires,
			snapshotMeta: note(4, snapshot),
		}), [timestampKey]), false);
		put(join(this.folder, 'wanted.json'),
			JSON.stringify(this.wanted));
	}
}

const role = (threshold, ...keys) => ({ keys, threshold });

function plain(folder) {
	const r = new Repository(folder, false);
	const keys = ['root', 'targets', 'snapshot', 'timestamp']
		.map(() => makeKey('ed25519'));
	const [root, targets, snapshot, timestamp] = keys;

	r.root(1, {
		root: role(1, root),
		targets: role(1, targets),
		snapshot: role(1, snapshot),
		timestamp: role(1, timestamp),
	}, [root]);
	r.file('targets', 3, encode(new Targets({
		version: 3,
		specVersion: SPEC,
		expires: days(30),
		targets: { 'app.img': r.target('app.img', 'plain bytes') },
	}), [targets]));
	r.finish(snapshot, timestamp);
}

function delegation(name, threshold, keys, more) {
	return {
		name,
		threshold,
		keyids: keys.map(({ key }) => key.keyID),
		terminating: false,
		...more,
	};
}

const delegations = (keys, roles) => ({
	keys: Object.fromEntries(keys.map(({ key }) =>
		[key.keyID, key.toJSON()])),
	roles,
});

function targetsFile(version, files, delegated) {
	return Targets.fromJSON({
		_type: 'targets',
		spec_version: SPEC,
		version,
		expires: days(30),
		targets: Object.fromEntries(files.map((f) =>
			[f.path, f.toJSON()])),
		...(delegated && { delegations: delegated }),
		'x-custom': { kept: true },
	});
}

function mixed(folder, how = {}) {
	const r = new Repository(folder, true);
	const old = [makeKey('ecdsa'), makeKey('ecdsa'), makeKey('rsa')];
	const fresh = [makeKey('ed25519'), makeKey('rsa'),
		makeKey('ecdsa', 'ecdsa-sha2-nistp256')];
	const online = makeKey('ed25519', 'ed25519', { 'x-online': true });
	const top = [makeKey('rsa'), makeKey('ecdsa')];
	const release = [makeKey('ecdsa'), makeKey('ed25519')];
	const eu = makeKey('rsa');
	const bin = makeKey('ed25519');
	const rest = {
		targets: role(2, ...top),
		snapshot: role(1, online),
		timestamp: role(1, online),
	};

	r.root(1, { root: role(2, ...old), ...rest }, [old[0], old[2]]);
	r.root(2, { root: role(2, old[0], fresh[0], fresh[1]), ...rest },
		[old[0], old[1], fresh[1]]);
	r.root(3, { root: role(3, ...fresh), ...rest },
		[old[0], ...fresh]);
	r.root(4, { root: role(1, ...fresh), ...rest }, fresh);

	const inBin = 'packages/thing';
	const digit = sha('sha256', inBin).slice(0, 2);

	r.file('targets', 9, encode(targetsFile(9,
		[r.target('top.img', 'named at the top')],
		delegations([...release, bin], [
			delegation('release', 2, release,
				{ paths: ['fw/*', 'fw/eu/*'] }),
			delegation('bin/é', 1, [bin],
				{ path_hash_prefixes: [digit] }),
		])), top));
	r.file('release', 2, encode(targetsFile(2,
		[r.target('fw/gateway.img', 'gateway firmware')],
		delegations([eu], [delegation('release/eu', 1, [eu],
			{ paths: ['fw/eu/*'], terminating: true })])),
	how.forged ? [release[0], makeKey('ed25519')] : release));
	r.file('release/eu', 1, encode(targetsFile(1,
		[r.target('fw/eu/meter.img', 'meter firmware')]), [eu]));
	r.file('bin/é', 1, encode(targetsFile(1,
		[r.target(inBin, 'a package')]), [bin]));
	r.finish(online, online, how.stale ? days(-1) : undefined);
}

const folder = process.argv[2];

plain(join(folder, 'plain'));
mixed(join(folder, 'mixed'));
mixed(join(folder, 'forged'), { forged: true });
mixed(join(folder, 'stale'), { stale: true });
