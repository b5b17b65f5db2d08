/**
 * Makes archives: the library's `pack` and `packTar`.
 */
import { ZnipError } from '../errors.ts';
import { clampTime } from '../format/values/entry.ts';
import { streamOf } from '../io/source-stream.ts';
import { packTar as packTarStream } from '../pack/pack-tar.ts';
import { pack as packInputs, type PackInput as FoundInput } from '../pack/pack.ts';
import type { ArchiveOptions, PackProgress, PackResult } from '../pack/run.ts';
import { ContentSpool } from '../pack/walk/content-spool.ts';
import type { InputOptions, NamedFile, NamedPath } from '../pack/walk/inputs.ts';
import { FIXED_MTIME } from '../pack/walk/metadata.ts';
import { Turns } from '../threads/turns.ts';
import { type Output, writeTo } from './output.ts';
import { type Source, toByteSource } from './source.ts';
import { type ByteInput, isByteInput, toByteStream } from './streams.ts';
import { Events, snapshots, type TaskOptions, type ZnipEvent } from './task.ts';

/** A file that is not on disk: its content is made for the archive. */
export interface GeneratedMember {
  /** Its name in the archive: relative, without `.` and `..`. Exclude patterns do not apply to it. */
  readonly path: string;
  /** Bytes; text, which is packed as UTF-8; or a stream of bytes. */
  readonly content: Uint8Array | string | ByteInput;
  /** Bytes of content, if you know them. If fewer arrive, `truncated` is thrown; if more, `usage`. */
  readonly size?: number | undefined;
  /** Permission bits. Default: 0o644. */
  readonly mode?: number | undefined;
  /** Modification time; a bigint is nanoseconds since 1970. Default: always 1980-01-01. */
  readonly mtime?: Date | bigint | undefined;
}

/** Something to pack: a path with everything in it, a path with options, or a generated file. */
export type PackInput = string | NamedPath | GeneratedMember;

interface MakingOptions
  extends TaskOptions, Omit<ArchiveOptions, 'output' | 'signal' | 'onWarning' | 'onMember' | 'onProgress'> {
  /** Where the archive goes. */
  output: Output;
  /** Called as chunks are written. */
  onProgress?: ((progress: Readonly<PackProgress>) => void) | undefined;
  /** Called for everything that did not go as you asked. */
  onEvent?: ((event: ZnipEvent) => void) | undefined;
}

/** For `pack`. */
export interface PackOptions extends MakingOptions, Omit<InputOptions, 'mtime'> {
  /** Modification time of every member; a bigint is nanoseconds since 1970. Default: each member's own. */
  mtime?: Date | bigint | undefined;
}

/** For `packTar`. */
export interface PackTarOptions extends Omit<MakingOptions, 'trustMtime'> {}

/**
 * Packs files, directories with everything in them, and generated files into an archive, in the order of the inputs.
 *
 * All inputs are collected before the first chunk is made. The contents of generated members wait in one unnamed file
 * in `TMPDIR`, so memory is bounded, and the same inputs give the same archive, byte for byte. Each name is packed
 * once: a later input with the same name is left out, with a `warning`.
 *
 * Inputs that cannot be read are left out. A `warning` event names each, and `failedInputs` of the result counts them.
 *
 * Throws `ZnipError`: `source-unreadable` if a path does not exist, `usage` for an option out of range or a name that
 * no member may have, `truncated` for a generated content that is shorter than its `size`, `io`, `codec-unavailable`;
 * and the reason of the signal. In all these cases, an earlier file under the output's name stays.
 *
 * @example
 * await pack(['dist', { path: 'BUILD.json', content: JSON.stringify(build) }], { output: 'release.znip', level: 9 });
 */
export async function pack(
  inputs: PackInput | Iterable<PackInput> | AsyncIterable<PackInput>,
  options: PackOptions,
): Promise<PackResult> {
  const { output, signal, mtime, onProgress, onEvent, ...rest } = options;
  const events = new Events(onEvent);
  const spool = new ContentSpool();
  const drawn = drawLater(inputs, spool, signal);
  try {
    return await writeTo(output, signal, (to) =>
      packInputs(drawn, {
        ...rest,
        output: to,
        signal,
        mtime: mtime === undefined ? undefined : toNanoseconds(mtime),
        onProgress: snapshots(onProgress),
        onWarning: (warning) => events.tell({ type: 'warning', ...warning }),
      }),
    );
  } finally {
    spool.close();
  }
}

/**
 * Makes an archive that holds a tar stream byte for byte. The tar comes from a path, a source, or a stream that
 * arrives. .tar.gz and .tar.zst work, too.
 *
 * Some members cannot be described in the index: devices, FIFOs, sparse files, names that `extract` refuses. They stay
 * in the tar stream. `warning` events name them, and `failedInputs` of the result counts them.
 *
 * Throws `ZnipError`: `truncated`, `damaged-block` and `not-an-archive` if it is not a whole tar stream, `limit` for
 * headers that an archive cannot hold, `usage` for an option out of range or an archive of znip, `io`; and the reason
 * of the signal. In all these cases, an earlier file under the output's name stays.
 *
 * @example
 * await packTar(spawn('docker', ['save', 'app']).stdout, { output: 'app.znip' });
 */
export async function packTar(tar: Source | ByteInput, options: PackTarOptions): Promise<PackResult> {
  const { output, signal, onProgress, onEvent, ...rest } = options;
  const events = new Events(onEvent);
  const source = typeof tar === 'object' && isByteInput(tar) ? undefined : toByteSource(tar);
  const stream =
    source === undefined
      ? toByteStream(tar as ByteInput, 'the tar stream', signal)
      : streamOf(source, signal);
  try {
    return await writeTo(output, signal, (to) =>
      packTarStream(stream, {
        ...rest,
        output: to,
        signal,
        onProgress: snapshots(onProgress),
        onWarning: (warning) => events.tell({ type: 'warning', ...warning }),
      }),
    );
  } finally {
    await stream.close();
    source?.close();
  }
}

/** The inputs. They are collected when the output is open, or at once if there is nothing to wait for. */
function drawLater(
  inputs: PackInput | Iterable<PackInput> | AsyncIterable<PackInput>,
  spool: ContentSpool,
  signal: AbortSignal | undefined,
): FoundInput[] | (() => Promise<FoundInput[]>) {
  const all = typeof inputs === 'string' || isOne(inputs) ? [inputs] : inputs;
  if (Array.isArray(all) && all.every((input) => !isGenerated(input))) return all as NamedPath[];
  return () => draw(all, spool, signal);
}

function isOne(inputs: object): inputs is NamedPath | GeneratedMember {
  return 'path' in inputs;
}

function isGenerated(input: PackInput): input is GeneratedMember {
  return typeof input === 'object' && 'content' in input;
}

async function draw(
  inputs: Iterable<PackInput> | AsyncIterable<PackInput>,
  spool: ContentSpool,
  signal: AbortSignal | undefined,
): Promise<FoundInput[]> {
  const drawn: FoundInput[] = [];
  const turns = new Turns(signal);
  for await (const input of inputs) {
    signal?.throwIfAborted();
    if (turns.isDue()) await turns.take();
    drawn.push(isGenerated(input) ? await take(input, spool, signal) : input);
  }
  return drawn;
}

async function take(
  { path, content, size, mode = 0o644, mtime = FIXED_MTIME }: GeneratedMember,
  spool: ContentSpool,
  signal: AbortSignal | undefined,
): Promise<NamedFile> {
  const name = `the content of '${path}'`;
  const stream = toByteStream(isArriving(content) ? content : onePiece(content), name, signal);
  try {
    const spooled = await spool.add(stream);
    if (size !== undefined && spooled.size !== size) {
      throw new ZnipError(
        spooled.size < size ? 'truncated' : 'usage',
        `${name} has ${spooled.size} bytes, expected ${size}`,
        { path },
      );
    }
    return { path, content: spooled, mode, mtime: toNanoseconds(mtime) };
  } finally {
    await stream.close();
  }
}

function isArriving(content: GeneratedMember['content']): content is ByteInput {
  return typeof content === 'object' && isByteInput(content);
}

async function* onePiece(content: Uint8Array | string): AsyncGenerator<Uint8Array, void> {
  yield typeof content === 'string' ? Buffer.from(content) : content;
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

function toNanoseconds(time: Date | bigint): bigint {
  if (typeof time === 'bigint') return clampTime(time);
  const milliseconds = time.getTime();
  if (Number.isNaN(milliseconds)) throw new ZnipError('usage', 'an mtime is no valid Date');
  return clampTime(BigInt(milliseconds) * NANOSECONDS_PER_MILLISECOND);
}
