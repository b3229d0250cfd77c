// SPDX-License-Identifier: Apache-2.0
// tests/judges/read.mjs - reads a repository with the client of tuf-js.
//
// node read.mjs ROOT METADATA_URL TARGETS_URL FOLDER PATH...
// Prints {path: {length, hashes, custom, file}}; exit 1 with one line if
// anything is refused or missing.
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Updater } from 'tuf-js';

const [root, metadata, targets, folder, ...paths] = process.argv.slice(2);
const stored = join(folder, 'metadata');
const targetDir = join(folder, 'targets');

mkdirSync(stored, { recursive: true });
mkdirSync(targetDir, { recursive: true });
copyFileSync(root, join(stored, 'root.json'));

const updater = new Updater({
	metadataDir: stored,
	metadataBaseUrl: metadata,
	targetDir,
	targetBaseUrl: targets,
	config: { fetchRetries: 0, fetchTimeout: 20000 },
});

try {
	const found = {};

	await updater.refresh();
	for (const path of paths) {
		const info = await updater.getTargetInfo(path);

		if (!info)
			throw new Error(`${path}: nobody names it`);
		found[path] = {
			length: info.length,
			hashes: info.hashes,
			custom: info.custom,
			file: await updater.downloadTarget(info),
		};
	}
	console.log(JSON.stringify(found));
} catch (error) {
	console.error(`${error.name}: ${error.message}`.split('\n')[0]);
	process.exitCode = 1;
}
