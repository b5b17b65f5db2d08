/**
 * Targets for whole archives. `archive`: valid hashes over mutated contents, made by the fixtures' maker.
 * `bytes`: flips and cuts of valid ones. `foreign`: tar streams of others. All by index and as a stream.
 */
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { openArchive } from '../../src/read/archive.ts';
import { readInfo } from '../../src/read/info.ts';
import { describeEntry } from '../../src/read/list.ts';
import { readMember } from '../../src/read/member-reader.ts';
import { unpack } from '../../src/read/unpack.ts';
import { unpackStream } from '../../src/read/unpack-stream.ts';
import { rawFramePieces } from '../../src/format/zstd-frame.ts';
import { archiveOf, type Hooks, type Member } from '../../fixtures/maker/archive.js';
import { BASE, CUTS } from '../../fixtures/maker/base.js';
import { edge, mutate, type Random } from './random.ts';
import { VALID } from './seeds.ts';
import { accepted, holds, type Target } from './target.ts';

/** Everything below a directory, as lines. */
function treeOf(root: string, below = ''): string[] {
  const lines: string[] = [];
  for (const name of readdirSync(Buffer.from(join(root, below), 'latin1'), { encoding: 'latin1' }).sort()) {
    const path = below === '' ? name : `${below}/${name}`;
    const file = Buffer.from(`${root}/${path}`, 'latin1');
    const stats = lstatSync(file);
    if (stats.isDirectory()) lines.push(`${path}/`, ...treeOf(root, path));
    else if (stats.isSymbolicLink()) lines.push(`${path} -> ${readlinkSync(file, 'latin1')}`);
    else lines.push(`${path} ${readFileSync(file).toString('latin1')}`);
  }
  return lines;
}

/** Unpacks into a directory of its own; the tree when it was accepted. Nothing may appear beside it. */
async function extract(
  scratch: string,
  work: (directory: string) => Promise<unknown>,
): Promise<string[] | undefined> {
  const place = join(scratch, 'place');
  mkdirSync(join(place, 'target'), { recursive: true });
  try {
    const done = await accepted(async () => {
      await work(join(place, 'target'));
      return true;
    });
    holds(readdirSync(place).join() === 'target', 'nothing is written outside the target');
    const tree = treeOf(join(place, 'target'));
    holds(!tree.some((line) => line.includes('.part')), 'no temporary file is left');
    return done === true ? tree : undefined;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

interface Trees {
  index: string[] | undefined;
  stream: string[] | undefined;
}

async function readEveryWay(bytes: Buffer, scratch: string): Promise<Trees> {
  const file = join(scratch, 'archive');
  writeFileSync(file, bytes);
  const limits = { maxSize: 64 << 20, threads: 1 };
  const fd = openSync(file, 'r');
  let stream: string[] | undefined;
  try {
    stream = await extract(scratch, (directory) => unpackStream(fd, { directory, ...limits }));
  } finally {
    closeSync(fd);
  }
  const archive = await accepted(() => openArchive(file));
  if (archive === undefined) return { index: undefined, stream };
  try {
    await accepted(() => readInfo(archive));
    await accepted(async () => {
      const refs = [...(await archive.entries())];
      for (const ref of refs) {
        describeEntry(ref);
        await accepted(async () => {
          for await (const piece of readMember(archive, ref))
            holds(piece.byteLength > 0, 'pieces have bytes');
        });
      }
    });
    const index = await extract(scratch, (directory) => unpack(archive, { directory, ...limits }));
    return { index, stream };
  } finally {
    archive.close();
  }
}

/** Sets one field of an object of numbers, texts, bytes and flags to something else. */
function twist(random: Random, object: object): void {
  const fields = object as Record<string, unknown>;
  const name = random.pick(Object.keys(fields));
  const value = fields[name];
  // Offsets that differ a little are more interesting than those far away.
  if (typeof value === 'number')
    fields[name] = random.chance(2)
      ? Math.max(0, value + random.below(9) - 4)
      : Number(edge(random) % 2n ** 32n);
  else if (typeof value === 'bigint') fields[name] = edge(random);
  else if (typeof value === 'boolean') fields[name] = !value;
  else if (Buffer.isBuffer(value)) fields[name] = mutate(random, value);
  else if (typeof value === 'string')
    fields[name] = random.pick([
      '',
      '..',
      '../x',
      '/x',
      'd',
      'd/hello',
      'd/large/x',
      'x'.repeat(300),
      'file',
      'symlink',
      '\xff',
    ]);
  else fields[name] = random.pick([null, 0, 1, '', 'x']);
}

/** Puts rows in another order, takes some away, doubles some, twists some. */
function shuffled<T extends object>(random: Random, rows: T[]): T[] {
  const result = rows.map((row) => ({ ...row }));
  const how = random.below(6);
  if (result.length === 0) return result;
  if (how === 0) result.reverse();
  else if (how === 1) result.splice(random.below(result.length), 1);
  else if (how === 2) result.splice(random.below(result.length), 0, { ...random.pick(result) });
  else twist(random, random.pick(result));
  return result;
}

/** Hooks that make one or two things wrong. */
function hooksOf(random: Random): Hooks {
  const hooks: Hooks = {};
  for (let left = 1 + random.below(2); left > 0; left--) {
    const at = random.below(5);
    const table = random.pick(['members', 'frames', 'manifest'] as const);
    const seed = random.next();
    const choices: (() => void)[] = [
      () =>
        (hooks.stream = (bytes) =>
          random.chance(2) ? mutate(random, bytes).subarray(0, bytes.length) : mutate(random, bytes)),
      () => (hooks.entries = (rows) => shuffled(random, rows)),
      () => (hooks.frames = (rows) => shuffled(random, rows)),
      () => (hooks.manifest = (rows) => shuffled(random, rows)),
      () => (hooks.blob = (blob, _, number) => (number === at ? mutate(random, blob) : undefined)),
      () => (hooks.block = (fields, number) => void (number === at && twist(random, fields))),
      () => (hooks.beforeBlock = (number) => (number === at ? random.bytes(random.below(40)) : undefined)),
      () => (hooks.arrow = (bytes, which) => (which === table ? mutate(random, bytes) : undefined)),
      () => (hooks.section = (fields, which) => void (which === table && twist(random, fields))),
      () => (hooks.footer = (fields) => twist(random, fields)),
      () => (hooks.columns = (columns, which) => (which === table ? shuffled(random, columns) : undefined)),
      () =>
        (hooks.archive = (bytes) =>
          seed % 2 === 0
            ? Buffer.concat([bytes, random.bytes(random.below(200))])
            : bytes.subarray(0, random.below(bytes.length))),
    ];
    random.pick(choices)();
  }
  return hooks;
}

const archive: Target = {
  name: 'archive',
  sliceMs: 1000,
  async run(random, scratch) {
    const members: readonly Member[] = random.chance(4) ? BASE.slice(0, 1 + random.below(BASE.length)) : BASE;
    let bytes: Buffer;
    try {
      bytes = await archiveOf(members, { cuts: members === BASE ? CUTS : [] }, hooksOf(random));
    } catch (error) {
      // Not everything can be put into bytes.
      if (error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError) return;
      throw error;
    }
    const { index, stream } = await readEveryWay(bytes, scratch);
    if (index === undefined || stream === undefined) return;
    holds(index.join('\n') === stream.join('\n'), 'what both ways accept is the same');
  },
};

const originals = new Map<Buffer, Trees>();
const bytes: Target = {
  name: 'bytes',
  sliceMs: 1000,
  async run(random, scratch) {
    const original = random.pick(VALID);
    let trees = originals.get(original);
    if (trees === undefined) originals.set(original, (trees = await readEveryWay(original, scratch)));
    const damaged = Buffer.from(original);
    if (random.chance(3)) {
      const found = await readEveryWay(damaged.subarray(0, random.below(damaged.length)), scratch);
      // A cut that leaves the prologue alone leaves an empty .tar.zst.
      holds(found.index === undefined && (found.stream ?? []).length === 0, 'a cut archive is not accepted');
      return;
    }
    const at = random.below(damaged.length);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
    const { index, stream } = await readEveryWay(damaged, scratch);
    holds(
      index === undefined || index.join('\n') === trees.index?.join('\n'),
      `a flip at ${at}: another tree by index`,
    );
    holds(
      stream === undefined || stream.join('\n') === trees.stream?.join('\n'),
      `a flip at ${at}: another tree as a stream`,
    );
  },
};

const foreign: Target = {
  name: 'foreign',
  sliceMs: 1000,
  async run(random, scratch) {
    let stream: Buffer = Buffer.alloc(0);
    await archiveOf(BASE, {}, { stream: (plain) => void (stream = Buffer.from(plain)) });
    if (random.chance(2)) stream = mutate(random, stream);
    const how = random.below(3);
    let input = how === 0 ? stream : how === 1 ? gzipSync(stream) : Buffer.concat(rawFramePieces(stream));
    if (random.chance(2)) input = mutate(random, input);
    const file = join(scratch, 'stream');
    writeFileSync(file, input);
    const fd = openSync(file, 'r');
    try {
      await extract(scratch, (directory) => unpackStream(fd, { directory, maxSize: 64 << 20, threads: 1 }));
    } finally {
      closeSync(fd);
    }
  },
};

export const ARCHIVE_TARGETS: readonly Target[] = [archive, bytes, foreign];
