#!/usr/bin/env node
/**
 * What it costs to do again what has hardly changed. `pack --base`, against packing it whole and against tar and zstd, and how much
 * is taken over. `unpack --changed`, against rsync from the tree itself. `merge` of two halves, against `cp` of the result.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { peersNamed, whoIsInstalled } from './contenders.js';
import { formatConditions, measuredOn } from './machine.js';
import { measure, run } from './measure.js';
import { ZNIP, znipPeer } from './peers.js';
import { medianOf, ratioOf, wallSeconds } from './statistics.js';
import { formatSeconds, formatSpread, formatTable, positiveNumber } from './text.js';
import { summarizeTree } from './tree.js';
import { chooseBase, parseOptions, runMain, withWorkspace } from './workspace.js';

const HELP = `Show what packing and unpacking a tree again costs, if it has hardly changed, and merging archives.

  node bench/grow.js node_modules
  node bench/grow.js --rounds 9 ~/src/linux

Usage: node bench/grow.js [options] DIR

Three copies of the tree have to fit in the working directory. "Gone" takes away three of the directories in it.

  --rounds N    the median of so many rounds (default 5)
  --work DIR    where the copy and the archives go for the time being
                (default /dev/shm if it has room, else the temporary directory)
  --znip FILE   measure another build: its bin/znip.cjs
  --help
`;

/** So many directories are taken away. */
const GONE = 3;

/**
 * The directories that go: spread over those in the tree, or over those in its only directory.
 *
 * @param {string} tree
 * @returns {string[]}
 */
function chosen(tree) {
  const names = readdirSync(tree, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  if (names.length === 1) return chosen(join(tree, names[0] ?? ''));
  if (names.length < GONE) throw new Error(`${tree} has fewer than ${GONE} directories to take away`);
  const step = Math.floor(names.length / (GONE + 1));
  return Array.from({ length: GONE }, (_, i) => join(tree, names[(i + 1) * step] ?? ''));
}

/**
 * The names in the tree, or in its only directory, in two halves.
 *
 * @param {string} tree
 * @returns {[string[], string[]]}
 */
function halves(tree) {
  const base = dirname(tree);
  let within = tree;
  for (;;) {
    const names = readdirSync(within).sort();
    if (names.length > 1) {
      const paths = names.map((name) => join(within, name).slice(base.length + 1));
      return [paths.slice(0, paths.length / 2), paths.slice(paths.length / 2)];
    }
    within = join(within, names[0] ?? '');
  }
}

/** @param {string[]} znip @param {string[]} args @param {string} cwd */
function taken(znip, args, cwd) {
  const words = [...znip.slice(1), ...args, '--json'];
  const { stdout } = spawnSync(process.execPath, words, { cwd, encoding: 'utf8' });
  const { takenBytes, blobBytes } = JSON.parse(stdout);
  return takenBytes / blobBytes;
}

await runMain(async () => {
  const parsed = parseOptions(HELP, {
    options: {
      rounds: { type: 'string', default: '5' },
      work: { type: 'string' },
      znip: { type: 'string', default: ZNIP },
    },
    operands: [1, 1],
  });
  if (parsed === undefined) return;
  const { values, positionals } = parsed;
  const rounds = positiveNumber('--rounds', values.rounds);
  const directory = resolve(positionals[0] ?? '.');
  const znip = [process.execPath, resolve(values.znip)];
  const { allocatedBytes } = summarizeTree(directory);
  const base = values.work === undefined ? chooseBase(4 * allocatedBytes) : resolve(values.work);
  await withWorkspace(base, async (work, signal) => {
    const tree = basename(directory);
    await run(['cp', '-a', directory, join(work, tree)], { cwd: dirname(directory), signal });
    const pack = (/** @type {string} */ output, /** @type {string[]} */ ...more) => [
      [...znip, 'pack', '-q', tree, '-o', output, ...more],
    ];
    await run(pack('old.znip')[0] ?? [], { cwd: work, signal });
    const shares = [taken(znip, ['pack', tree, '-o', 'new.znip', '--base', 'old.znip'], work)];

    /** @type {Record<string, string[][]>} */
    const unchanged = {
      'tar and zstd': [
        ['tar', '-c', '-f', '-', tree],
        ['zstd', '-3', '-T0', '-q', '-f', '-o', 'peer.tar.zst'],
      ],
      'without a base': pack('new.znip'),
      'nothing changed': pack('new.znip', '--base', 'old.znip'),
      'nothing changed, --trust-mtime': pack('new.znip', '--base', 'old.znip', '--trust-mtime'),
    };
    /** @type {Record<string, (import('./measure.js').Measurement & { round: number })[]>} */
    const runs = {};
    const turn = async (/** @type {Record<string, string[][]>} */ commands) => {
      for (let round = 1; round <= rounds; round += 1) {
        for (const [name, pipeline] of Object.entries(commands)) {
          await run(['rm', '-f', 'new.znip', 'peer.tar.zst'], { cwd: work, signal });
          (runs[name] ??= []).push({
            round,
            ...(await measure(pipeline, { cwd: work, scratch: work, signal })),
          });
          const isSame = name.startsWith('nothing changed');
          if (isSame && round === 1) await run(['cmp', 'old.znip', 'new.znip'], { cwd: work, signal });
        }
      }
    };
    await turn(unchanged);

    await run([...znip, 'unpack', '-q', 'old.znip', '-C', 'ours'], { cwd: work, signal });
    await run(['cp', '-a', tree, 'theirs'], { cwd: work, signal });
    const update = [...znip, 'unpack', '-q', 'old.znip', '-C', 'ours', '--changed', '--delete'];
    await turn({
      'rsync -a --delete': [['rsync', '-a', '--delete', `${tree}/`, 'theirs']],
      'unpack --changed --delete': [update],
      'rsync -ac --delete': [['rsync', '-ac', '--delete', `${tree}/`, 'theirs']],
      'unpack --changed --checksum --delete': [[...update, '--checksum']],
    });
    await run(['rm', '-rf', 'ours', 'theirs'], { cwd: work, signal });

    const [one, other] = halves(join(work, tree));
    await run([...znip, 'pack', '-q', '-o', 'one.znip', ...one], { cwd: work, signal });
    await run([...znip, 'pack', '-q', '-o', 'other.znip', ...other], { cwd: work, signal });
    const merge = [...znip, 'merge', '-q', 'one.znip', 'other.znip', '-o', 'new.znip'];
    await run([...merge.slice(0, -1), 'merged.znip'], { cwd: work, signal });
    await turn({ 'cp of the result': [['cp', 'merged.znip', 'new.znip']], merge: [merge] });
    await run(['rm', 'one.znip', 'other.znip', 'merged.znip'], { cwd: work, signal });

    // What is gone changes the times of the directories that it was in, and they are put back.
    const times = statSync(join(work, tree));
    for (const [i, path] of chosen(join(work, tree)).entries()) renameSync(path, join(work, `gone-${i}`));
    await run(['touch', '-d', `@${times.mtimeMs / 1000}`, tree], { cwd: work, signal });
    await turn({
      [`${GONE} directories gone`]: pack('new.znip', '--base', 'old.znip'),
      [`${GONE} directories gone, --trust-mtime`]: pack('new.znip', '--base', 'old.znip', '--trust-mtime'),
    });
    shares.push(taken(znip, ['pack', tree, '-o', 'new.znip', '--base', 'old.znip'], work));
    await run(pack('fresh.znip')[0] ?? [], { cwd: work, signal });
    await run(['cmp', 'fresh.znip', 'new.znip'], { cwd: work, signal });

    const { versions, missing } = whoIsInstalled([
      znipPeer(resolve(values.znip)),
      ...peersNamed(['tar+zstd -3']),
    ]);
    const conditions = { ...measuredOn(work), versions, notInstalled: missing };
    console.log(`${formatConditions(conditions, Object.values(runs).flat())}\n`);
    const compare = (/** @type {string} */ what, /** @type {[string, string][]} */ names) => {
      const rows = names.map(([name, against]) => [
        name,
        formatSeconds(medianOf(runs[name] ?? [], wallSeconds)),
        ...(name === against
          ? ['', '']
          : [formatSpread(ratioOf(runs[name] ?? [], runs[against] ?? [], wallSeconds)), against]),
      ]);
      console.log(`${formatTable([[what, 'wall', 'time ×', 'against'], ...rows])}\n`);
    };
    const packing = Object.keys(runs).filter(
      (name) => name.includes('base') || / changed| gone/.test(name) || name === 'tar and zstd',
    );
    compare(
      'packing',
      packing.map((name) => [name, 'tar and zstd']),
    );
    compare('unpacking, nothing changed', [
      ['rsync -a --delete', 'rsync -a --delete'],
      ['unpack --changed --delete', 'rsync -a --delete'],
      ['rsync -ac --delete', 'rsync -ac --delete'],
      ['unpack --changed --checksum --delete', 'rsync -ac --delete'],
    ]);
    compare('merging two halves', [
      ['cp of the result', 'cp of the result'],
      ['merge', 'cp of the result'],
    ]);
    const [all = 0, rest = 0] = shares.map((share) => 100 * share);
    console.log(
      `Taken over: ${all.toFixed(1)} % of the blobs' bytes; with ${GONE} directories gone, ${rest.toFixed(1)} %. ` +
        'Every archive had the bytes of one without a base.',
    );
  });
});
