#!/usr/bin/env node
/**
 * What znip adds to a copy where there is nothing to win: packs files of random bytes, as good as already compressed,
 * and copies them, in turns.
 */
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { peersNamed, whoIsInstalled } from './contenders.js';
import { describeMachine } from './machine.js';
import { measure, run } from './measure.js';
import { writeOutputs } from './outputs.js';
import { znipPeer } from './peers.js';
import { chaptersOf, formatConditions } from './result.js';
import { formatText } from './sections.js';
import { positiveNumber } from './text.js';
import { summarizeTree } from './tree.js';
import { chooseBase, runMain, withWorkspace } from './workspace.js';

const FILES = 16;
const MEGABYTE = 1_000_000;

const HELP = `Show what packing costs where nothing can be compressed, beside 'cp -r'.

  node bench/incompressible.js
  node bench/incompressible.js --megabytes 500 --rounds 9

Usage: node bench/incompressible.js [options]

  --megabytes N    of random bytes, in ${FILES} files (default 2000); takes twice
                   as much in the working directory
  --rounds N       the median of so many rounds (default 5)
  --work DIR       where files and copies go for the time being
                   (default /dev/shm if it has room, else the temporary directory)
  --json FILE      write every single measurement
  --markdown FILE  write the table for a document
  --znip FILE      measure another build: its bin/znip.cjs
  --help
`;

/**
 * @param {string} directory made by this function
 * @param {number} bytes in all
 */
function makeRandomFiles(directory, bytes) {
  mkdirSync(directory);
  const buffer = Buffer.allocUnsafe(MEGABYTE);
  for (let index = 0; index < FILES; index += 1) {
    const file = openSync(join(directory, `random-${index}.bin`), 'w');
    try {
      for (let left = Math.floor(bytes / FILES); left > 0; left -= MEGABYTE) {
        writeSync(file, randomFillSync(buffer), 0, Math.min(left, MEGABYTE));
      }
    } finally {
      closeSync(file);
    }
  }
}

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      megabytes: { type: 'string', default: '2000' },
      work: { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      znip: { type: 'string', default: fileURLToPath(new URL('../bin/znip.cjs', import.meta.url)) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP.trimEnd());
    return;
  }
  const rounds = positiveNumber('--rounds', values.rounds);
  const size = positiveNumber('--megabytes', values.megabytes) * MEGABYTE;
  const znip = resolve(values.znip);
  const { installed, versions, missing } = whoIsInstalled([znipPeer(znip), ...peersNamed(['tar+zstd -3'])]);
  if (versions['znip'] === undefined) throw new Error(`${znip} does not run`);

  await withWorkspace(values.work ?? chooseBase(size * 2.1), async (work, signal) => {
    const conditions = {
      date: new Date().toISOString(),
      machine: describeMachine(work),
      versions,
      notInstalled: missing,
      rounds,
    };
    console.log(formatConditions(conditions).join('\n'));
    makeRandomFiles(join(work, 'random'), size);
    const { bytes } = summarizeTree(join(work, 'random'));
    const output = join(work, 'output');
    const commands = [
      { name: 'cp -r', pipeline: [['cp', '-r', 'random', output]] },
      ...installed.map(({ name, pack }) => ({ name, pipeline: pack('random', output) })),
    ];
    /** @type {import('./report-incompressible.js').CopyRun[]} */
    const runs = [];
    for (let round = 1; round <= rounds; round += 1) {
      for (const { name, pipeline } of commands) {
        const measurement = await measure(pipeline, { cwd: work, scratch: work, signal });
        const archiveBytes = summarizeTree(output).bytes;
        runs.push({ round, command: name, archiveBytes, ...measurement });
        await run(['rm', '-rf', output], { signal });
      }
      console.error(`  round ${round} of ${rounds}`);
    }
    /** @type {import('./result.js').IncompressibleResult} */
    const result = {
      benchmark: 'incompressible',
      ...conditions,
      files: FILES,
      bytes,
      commands: commands.map(({ name }) => name),
      runs,
    };
    for (const chapter of chaptersOf(result)) console.log(`\n${formatText(chapter)}`);
    await writeOutputs(result, values);
  });
});
