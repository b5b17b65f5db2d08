#!/usr/bin/env node
/**
 * How near packing and unpacking are to what they consist of: the codec, the hashes, and the file system, each measured
 * alone on one thread (bench/drivers/parts.js), beside the CPU time of the whole.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { whoIsInstalled } from './contenders.js';
import { formatConditions, measuredOn } from './machine.js';
import { measure, run } from './measure.js';
import { ZNIP, znipPeer } from './peers.js';
import { cpuSeconds, medianOf, wallSeconds } from './statistics.js';
import { formatBytes, formatCount, formatSeconds, formatTable, positiveNumber } from './text.js';
import { summarizeTree } from './tree.js';
import { chooseBase, parseOptions, runMain, withWorkspace } from './workspace.js';

const PARTS = fileURLToPath(new URL('drivers/parts.js', import.meta.url));

const HELP = `Show what packing and unpacking consist of: codec, hashes, file system, each alone.

  node bench/limits.js node_modules
  node bench/limits.js --rounds 9 --json limits.json ~/src/linux

Usage: node bench/limits.js [options] DIR

The tree, its tar stream and a copy have to fit in memory, and in the working directory.
Needs the native core: cargo, when it was built.

  --rounds N       the median of so many rounds (default 5)
  --work DIR       where archives and copies go for the time being
                   (default /dev/shm if it has room, else the temporary directory)
  --json FILE      write every single measurement
  --znip FILE      measure another build: its bin/znip.cjs
  --help
`;

/** Which command has which parts; copying memory is for comparison. */
const PARTS_OF = {
  'znip pack': [
    'open, read and close files',
    'BLAKE3 of every content',
    'BLAKE3 of every chunk',
    'zstd, compression',
  ],
  'znip unpack': [
    'zstd, decompression',
    'BLAKE3 of every chunk',
    'BLAKE3 of every content',
    'create, write and close files',
  ],
};

/**
 * @typedef {{ part: string, userSeconds: number, systemSeconds: number, bytes: number }} Part bytes: that it went over
 * @typedef {{ command: string } & import('./measure.js').Measurement} Whole
 */

/**
 * @param {readonly Part[]} parts of all rounds
 * @param {readonly Whole[]} runs
 * @returns {string} Markdown
 */
function report(parts, runs) {
  /** @param {string} name */
  const named = (name) => parts.filter(({ part }) => part === name);
  const partRows = [...new Set(parts.map(({ part }) => part))].map((name) => {
    const user = medianOf(named(name), ({ userSeconds }) => userSeconds);
    const system = medianOf(named(name), ({ systemSeconds }) => systemSeconds);
    const [{ bytes } = { bytes: 0 }] = named(name);
    return [name, formatSeconds(user), formatSeconds(system), (bytes / (user + system) / 1e6).toFixed(0)];
  });
  const wholeRows = Object.entries(PARTS_OF).map(([command, names]) => {
    const turns = runs.filter((run) => run.command === command);
    const needed = names.reduce((sum, name) => sum + medianOf(named(name), cpuSeconds), 0);
    const cpu = medianOf(turns, cpuSeconds);
    const share = `${((needed / cpu) * 100).toFixed(0)} %`;
    const wall = medianOf(turns, wallSeconds);
    return [command, formatSeconds(wall), formatSeconds(cpu), formatSeconds(needed), share];
  });
  return [
    '#### The parts, each alone on one thread',
    formatTable([['', 'user', 'system', 'MB/s'], ...partRows]),
    '#### What they come to',
    formatTable([['', 'wall', 'CPU', 'CPU of its parts', 'of all'], ...wholeRows]),
  ].join('\n\n');
}

await runMain(async () => {
  const options = parseOptions(HELP, {
    options: {
      rounds: { type: 'string', default: '5' },
      work: { type: 'string' },
      json: { type: 'string' },
      znip: { type: 'string', default: ZNIP },
    },
    operands: [1, 1],
  });
  if (options === undefined) return;
  const { values, positionals } = options;
  const rounds = positiveNumber('--rounds', values.rounds);
  const tree = resolve(positionals[0] ?? '');
  const peer = znipPeer(resolve(values.znip));
  const { versions, missing } = whoIsInstalled([peer]);
  const { members, bytes, allocatedBytes } = summarizeTree(tree);

  await withWorkspace(values.work ?? chooseBase(allocatedBytes * 4), async (work, signal) => {
    const conditions = { ...measuredOn(work), versions, notInstalled: missing };
    const cwd = dirname(tree);
    const name = basename(tree);
    const archive = join(work, 'tree.znip');
    const target = join(work, 'unpacked');
    const tar = join(work, 'tree.tar');
    await run(['tar', '-c', '-f', tar, name], { cwd, signal });
    /** @type {Part[]} */
    const parts = [];
    /** @type {Whole[]} */
    const runs = [];
    for (let round = 1; round <= rounds; round += 1) {
      mkdirSync(target);
      const printed = execFileSync(process.execPath, [PARTS, tree, tar, target], { encoding: 'utf8' });
      parts.push(
        ...printed
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
      await run(['rm', '-rf', target, archive], { signal });
      mkdirSync(target);
      for (const [command, pipeline] of [
        ['znip pack', peer.pack(name, archive)],
        ['znip unpack', peer.unpack(archive, target, name)],
      ]) {
        runs.push({ command, ...(await measure(pipeline, { cwd, scratch: work, signal })) });
      }
      await run(['rm', '-rf', target], { signal });
      console.error(`  round ${round} of ${rounds}`);
    }
    console.log(`${name}: ${formatCount(members)} members, ${formatBytes(bytes)}.\n`);
    console.log(`${formatConditions(conditions, runs)}\n\n${report(parts, runs)}`);
    if (values.json === undefined) return;
    writeFileSync(
      values.json,
      `${JSON.stringify({ ...conditions, rounds, name, members, bytes, parts, runs }, null, 2)}\n`,
    );
  });
});
