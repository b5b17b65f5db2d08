#!/usr/bin/env node
/**
 * What it costs to start: the shortest commands, as multiples of a bare `node -e 0`, in turns.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { whoIsInstalled, peersNamed } from './contenders.js';
import { describeMachine } from './machine.js';
import { measure, run } from './measure.js';
import { writeOutputs } from './outputs.js';
import { znipPeer } from './peers.js';
import { chaptersOf, formatConditions } from './result.js';
import { formatText } from './sections.js';
import { positiveNumber } from './text.js';
import { makeTree, selectMembers, summarizeTree } from './tree.js';
import { chooseBase, runMain, withWorkspace } from './workspace.js';

/**
 * @typedef {import('./peers.js').Peer} Peer
 * @typedef {import('./measure.js').Pipeline} Pipeline
 *
 * @typedef {object} Command
 * @property {string} name
 * @property {Pipeline} pipeline
 */

const FILES = 140_580;
const FILE_BYTES = 100;
/** What a small file takes on a RAM disk: a page and an inode. */
const ALLOCATED_BYTES = 5120;
const PEERS = ['tar+zstd -3', 'zip -6', 'squashfs -3'];

const HELP = `Show what it costs to start znip, in multiples of a bare 'node -e 0'.

  node bench/startup.js
  node bench/startup.js --rounds 101 --json startup.json

--version, --help, ls and cat of an archive with many members, pack and unpack
of 100 small files; and what tar, zstd, unzip and unsquashfs take for the same,
where they are installed.

Usage: node bench/startup.js [options]

  --rounds N       the median of so many rounds (default 21)
  --files N        in the archive that is listed (default ${FILES}, in all
                   142,002 members)
  --work DIR       where trees and archives go for the time being
                   (default /dev/shm if it has room, else the temporary directory)
  --json FILE      write every single measurement
  --markdown FILE  write the table for a document
  --znip FILE      measure another build: its bin/znip.cjs
  --help
`;

/**
 * Makes the trees and the archives.
 *
 * @param {Peer[]} contenders the first one is znip
 * @param {{ files: number, work: string, signal: AbortSignal, znip: string }} options
 * @returns {Promise<{ commands: Command[], members: number }>} commands: the first one is what the others are compared with
 */
async function prepare(contenders, { files, work, signal, znip }) {
  makeTree(join(work, 'many'), files, FILE_BYTES);
  makeTree(join(work, 'hundred'), 100, 1000);
  const { members } = summarizeTree(join(work, 'many'));
  const { small = '' } = selectMembers(join(work, 'many'));
  const target = join(work, 'unpacked');
  const base = { name: 'node -e 0', pipeline: [[process.execPath, '-e', '0']] };
  const own = ['--version', '--help'].map((option) => ({
    name: `znip ${option}`,
    pipeline: [[process.execPath, znip, option]],
  }));
  /** @type {Command[]} */
  const reading = [];
  /** @type {Command[]} */
  const writing = [];
  for (const { name, family, extension, pack, unpack, list, extract } of contenders) {
    const many = join(work, `many.${extension}`);
    const hundred = join(work, `hundred.${extension}`);
    if (family !== 'tar+zstd') {
      const [packing = []] = pack('many', many);
      // mksquashfs would compare files of the same length with each other, for minutes.
      await run([...packing, ...(family === 'squashfs' ? ['-no-duplicates'] : [])], { cwd: work, signal });
      const listing = family === 'zip' ? [['unzip', '-l', many]] : list?.(many);
      if (listing !== undefined) reading.push({ name: `${name}: list`, pipeline: listing });
      const extraction = extract?.(many, small);
      if (extraction !== undefined) reading.push({ name: `${name}: one small member`, pipeline: extraction });
    }
    if (family === 'znip' || family === 'tar+zstd') {
      writing.push({ name: `${name}: pack 100 files`, pipeline: pack('hundred', hundred) });
      const unpacking = unpack?.(hundred, target, 'hundred');
      if (unpacking !== undefined) writing.push({ name: `${name}: unpack 100 files`, pipeline: unpacking });
    }
  }
  return { commands: [base, ...own, ...reading, ...writing], members };
}

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '21' },
      files: { type: 'string', default: String(FILES) },
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
  const files = positiveNumber('--files', values.files);
  const znip = resolve(values.znip);
  const { installed, versions, missing } = whoIsInstalled([znipPeer(znip), ...peersNamed(PEERS)]);
  if (versions['znip'] === undefined) throw new Error(`${znip} does not run`);

  await withWorkspace(values.work ?? chooseBase(files * ALLOCATED_BYTES * 2), async (work, signal) => {
    const conditions = {
      date: new Date().toISOString(),
      machine: describeMachine(work),
      versions,
      notInstalled: missing,
      rounds,
    };
    console.log(formatConditions(conditions).join('\n'));
    console.error(`  making ${files} files ...`);
    const { commands, members } = await prepare(installed, { files, work, signal, znip });
    /** @type {import('./report-startup.js').StartupRun[]} */
    const runs = [];
    for (let round = 1; round <= rounds; round += 1) {
      for (const { name, pipeline } of commands) {
        await run(['rm', '-rf', join(work, 'unpacked')], { signal });
        mkdirSync(join(work, 'unpacked'));
        runs.push({
          round,
          command: name,
          ...(await measure(pipeline, { cwd: work, scratch: work, signal })),
        });
      }
      console.error(`  round ${round} of ${rounds}`);
    }
    /** @type {import('./result.js').StartupResult} */
    const result = {
      benchmark: 'startup',
      ...conditions,
      members,
      commands: commands.map(({ name }) => name),
      runs,
    };
    for (const chapter of chaptersOf(result)) console.log(`\n${formatText(chapter)}`);
    await writeOutputs(result, values);
  });
});
