#!/usr/bin/env node
/**
 * How znip's time and memory grow with the number of members: packs, lists and unpacks made trees of
 * 10,000 and more files of 100 bytes, where the cost of a member is all there is.
 */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, formatMachine } from './machine.js';
import { measure, run } from './measure.js';
import { znipPeer } from './peers.js';
import { formatContention } from './report.js';
import { formatBytes, formatCount, formatSeconds, formatTable, median } from './text.js';
import { makeTree, summarizeTree } from './tree.js';
import { chooseBase, runMain, withWorkspace } from './workspace.js';

const FILE_BYTES = 100;
/** What a small file takes on a RAM disk: a page and an inode. */
const ALLOCATED_BYTES = 5120;

const HELP = `Show what a member costs: pack, ls and unpack of many files of ${FILE_BYTES} bytes.

  node bench/scale.js
  node bench/scale.js --million --rounds 1

Usage: node bench/scale.js [options]

  --million     also 1,000,000 files (takes 12 GB in the working directory)
  --rounds N    the median of so many runs (default 3)
  --work DIR    where the trees go for the time being
                (default /dev/shm if it has room, else the temporary directory)
  --json FILE   write every single measurement
  --znip FILE   measure another build: its bin/znip.js
  --help
`;

const HEADER = ['members', 'step', 'wall', 'a member', 'CPU', 'peak memory', 'archive', 'a member'];

/**
 * @typedef {'pack' | 'ls' | 'unpack'} Step
 *
 * @typedef {object} Scale
 * @property {number} members
 * @property {number} archiveBytes
 * @property {Record<Step, import('./measure.js').Measurement[]>} measurements one for each round
 */

/** @type {readonly Step[]} */
const STEPS = ['pack', 'ls', 'unpack'];

/**
 * @param {number} files
 * @param {{ rounds: number, work: string, signal: AbortSignal, znip: string }} options
 * @returns {Promise<Scale>}
 */
async function measureScale(files, { rounds, work, signal, znip }) {
  const peer = znipPeer(znip);
  const source = `${files}-files`;
  const archive = join(work, `${source}.znip`);
  const target = join(work, 'unpacked');
  makeTree(join(work, source), files, FILE_BYTES);
  const { members } = summarizeTree(join(work, source));

  const steps = {
    pack: peer.pack(source, archive),
    ls: peer.list(archive),
    unpack: peer.unpack(archive, target),
  };
  /** @type {Scale['measurements']} */
  const measurements = { pack: [], ls: [], unpack: [] };
  for (let round = 0; round < rounds; round += 1) {
    await run(['rm', '-rf', archive], { signal });
    mkdirSync(target);
    for (const step of STEPS) {
      measurements[step].push(await measure(steps[step], { cwd: work, scratch: work, signal }));
    }
    if (round === 0) {
      await run(['diff', '-r', '--no-dereference', join(work, source), join(target, source)], { signal });
    }
    await run(['rm', '-rf', target], { signal });
  }
  const archiveBytes = statSync(archive).size;
  await run(['rm', '-rf', archive, join(work, source)], { signal });

  return { members, archiveBytes, measurements };
}

/**
 * @param {Scale} scale
 * @returns {string[][]} rows of the table
 */
function formatScale({ members, archiveBytes, measurements }) {
  return STEPS.map((step, index) => {
    const runs = measurements[step];
    const wall = median(runs.map(({ wallSeconds }) => wallSeconds));
    const cpu = median(runs.map(({ userSeconds, systemSeconds }) => userSeconds + systemSeconds));
    const peak = Math.max(...runs.map(({ peakMemoryBytes }) => peakMemoryBytes ?? 0));
    return [
      index === 0 ? formatCount(members) : '',
      step,
      formatSeconds(wall),
      `${((wall / members) * 1e6).toFixed(2)} µs`,
      formatSeconds(cpu),
      peak === 0 ? 'unknown' : formatBytes(peak),
      ...(index === 0 ? [formatBytes(archiveBytes), `${(archiveBytes / members).toFixed(1)} B`] : []),
    ];
  });
}

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      million: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      work: { type: 'string' },
      json: { type: 'string' },
      znip: { type: 'string', default: fileURLToPath(new URL('../bin/znip.js', import.meta.url)) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(HELP.trimEnd());
    return;
  }
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: not a positive number`);
  const sizes = [10_000, 100_000, ...(values.million ? [1_000_000] : [])];
  const needed = Math.max(...sizes) * ALLOCATED_BYTES * 2;
  await withWorkspace(values.work ?? chooseBase(needed), async (work, signal) => {
    const machine = describeMachine(work);
    console.log(formatMachine(machine));
    /** @type {Scale[]} */
    const scales = [];
    for (const files of sizes) {
      console.error(`  ${formatCount(files)} files of ${FILE_BYTES} bytes ...`);
      scales.push(await measureScale(files, { rounds, work, signal, znip: resolve(values.znip) }));
    }
    console.log(`\n${formatTable([HEADER, ...scales.flatMap(formatScale)])}`);
    console.log(formatContention(scales.flatMap(({ measurements }) => Object.values(measurements).flat())));
    if (values.json !== undefined) {
      writeFileSync(values.json, `${JSON.stringify({ machine, rounds, scales }, null, 2)}\n`);
    }
  });
});
