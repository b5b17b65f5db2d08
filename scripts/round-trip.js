#!/usr/bin/env node
/**
 * `npm run round-trip`: packs trees and unpacks them with znip, by the index and from a pipe, with GNU tar and with
 * bsdtar, and compares every copy with its source: names, kinds, permission bits, contents, link targets, hard
 * links and modification times, nanoseconds where znip unpacks and seconds where tar does.
 */
import { lstatSync, mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../bench/measure.js';
import { formatBytes, formatCount } from '../bench/text.js';
import { summarizeTree } from '../bench/tree.js';
import { chooseBase, runMain, withWorkspace } from '../bench/workspace.js';

const ZNIP = [process.execPath, fileURLToPath(new URL('../bin/znip.cjs', import.meta.url))];
const SECOND = 1_000_000_000n;

/**
 * How a copy is made of an archive, in the directory `target`.
 *
 * @type {{ name: string, precision: bigint, unpack: (archive: string, target: string) => string[] }[]}
 */
const WAYS = [
  {
    name: 'znip unpack FILE',
    precision: 1n,
    unpack: (archive, target) => [...ZNIP, 'unpack', '-q', archive, '-C', target],
  },
  {
    name: 'cat FILE | znip unpack -',
    precision: 1n,
    unpack: (archive, target) => [
      'bash',
      '-c',
      'cat "$0" | "$@"',
      archive,
      ...ZNIP,
      'unpack',
      '-q',
      '-',
      '-C',
      target,
    ],
  },
  {
    name: 'tar --zstd -xf FILE',
    precision: SECOND,
    unpack: (archive, target) => ['tar', '--zstd', '-xf', archive, '-C', target],
  },
  {
    name: 'bsdtar -xf FILE',
    precision: SECOND,
    unpack: (archive, target) => ['bsdtar', '-xf', archive, '-C', target],
  },
];

/**
 * @param {string} root
 * @param {bigint} precision of times, in nanoseconds
 * @returns {Map<string, string>} what `lstat` says of each name, in words that can be compared
 */
function describe(root, precision) {
  /** @type {Map<string, string>} */
  const described = new Map();
  /** @type {Map<bigint, string>} the first name of each inode */
  const inodes = new Map();
  const pending = [''];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const full = join(root, path);
    const stats = lstatSync(full, { bigint: true });
    const time =
      stats.mtimeNs >= 0n ? stats.mtimeNs / precision : -((-stats.mtimeNs + precision - 1n) / precision);
    const words = [stats.mode.toString(8), time];
    if (stats.isSymbolicLink()) words.push(readlinkSync(full));
    if (stats.isFile()) words.push(stats.size);
    if (stats.isFile() && stats.nlink > 1n) {
      const first = inodes.get(stats.ino) ?? path;
      inodes.set(stats.ino, first);
      words.push(`= ${first}`);
    }
    described.set(path, words.join(' '));
    if (stats.isDirectory()) {
      for (const name of readdirSync(full).sort()) pending.push(join(path, name));
    }
  }
  return described;
}

/**
 * @param {Map<string, string>} expected
 * @param {Map<string, string>} found
 * @returns {string[]} what differs
 */
function differences(expected, found) {
  const lines = [];
  for (const [path, words] of expected) {
    const is = found.get(path);
    if (is !== words) lines.push(`${path}: ${words} in the source, ${is ?? 'missing'} in the copy`);
  }
  for (const path of found.keys()) if (!expected.has(path)) lines.push(`${path}: only in the copy`);
  return lines;
}

await runMain(async () => {
  const directories = process.argv.slice(2).map((path) => resolve(path));
  if (directories.length === 0) throw new Error('Usage: npm run round-trip -- DIR...');
  for (const directory of directories) {
    const { members, bytes, allocatedBytes } = summarizeTree(directory);
    const source = basename(directory);
    await withWorkspace(chooseBase(2 * allocatedBytes), async (work, signal) => {
      const archive = join(work, 'archive.znip');
      await run([...ZNIP, 'pack', '-q', source, '-o', archive], { cwd: dirname(directory), signal });
      await run(['zstd', '-q', '-t', archive], { signal });
      console.log(
        `${directory}: ${formatCount(members)} members, ${formatBytes(bytes)}; zstd -t accepts the archive`,
      );
      for (const { name, precision, unpack } of WAYS) {
        const target = join(work, 'copy');
        mkdirSync(target);
        await run(unpack(archive, target), { signal });
        const copy = join(target, source);
        const different = differences(describe(directory, precision), describe(copy, precision));
        if (different.length > 0) throw new Error(`${name}: ${different.slice(0, 10).join('\n')}`);
        await run(['diff', '-r', '--no-dereference', directory, copy], { signal });
        console.log(
          `  ${name.padEnd(26)} the same tree, times to the ${precision === 1n ? 'nanosecond' : 'second'}`,
        );
        await run(['rm', '-rf', target], { signal });
      }
    });
  }
});
