/**
 * Source trees for tests, and the comparison of what came back with what was there.
 */
import { core } from '../../src/core/core.ts';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A temporary directory that goes when the test file has run. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'znip-test-'));
  afterAll(() => {
    // Tests make directories that nobody may enter.
    makeRemovable(directory);
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function makeRemovable(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true, encoding: 'buffer' })) {
    if (!entry.isDirectory()) continue;
    const path = join(directory, entry.name.toString('utf8'));
    if (!entry.name.equals(Buffer.from(entry.name.toString('utf8')))) continue;
    chmodSync(path, 0o700);
    makeRemovable(path);
  }
}

/** Bytes that do not compress, the same at every call with the same seed (xorshift32). */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed | 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

/** Text that compresses. */
export function prose(length: number): Buffer {
  return Buffer.alloc(length, 'An archive is only as good as what comes out of it. ');
}

/** Bytes of a file with which a tree is large enough that threads are used. */
const WORTH_THREADS = 9 * 1024 * 1024 + 17;

/** So many directories of one small file each: with `--repo-from-dir`, an index of so many parts. */
export function makeRepos(root: string, count: number): void {
  for (let i = 0; i < count; i++) {
    mkdirSync(join(root, `repo-${i}`), { recursive: true });
    writeFileSync(join(root, `repo-${i}`, 'file'), `${i}`);
  }
}

/** A tree with one of everything that an archive can hold. `chunkSize` decides what is large. */
export function makeTree(root: string, chunkSize = 65536, largest = WORTH_THREADS): void {
  mkdirSync(root, { recursive: true });
  const at = (path: string | Buffer): Buffer => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path)]);
  for (const directory of ['empty', 'a/b/c/d', 'bin', '.hidden', 'sp ace', 'links']) {
    mkdirSync(at(directory), { recursive: true });
  }
  writeFileSync(at('a/zero'), '');
  writeFileSync(at('a/one'), 'x');
  writeFileSync(at('a/b/record'), prose(512));
  writeFileSync(at('a/b/c/fits'), prose(chunkSize - 512));
  writeFileSync(at('a/b/c/fits-not'), prose(chunkSize - 511));
  writeFileSync(at('a/b/c/d/large'), Buffer.concat([prose(largest), noise(2 * chunkSize)]));
  writeFileSync(at('noise'), noise(chunkSize / 2));
  writeFileSync(at('bin/run'), '#!/bin/sh\necho run\n');
  chmodSync(at('bin/run'), 0o755);
  writeFileSync(at('private'), 'secret');
  chmodSync(at('private'), 0o600);
  writeFileSync(at('open'), 'all may write');
  chmodSync(at('open'), 0o666);
  writeFileSync(at('.hidden/.file'), 'dot');
  writeFileSync(at('sp ace/new\nline'), 'newline');
  writeFileSync(at('sp ace/quote\'"`$'), 'quotes');
  writeFileSync(at('-rf'), 'dash');
  writeFileSync(at('back\\slash'), 'backslash');
  writeFileSync(at('日本語.txt'), 'text in another script');
  writeFileSync(at(Buffer.from([0x66, 0xff, 0xfe, 0x2e, 0x62])), 'not UTF-8');
  mkdirSync(at(Buffer.from([0xe9])));
  writeFileSync(at(Buffer.concat([Buffer.from([0xe9]), Buffer.from('/latin1')])), 'below a name in latin1');
  writeFileSync(at('n'.repeat(255)), 'a component of 255 bytes');
  const deep = Array.from({ length: 12 }, (_, i) => `${i}`.repeat(80).slice(0, 80)).join('/');
  mkdirSync(at(deep), { recursive: true });
  writeFileSync(at(`${deep}/deep`), 'a path of a thousand bytes');
  writeFileSync(at('package-1.0.0.tgz'), noise(2000, 7));
  writeFileSync(at('library.jar'), noise(2000, 9));
  symlinkSync('../bin/run', at('links/run'));
  symlinkSync('nowhere/at/all', at('links/dangling'));
  symlinkSync('/etc/hostname', at('links/absolute'));
  symlinkSync('t'.repeat(150), at('links/long'));
  symlinkSync(Buffer.from([0x74, 0xff]), at('links/bytes'));
  linkSync(at('a/one'), at('links/hard'));
  linkSync(at('a/b/c/d/large'), at('a/zz-hard-large'));
  utimesSync(at('a/one'), 1, 1);
  utimesSync(at('a/b/record'), 1_000_000_000.123456, 1_000_000_000.123456);
  utimesSync(at('bin/run'), -86_400, -86_400);
  chmodSync(at('empty'), 0o711);
  utimesSync(at('empty'), 1_500_000_000, 1_500_000_000);
}

export interface Described {
  kind: string;
  mode: number;
  /** Nanoseconds. */
  mtime: bigint;
  content: string;
  /** Other names of the same file. */
  links: string[];
}

/** Everything below a directory, by name (latin1, so that any bytes are a key). */
export function describeTree(root: string, time: (mtime: bigint) => bigint = kept): Map<string, Described> {
  const described = new Map<string, Described>();
  const inodes = new Map<bigint, string[]>();
  const visit = (directory: string): void => {
    const names = readdirSync(Buffer.from(`${root}/${directory}`, 'latin1'), { encoding: 'latin1' });
    for (const name of names.sort()) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const file = Buffer.from(`${Buffer.from(root).toString('latin1')}/${path}`, 'latin1');
      const stats = lstatSync(file, { bigint: true });
      const links = inodes.get(stats.ino) ?? [];
      if (stats.isFile()) inodes.set(stats.ino, links);
      links.push(path);
      const kind = stats.isFile()
        ? 'file'
        : stats.isDirectory()
          ? 'directory'
          : stats.isSymbolicLink()
            ? 'symlink'
            : '?';
      const content =
        kind === 'file'
          ? createHash('sha256').update(readFileSync(file)).digest('hex')
          : kind === 'symlink'
            ? readlinkSync(file, { encoding: 'latin1' })
            : '';
      const mode = kind === 'symlink' ? 0 : Number(stats.mode) & 0o7777;
      described.set(path, {
        kind,
        mode,
        mtime: time(stats.mtimeNs),
        content,
        links: kind === 'file' ? links : [],
      });
      if (kind === 'directory') visit(path);
    }
  };
  visit('');
  return described;
}

/** A time as a run without the native core sets it: Node.js has microseconds, and milliseconds before 1970. */
export function microseconds(time: bigint): bigint {
  const step = time < 0n ? 1_000_000n : 1000n;
  return time - (((time % step) + step) % step);
}

/** A time as it is after a file was unpacked by the tier that these tests run with. */
export function kept(time: bigint): bigint {
  return core() === undefined ? microseconds(time) : time;
}

/** Nanoseconds cut to whole seconds, downwards. */
function seconds(time: bigint): bigint {
  const rest = time % 1_000_000_000n;
  return (time - rest) / 1_000_000_000n - (rest < 0n ? 1n : 0n);
}

/** The same tree with times cut to whole seconds, which is all that a tar header holds. */
export function inSeconds(tree: Map<string, Described>): Map<string, Described> {
  return new Map([...tree].map(([path, entry]) => [path, { ...entry, mtime: seconds(entry.mtime) }]));
}
