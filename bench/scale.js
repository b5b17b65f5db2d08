#!/usr/bin/env node
/**
 * How time and memory grow: with the number of members, on made trees of 10,000 and more files of 100 bytes, where the
 * cost of a member is all there is; and with bytes, on a sparse file, in which it is that of the content. And how
 * much of packing is serial, which is what there is left with many cores.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { whoIsInstalled } from './contenders.js';
import { formatConditions, measuredOn } from './machine.js';
import { measure, run } from './measure.js';
import { ZNIP, znipPeer } from './peers.js';
import { cpuSeconds, median, medianOf, peakMemory, wallSeconds } from './statistics.js';
import {
  formatBytes,
  formatCount,
  formatMemory,
  formatSeconds,
  formatTable,
  positiveNumber,
} from './text.js';
import { measureThreads } from './thread-times.js';
import { makeTree, summarizeTree } from './tree.js';
import { chooseBase, parseOptions, runMain, withWorkspace } from './workspace.js';

const FILE_BYTES = 100;
/** What a small file takes on a RAM disk: a page and an inode. */
const ALLOCATED_BYTES = 5120;
const GB = 1e9;
/** Of every 64 KiB of the sparse file, this much is random: the archive has about a sixteenth of its bytes. */
const STRIPE = 65_536;
const RANDOM_BYTES = 4096;

const HELP = `Show how time and memory grow, for each member and each GB, and how much of packing is serial.

  node bench/scale.js
  node bench/scale.js --million --large --rounds 1

Usage: node bench/scale.js [options]

Trees are of files of ${FILE_BYTES} bytes. Large files are sparse: of every 64 KiB, 4 KiB are random and the
rest is zeros, so that they and their archives have room on a RAM disk; they are read, not unpacked.

  --million     also 1,000,000 files (takes 12 GB in the working directory)
  --large       also a file of 20 GB (takes 3 GB)
  --rounds N    the median of so many runs (default 3)
  --work DIR    where the trees go for the time being
                (default /dev/shm if it has room, else the temporary directory)
  --json FILE   write every single measurement
  --znip FILE   measure another build: its bin/znip.cjs
  --help
`;

/**
 * @typedef {object} Scale
 * @property {'member' | 'GB'} unit
 * @property {number} units
 * @property {number} archiveBytes
 * @property {Record<string, import('./measure.js').Measurement[]>} measurements by step, one for each round
 * @property {import('./thread-times.js').ThreadTimes[]} threads of packing, one for each round
 *
 * @typedef {{ rounds: number, work: string, signal: AbortSignal, znip: string[] }} Options
 */

/**
 * @param {string} source a name in the working directory
 * @param {Pick<Scale, 'unit' | 'units'>} what
 * @param {(archive: string, target: string) => Record<string, string[][]>} reading by step
 * @param {Options} options
 * @returns {Promise<Scale>}
 */
async function measureScale(source, what, reading, { rounds, work, signal, znip }) {
  const archive = join(work, 'scale.znip');
  const target = join(work, 'unpacked');
  const pack = [...znip, 'pack', '-q', source, '-o', archive];
  const steps = Object.entries({ pack: [pack], ...reading(archive, target) });
  /** @type {Scale} */
  const scale = { ...what, archiveBytes: 0, measurements: {}, threads: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const [step, pipeline] of steps) {
      if (step.startsWith('unpack')) mkdirSync(target);
      const runs = (scale.measurements[step] ??= []);
      runs.push(await measure(pipeline, { cwd: work, scratch: work, signal }));
      if (step === 'unpack' && round === 0) {
        await run(['diff', '-r', '--no-dereference', join(work, source), join(target, source)], { signal });
      }
      await run(['rm', '-rf', target], { signal });
    }
    // With so many workers the main thread is left with what it alone can do.
    scale.threads.push(await measureThreads([...pack, '-j', '4'], { cwd: work, signal }));
  }
  scale.archiveBytes = statSync(archive).size;
  await run(['rm', '-rf', archive, join(work, source)], { signal });
  return scale;
}

/**
 * @param {number} files
 * @param {Options} options
 */
function measureTree(files, options) {
  const source = `${files}-files`;
  const root = join(options.work, source);
  makeTree(root, files, FILE_BYTES);
  const { znip } = options;
  return measureScale(
    source,
    { unit: 'member', units: summarizeTree(root).members },
    (archive, target) => ({
      ls: [[...znip, 'ls', archive]],
      cat: [[...znip, 'cat', archive, `${source}/d00/d01/f07.txt`]],
      verify: [[...znip, 'verify', '-q', archive]],
      unpack: [[...znip, 'unpack', '-q', archive, '-C', target]],
      'unpack -': [
        ['cat', archive],
        [...znip, 'unpack', '-q', '-', '-C', target],
      ],
    }),
    options,
  );
}

/**
 * @param {number} bytes
 * @param {Options} options
 */
function measureFile(bytes, options) {
  const source = 'large';
  const fd = openSync(join(options.work, source), 'w');
  for (let offset = 0; offset < bytes; offset += STRIPE)
    writeSync(fd, randomBytes(RANDOM_BYTES), 0, null, offset);
  ftruncateSync(fd, bytes);
  closeSync(fd);
  const { znip } = options;
  return measureScale(
    source,
    { unit: 'GB', units: bytes / GB },
    (archive) => ({
      ls: [[...znip, 'ls', archive]],
      cat: [[...znip, 'cat', archive, source]],
      verify: [[...znip, 'verify', '-q', archive]],
      'verify -': [
        ['cat', archive],
        [...znip, 'verify', '-q', '-'],
      ],
    }),
    options,
  );
}

/**
 * @param {number} seconds
 * @param {Scale['unit']} unit
 */
function formatEach(seconds, unit) {
  return unit === 'member' ? `${(seconds * 1e6).toFixed(2)} µs` : `${seconds.toFixed(3)} s`;
}

/**
 * @param {readonly Scale[]} scales of one unit, the smallest first
 * @returns {string}
 */
function formatScales(scales) {
  const { unit } = scales[0] ?? { unit: 'member' };
  const plural = unit === 'GB' ? unit : `${unit}s`;
  const header = [plural, 'step', 'wall', `a ${unit}`, 'against linear', 'CPU', 'peak memory', 'archive'];
  const rows = scales.flatMap(({ units, archiveBytes, measurements }, index) => {
    const before = scales[index - 1];
    return Object.entries(measurements).map(([step, runs], row) => {
      const wall = medianOf(runs, wallSeconds);
      const each = wall / units;
      const eachBefore = before && medianOf(before.measurements[step] ?? [], wallSeconds) / before.units;
      return [
        row === 0 ? formatCount(units) : '',
        step,
        formatSeconds(wall),
        formatEach(each, unit),
        eachBefore === undefined ? '' : (each / eachBefore).toFixed(2),
        formatSeconds(medianOf(runs, cpuSeconds)),
        formatMemory(peakMemory(runs)),
        row === 0 ? formatBytes(archiveBytes) : '',
      ];
    });
  });
  return formatTable([header, ...rows]);
}

/**
 * The serial part of one more unit: what the largest input took beyond the smallest, in which start-up is.
 *
 * @param {readonly Scale[]} scales of one unit, the smallest first
 * @returns {string}
 */
function formatSerial(scales) {
  const [smallest] = scales;
  const largest = scales.at(-1);
  if (smallest === undefined || largest === undefined || smallest === largest) return '';
  const { unit } = largest;
  /** @param {(times: import('./thread-times.js').ThreadTimes) => number} pick */
  const each = (pick) =>
    (median(largest.threads.map(pick)) - median(smallest.threads.map(pick))) /
    (largest.units - smallest.units);
  const main = each(({ mainSeconds }) => mainSeconds);
  const writer = each(({ writerSeconds }) => writerSeconds);
  const others = each(({ otherSeconds }) => otherSeconds);
  const busiest = Math.max(main, writer);
  const useful = (busiest + others + Math.min(main, writer)) / busiest;
  return (
    `packing, CPU time of one more ${unit}: main thread ${formatEach(main, unit)}, writer thread ${formatEach(writer, unit)}, ` +
    `all others ${formatEach(others, unit)}; the busier of the two has work for ${useful.toFixed(1)} cores`
  );
}

await runMain(async () => {
  const parsed = parseOptions(HELP, {
    options: {
      million: { type: 'boolean', default: false },
      large: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      work: { type: 'string' },
      json: { type: 'string' },
      znip: { type: 'string', default: ZNIP },
    },
  });
  if (parsed === undefined) return;
  const { values } = parsed;
  const rounds = positiveNumber('--rounds', values.rounds);
  const znip = resolve(values.znip);
  const { versions, missing } = whoIsInstalled([znipPeer(znip)]);
  const trees = [10_000, 100_000, ...(values.million ? [1_000_000] : [])];
  const files = [GB / 10, GB, ...(values.large ? [20 * GB] : [])];
  const needed = Math.max(Math.max(...trees) * ALLOCATED_BYTES * 2, (Math.max(...files) / 16) * 2.5);
  await withWorkspace(values.work ?? chooseBase(needed), async (work, signal) => {
    const conditions = { ...measuredOn(work), versions, notInstalled: missing };
    const options = { rounds, work, signal, znip: [process.execPath, znip] };
    /** @type {Scale[]} */
    const ofMembers = [];
    for (const count of trees) {
      console.error(`  ${formatCount(count)} files of ${FILE_BYTES} bytes ...`);
      ofMembers.push(await measureTree(count, options));
    }
    /** @type {Scale[]} */
    const ofBytes = [];
    for (const bytes of files) {
      console.error(`  a file of ${formatBytes(bytes)} ...`);
      ofBytes.push(await measureFile(bytes, options));
    }
    const scales = [...ofMembers, ...ofBytes];
    const runs = scales.flatMap(({ measurements }) => Object.values(measurements).flat());
    console.log(formatConditions(conditions, runs));
    for (const some of [ofMembers, ofBytes]) console.log(`\n${formatScales(some)}\n\n${formatSerial(some)}`);
    if (values.json === undefined) return;
    writeFileSync(values.json, `${JSON.stringify({ ...conditions, rounds, scales }, null, 2)}\n`);
  });
});
