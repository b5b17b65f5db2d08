/**
 * Unpacks an archive while it arrives, in one pass: the library's `unpackStream`.
 *
 * Members come from the tar stream and the block headers; the index, which arrives last, is held against
 * what was written and supplies the nanoseconds of the times. Implements docs/format.md, "Reading".
 */
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/byte-string.ts';
import { CHECKSUM_LENGTH } from '../format/constants.ts';
import type { Member } from '../format/entry.ts';
import { KIND } from '../format/entry.ts';
import { resolveThreads } from '../ring/threads.ts';
import { type ArrivedBlock, BlockStream } from './block-stream.ts';
import { Directories } from './directories.ts';
import { setLinkTime } from './file-times.ts';
import { detectStream, openTarStream, type StreamKind } from './foreign-stream.ts';
import { LargeFiles } from './large-files.ts';
import { type ArrivedMember, checkAgainstIndex } from './stream-check.ts';
import { StreamExtraction } from './stream-extraction.ts';
import { type ByteStream, FdStream } from './stream-source.ts';
import { TarMembers } from './tar-members.ts';
import { finishTree, writeSettings } from './target.ts';
import type { UnpackProgress, UnpackResult } from './unpack.ts';
import { existsError, type ExistingPolicy } from './write-file.ts';

export interface UnpackStreamOptions {
  /** For messages. Default: `standard input`. */
  name?: string;
  directory?: string;
  threads?: number;
  existing?: ExistingPolicy;
  filter?: (path: string) => boolean;
  /** Called for each member that cannot be unpacked: devices, FIFOs, sparse files of foreign archives. */
  onSkipped?: (path: string, reason: string) => void;
  /** Totals are not known: they are 0. */
  onProgress?: (progress: UnpackProgress) => void;
  signal?: AbortSignal;
}

/** Tar streams of others are written in pieces of this much; longer members are put together from parts. */
const FOREIGN_CHUNK = 4 * 1024 * 1024;

/**
 * Unpacks what arrives on a descriptor: a znip archive, or a .tar, .tar.zst or .tar.gz of others.
 *
 * A stream that is cut short or damaged leaves the members that had arrived whole, and throws: `truncated`,
 * `damaged-block`, `inconsistent`, `unsafe-path`, `unsafe-link`, `not-an-archive`. Names that were taken
 * throw `exists`, after everything else is written, as with `unpack`.
 */
export async function unpackStream(fd: number, options: UnpackStreamOptions = {}): Promise<UnpackResult> {
  const stream = new FdStream(fd, options.name ?? 'standard input');
  const kind = await detectStream(stream);
  const run = new StreamRun(options);
  try {
    return await run.unpack(stream, kind);
  } finally {
    await run.stop();
  }
}

class StreamRun {
  private readonly start = performance.now();
  private readonly options: UnpackStreamOptions;
  private readonly settings;
  private readonly directories: Directories;
  private readonly largeFiles: LargeFiles;
  private readonly extraction: StreamExtraction;
  private readonly members: TarMembers;
  private readonly arrived = new Map<ByteString, ArrivedMember>();
  private readonly taken = new Set<ByteString>();
  /** Every block has arrived: only the index may be missing. */
  private allBlocks = false;
  private readonly progress: UnpackProgress = { members: 0, contentBytes: 0, totalMembers: 0, totalBytes: 0 };

  constructor(options: UnpackStreamOptions) {
    this.options = options;
    this.settings = writeSettings(options);
    this.directories = new Directories(this.settings);
    this.largeFiles = new LargeFiles(this.settings, codec());
    const onTaken = (path: ByteString): void => void this.taken.add(path);
    this.extraction = new StreamExtraction({
      threads: resolveThreads(options.threads),
      settings: this.settings,
      directories: this.directories,
      largeFiles: this.largeFiles,
      onTaken,
      onWritten: (chunk, { checksums }, completed) => {
        chunk.files.paths.forEach((path, row) => {
          const checksum = checksums?.slice(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH) ?? null;
          this.noteWritten(path, checksum);
        });
        for (const { file, checksum } of completed) this.noteWritten(file.path, checksum);
        for (const size of chunk.files.sizes) this.progress.contentBytes += size;
        for (const { length } of chunk.parts) this.progress.contentBytes += length;
        this.options.onProgress?.(this.progress);
      },
      signal: options.signal,
    });
    const { filter } = options;
    this.members = new TarMembers({
      select: (path) => (filter === undefined || filter(toText(path)) ? path : undefined),
      onSkipped: (path, typeFlag) =>
        options.onSkipped?.(
          toText(path),
          `skipped: a tar member of type '${typeFlag}' is no file, directory or link`,
        ),
      onMember: (member) => this.noteMember(member),
    });
  }

  async unpack(stream: FdStream, kind: StreamKind): Promise<UnpackResult> {
    let failure: unknown;
    try {
      if (kind === 'znip') await this.unpackBlocks(stream);
      else await this.unpackTar(await openTarStream(stream, kind));
    } catch (error) {
      failure = error;
      // What was submitted before still gets written; its own failure is not news.
      await this.extraction.drain().catch(() => {});
      if (this.options.signal?.aborted === true) throw error;
    }
    const incomplete = this.largeFiles.incomplete();
    this.largeFiles.discard();
    for (const { path } of incomplete) this.arrived.delete(path);
    this.finish();
    if (failure !== undefined)
      throw this.explain(failure, incomplete[0]?.path ?? this.members.unfinished?.path);
    const paths = [...this.taken].map((path) => `${this.settings.target}${path}`);
    if (paths.length > 0 && this.settings.existing === 'fail') throw existsError(paths);
    return {
      members: this.arrived.size - this.taken.size,
      contentBytes: this.progress.contentBytes,
      kept: this.taken.size,
      elapsedMs: performance.now() - this.start,
    };
  }

  async stop(): Promise<void> {
    this.largeFiles.discard();
    await this.extraction.stop();
  }

  private async unpackBlocks(stream: FdStream): Promise<void> {
    const { hash } = codec();
    const blocks = new BlockStream(stream, hash);
    await blocks.readPrologue();
    const arrivedBlocks: ArrivedBlock[] = [];
    for (let last = false; !last;) {
      const block = await this.unlessFailed(blocks.next());
      arrivedBlocks.push(block);
      const { header, number, blobOffset } = block;
      last = header.last;
      const slot = await this.extraction.takeSlot(header.blobLength, header.chunkLength);
      const stored = slot.stored.subarray(0, header.blobLength);
      const chunk = slot.chunk.subarray(0, header.chunkLength);
      await this.unlessFailed(blocks.readBlob(block, stored));
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const task = { blob: number, frame: { blobOffset, checksum: header.checksum }, stored, chunk };
      this.extraction.submit(slot, task, () => {
        const taken = this.members.take(bytes, header.streamOffset, true, 0);
        if (taken.consumed !== bytes.byteLength || taken.ended !== header.last) {
          throw new ZnipError('inconsistent', `block ${number} does not end where its members end`, {
            blob: number,
          });
        }
        return taken;
      });
    }
    await this.unlessFailed(this.extraction.drain());
    this.allBlocks = true;
    await this.confirm(stream, arrivedBlocks);
  }

  /** Holds the index, which is all that is left of the stream, against what was unpacked. */
  private async confirm(stream: FdStream, arrivedBlocks: readonly ArrivedBlock[]): Promise<void> {
    const times = await checkAgainstIndex(stream, arrivedBlocks, this.arrived, this.options.filter);
    for (const { path, kind, mtime } of times) {
      if (kind === KIND.directory) {
        const directory = this.members.directories.find((member) => member.path === path);
        if (directory !== undefined) directory.mtime = mtime;
      } else if (kind === KIND.file && !this.taken.has(path)) {
        setLinkTime(`${this.settings.target}${path}`, mtime);
      } else if (kind === KIND.symlink) {
        const link = this.members.symlinks.find((symlink) => symlink.path === path);
        if (link !== undefined) link.mtime = mtime;
      }
    }
  }

  private async unpackTar(stream: ByteStream): Promise<void> {
    let rest: Uint8Array = new Uint8Array(0);
    let streamOffset = 0;
    for (let ended = false; !ended;) {
      const slot = await this.extraction.takeSlot(0, FOREIGN_CHUNK);
      slot.chunk.set(rest);
      const room = slot.chunk.subarray(rest.byteLength, FOREIGN_CHUNK);
      const read = await this.unlessFailed(stream.readInto(room));
      const length = rest.byteLength + read;
      const chunk = slot.chunk.subarray(0, length);
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, length);
      const taken = this.extraction.submitPlain(slot, chunk, () =>
        this.members.take(bytes, streamOffset, false, FOREIGN_CHUNK),
      );
      ended = taken.ended;
      if (!ended && read < room.byteLength) {
        await this.unlessFailed(this.extraction.drain());
        // POSIX wants two zero records at the end; tar streams without them are common and complete.
        if (taken.consumed === length && this.members.unfinished === undefined) return;
        throw new ZnipError(
          'truncated',
          `${stream.name} ends at byte ${stream.position} of its tar stream, within a member`,
          {
            offset: stream.position,
          },
        );
      }
      rest = Uint8Array.from(chunk.subarray(taken.consumed));
      streamOffset += taken.consumed;
    }
    await this.unlessFailed(this.extraction.drain());
    // Whoever writes the stream may have padding left to write: take it, so that he sees no broken pipe.
    const sink = new Uint8Array(64 * 1024);
    while ((await stream.readInto(sink)) > 0);
  }

  /** Links, then directories: the end of the tree, as far as it has arrived. */
  private finish(): void {
    for (const { path, mode, mtime } of this.members.directories)
      this.directories.announce(path, { mode, mtime });
    const present = ({ target }: { target: ByteString }): boolean => this.arrived.has(target);
    finishTree({
      symlinks: this.members.symlinks,
      hardLinks: this.members.hardLinks.filter(present),
      madeDirectories: this.directories,
      settings: this.settings,
      onTaken: (path) => void this.taken.add(path),
    });
  }

  private async unlessFailed<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.extraction.failed]);
  }

  private noteMember({ path, kind, mode, mtime, size, linkTarget }: Member): void {
    this.arrived.set(path, { kind, mode, mtime, size, linkTarget, checksum: null });
    if (kind !== KIND.file) this.progress.members += 1;
  }

  private noteWritten(path: ByteString, checksum: Uint8Array | null): void {
    const member = this.arrived.get(path);
    if (member !== undefined) member.checksum = checksum;
    this.progress.members += 1;
  }

  /** Adds to a failure what it means for the tree. */
  private explain(failure: unknown, unfinished: ByteString | undefined): unknown {
    if (!(failure instanceof ZnipError) || failure.code !== 'truncated') return failure;
    if (this.allBlocks) {
      return new ZnipError(
        'truncated',
        `${failure.message}; all ${this.arrived.size} members are unpacked, but the index cannot confirm them`,
        failure.context,
        failure,
      );
    }
    let whole = 0;
    for (const { kind, checksum } of this.arrived.values())
      if (kind !== KIND.file || checksum !== null) whole += 1;
    const partial =
      unfinished === undefined ? '' : ` '${toText(unfinished)}' had not arrived whole and is left out;`;
    return new ZnipError(
      'truncated',
      `${failure.message}; the ${whole} members that arrived whole are unpacked;${partial} what else is missing is not known, because the index did not arrive`,
      failure.context,
      failure,
    );
  }
}
