/**
 * Targets for whole archives. `archive`: valid hashes over mutated contents, made by the fixtures' maker.
 * `bytes`: flips and cuts of valid ones. All by index and as a stream, verified, recovered and repaired.
 * `foreign`: tar streams of others.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
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
import { packTar } from '../../src/pack/pack-tar.ts';
import { openArchive } from '../../src/archive/archive.ts';
import { readInfo } from '../../src/archive/info.ts';
import { describeEntry } from '../../src/archive/list.ts';
import { readMember } from '../../src/archive/member-reader.ts';
import { recover } from '../../src/recover/recover.ts';
import { readTar } from '../../src/archive/tar-output.ts';
import { unpack } from '../../src/unpack/unpack.ts';
import { unpackStream } from '../../src/unpack-stream/unpack-stream.ts';
import { repair } from '../../src/repair/repair.ts';
import { verify, verifyStream } from '../../src/verify/verify.ts';
import { ZnipError } from '../../src/errors.ts';
import { rawFramePieces } from '../../src/format/zstd/zstd-frame.ts';
import { archiveOf, type Hooks, type Member } from '../../fixtures/maker/archive.js';
import { BASE, CUTS } from '../../fixtures/maker/base.js';
import { compressed } from '../../fixtures/maker/zstd.js';
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
  /** `verify` finds nothing wrong, from a file and from a pipe. */
  verified: boolean;
}

/** What becomes of names, links and limits is no matter of verification. */
const REFUSED: ReadonlySet<string> = new Set([
  'unsafe-path',
  'unsafe-link',
  'limit',
  'exists',
  'inconsistent',
]);

async function opened<T>(file: string, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = openSync(file, 'r');
  try {
    return await use(fd);
  } finally {
    closeSync(fd);
  }
}

async function hashOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** Both ways of verifying; they agree. */
async function isVerified(file: string): Promise<boolean> {
  const whole = (await accepted(() => verify(file, { threads: 1 })))?.ok === true;
  const piped = (await accepted(() => opened(file, (fd) => verifyStream(fd, { threads: 1 }))))?.ok === true;
  holds(whole === piped, `verified as ${whole} from a file, ${piped} from a pipe`);
  return whole;
}

/** What recovers something of anything: it gives nothing that `index`, a whole archive, has not. */
async function salvage(file: string, scratch: string, index: string[] | undefined): Promise<void> {
  const limits = { maxSize: 64 << 20, threads: 1 };
  const recovered = await extract(scratch, (directory) => recover(file, { directory, ...limits }));
  if (index !== undefined)
    holds(recovered?.join('\n') === index.join('\n'), 'a whole archive is recovered whole');
  const kept = (directory: string): Promise<unknown> =>
    opened(file, (fd) => unpackStream(fd, { directory, keepGoing: true, ...limits }));
  await extract(scratch, kept);
  const output = join(scratch, 'repaired');
  rmSync(output, { force: true });
  const repaired = await accepted(() => repair(file, { output, threads: 1 }));
  if (repaired === undefined) holds(!existsSync(output), 'a repair that fails leaves nothing');
  else
    holds((await accepted(() => verify(output, { threads: 1 })))?.ok === true, 'what was repaired is whole');
}

async function readEveryWay(bytes: Buffer, scratch: string): Promise<Trees> {
  const file = join(scratch, 'archive');
  writeFileSync(file, bytes);
  const limits = { maxSize: 64 << 20, threads: 1 };
  const stream = await extract(scratch, (directory) =>
    opened(file, (fd) => unpackStream(fd, { directory, ...limits })),
  );
  const streamTar = await accepted(() => opened(file, (fd) => hashOf(readTar(fd, { threads: 1 }))));
  const verified = await isVerified(file);
  const archive = await accepted(() => openArchive(file));
  if (archive === undefined) {
    holds(!verified, 'what is verified can be opened');
    await salvage(file, scratch, undefined);
    return { index: undefined, stream, verified };
  }
  let index: string[] | undefined;
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
    const tar = await accepted(() => hashOf(readTar(archive, { threads: 1 })));
    holds(
      tar === undefined || streamTar === undefined || tar === streamTar,
      'one tar stream, by index and not',
    );
    let refusal = '';
    index = await extract(scratch, async (directory) => {
      try {
        await unpack(archive, { directory, ...limits });
      } catch (error) {
        refusal = error instanceof ZnipError ? error.code : '';
        throw error;
      }
    });
    holds(!verified || index !== undefined || REFUSED.has(refusal), `verified, but refused as ${refusal}`);
    holds(!verified || tar !== undefined, 'what is verified has its tar stream');
  } finally {
    archive.close();
  }
  await salvage(file, scratch, index !== undefined && stream !== undefined ? index : undefined);
  return { index, stream, verified };
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
  budgetMs: 10_000,
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
    const { index, stream, verified } = await readEveryWay(bytes, scratch);
    holds(!verified || index === undefined || stream !== undefined, 'what is verified is one by both ways');
    if (index === undefined || stream === undefined) return;
    holds(index.join('\n') === stream.join('\n'), 'what both ways accept is the same');
  },
};

const originals = new Map<Buffer, Trees>();
const bytes: Target = {
  name: 'bytes',
  sliceMs: 1000,
  budgetMs: 10_000,
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
  budgetMs: 10_000,
  async run(random, scratch) {
    let stream: Buffer = Buffer.alloc(0);
    await archiveOf(BASE, {}, { stream: (plain) => void (stream = Buffer.from(plain)) });
    if (random.chance(2)) stream = mutate(random, stream);
    const forms = [
      () => stream,
      () => gzipSync(stream),
      () => Buffer.concat(rawFramePieces(stream)),
      () => compressed(stream),
    ];
    let input = await random.pick(forms)();
    if (random.chance(2)) input = mutate(random, input);
    const file = join(scratch, 'stream');
    writeFileSync(file, input);
    await extract(scratch, (directory) =>
      opened(file, (fd) => unpackStream(fd, { directory, maxSize: 64 << 20, threads: 1 })),
    );
    await accepted(() => opened(file, (fd) => hashOf(readTar(fd, { threads: 1 }))));
    const output = join(scratch, 'packed');
    const packed = await accepted(() => opened(file, (fd) => packTar(fd, { output, threads: 1 })));
    if (packed === undefined) return;
    holds((await verify(output, { threads: 1 })).damageCount === 0, 'a tar stream that is packed is whole');
    rmSync(output);
  },
};

export const ARCHIVE_TARGETS: readonly Target[] = [archive, bytes, foreign];
