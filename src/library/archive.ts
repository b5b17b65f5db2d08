/**
 * An open archive: the library's `open`, and what callers can do with its result.
 */
import { type Archive as IndexedArchive, type GroupSummary, openArchive } from '../archive/archive.ts';
import { contentRootOf } from '../archive/content-root.ts';
import type { EntryRef } from '../archive/entries.ts';
import { entriesNear, findMembers } from '../archive/find-members.ts';
import { type ArchiveInfo, readInfo } from '../archive/info.ts';
import { readMember } from '../archive/member-reader.ts';
import { readTar } from '../archive/tar-output.ts';
import { ZnipError } from '../errors.ts';
import { fromText } from '../format/values/byte-string.ts';
import { MemberChoice } from '../select/member-choice.ts';
import { Turns } from '../threads/turns.ts';
import { type Entry, originOf, toEntry } from './entry.ts';
import { extractIndexed, type ExtractOptions, type ExtractResult } from './extract-indexed.ts';
import { type Source, toByteSource } from './source.ts';
import { toReadableStream } from './streams.ts';
import type { TaskOptions } from './task.ts';

/** For `open`. */
export interface OpenOptions extends TaskOptions {
  /** The root hash that the archive must have, in hexadecimal. No other archive is opened. */
  root?: string | undefined;
}

/** For `Archive.entries`: which members. A member must match all options that are given. */
export interface EntriesOptions extends TaskOptions {
  /** Package types. Only their part of the index is read. Default: all. */
  packageTypes?: readonly string[] | undefined;
  /** Repos. Only their part of the index is read. Default: all. */
  repos?: readonly string[] | undefined;
  /** Names, directories with everything below them, or globs. Default: all. */
  patterns?: readonly string[] | undefined;
  /** What to leave out, with everything below it: names, globs, or the last components of names. */
  exclude?: readonly string[] | undefined;
}

/** For `Archive.stream`: which part of the content, in bytes from its start. */
export interface StreamOptions extends TaskOptions {
  /** First byte of the content. Default: 0. */
  start?: number | undefined;
  /** The byte after the last one. It may be past the end of the content. Default: all the rest. */
  end?: number | undefined;
}

/** For `Archive.tar`. */
export interface TarOptions extends TaskOptions {
  /** Worker threads, 1 to 256. Default: one for each core. */
  threads?: number | undefined;
}

let toArchive: (indexed: IndexedArchive) => Archive;

/** The indexed archive inside an open one. Only for the library. */
export let indexedOf: (archive: Archive) => IndexedArchive;

/**
 * An open archive, made by `open`. Several tasks may run on it at a time. Close it, or open it with `await using`.
 *
 * Every method may throw `ZnipError`: `usage` if it is closed, `damaged-…`, `truncated` and `inconsistent` if the
 * archive is not whole, `io` if its source cannot be read; and the reason of the signal.
 */
export class Archive implements AsyncDisposable {
  readonly #indexed: IndexedArchive;

  static {
    toArchive = (indexed) => new Archive(indexed);
    indexedOf = (archive) => archive.#indexed;
  }

  private constructor(indexed: IndexedArchive) {
    this.#indexed = indexed;
  }

  /** BLAKE3 hash of the manifest, in hexadecimal. It covers every byte that a reader relies on. */
  get rootHash(): string {
    return this.#indexed.rootHash;
  }

  /** The (package type, repo) groups in archive order, with the numbers of their members and bytes. Reads nothing. */
  get groups(): GroupSummary[] {
    return this.#indexed.groups();
  }

  /**
   * All members, or those that the options choose, in archive order. Reads the index, but no content.
   *
   * @example
   * for await (const entry of archive.entries({ packageTypes: ['npm'] })) console.log(entry.path);
   */
  async *entries(options: EntriesOptions = {}): AsyncGenerator<Entry, void> {
    const { packageTypes, repos, patterns, exclude, signal } = options;
    const choice = new MemberChoice({ patterns, exclude });
    const turns = new Turns(signal);
    const { rootHash } = this;
    for (const ref of await this.#indexed.until(signal).entries({ packageTypes, repos, signal })) {
      if (turns.isDue()) await turns.take();
      const { batch, row } = ref;
      if (choice.nameFor(batch.path(row), batch.kinds[row] ?? 0) !== undefined) yield toEntry(ref, rootHash);
    }
  }

  /**
   * The member with this name; undefined if there is none. If several have it, the last one counts, as in tar. Reads
   * the part of the index that can have the name, and the whole index if it is not there. To look up many names, call
   * `entries` once and keep its results.
   *
   * @example
   * const entry = await archive.find('package.json');
   */
  async find(path: string, { signal }: TaskOptions = {}): Promise<Entry | undefined> {
    const name = fromText(path);
    const entries = await entriesNear(this.#indexed.until(signal), [name], signal);
    const ref = findMembers(entries, [name]).get(name);
    return ref === undefined ? undefined : toEntry(ref, this.rootHash);
  }

  /**
   * The content of a member, or a range of it. The pieces belong to the caller. Only the blobs that hold the content
   * are read, when the caller reads the stream. Each blob is verified before any byte of it is given out. A whole
   * content is also verified against its own hash: before its first byte if one blob holds it, at its end if several
   * do. A hard link has the content of its target.
   *
   * `member` is an entry of this archive, or a name. For a name, the part of the index that can have it is read.
   *
   * Reading throws `no-match` if no member has the name, and `usage` for a directory, a symlink, an entry of another
   * archive, or a range that starts past the end.
   *
   * @example
   * const text = await new Response(archive.stream('package.json')).text();
   */
  stream(member: Entry | string, options: StreamOptions = {}): ReadableStream<Uint8Array> {
    return toReadableStream(this.#pieces(member, options));
  }

  async *#pieces(
    member: Entry | string,
    { start, end, signal }: StreamOptions,
  ): AsyncGenerator<Uint8Array, void> {
    const which = typeof member === 'string' ? member : this.#refOf(member);
    // A copy: the piece is part of a chunk that also holds other members.
    for await (const piece of readMember(this.#indexed.until(signal), which, { start, end })) {
      signal?.throwIfAborted();
      yield piece.slice();
    }
  }

  /** The row of an entry. It means nothing in another archive. */
  #refOf(entry: Entry): EntryRef {
    const { ref, rootHash } = originOf(entry);
    if (rootHash === this.rootHash) return ref;
    const { path } = entry;
    throw new ZnipError('usage', `'${path}' is an entry of another archive`, { member: path });
  }

  /**
   * Unpacks the archive, or the members that the options choose, into a directory. The directory is created if needed.
   * Every content is verified before it is written.
   *
   * Throws `exists` if files exist already, after everything else is written; `unsafe-path`, `unsafe-link`, `no-match`
   * and `limit` before anything is written; `io` if something cannot be written. See `ExtractOptions.keepGoing`.
   *
   * @example
   * await archive.extract('somewhere', { patterns: ['docs'], onEvent: console.warn });
   */
  async extract(directory: string, options: ExtractOptions = {}): Promise<ExtractResult> {
    return extractIndexed(this.#indexed.until(options.signal), directory, options);
  }

  /**
   * The tar stream of the archive: the same bytes as from `zstd -d`. Chunks are decompressed on every core. Each is
   * verified before any byte of it is given out.
   *
   * @example
   * await pipeline(archive.tar(), createWriteStream('release.tar'));
   */
  tar({ threads, signal }: TarOptions = {}): ReadableStream<Uint8Array> {
    return toReadableStream(readTar(this.#indexed.until(signal), { threads, signal }));
  }

  /** What the archive consists of: members by kind, bytes, blobs, sections. Reads the whole index, but no content. */
  async info({ signal }: TaskOptions = {}): Promise<ArchiveInfo> {
    return readInfo(this.#indexed.until(signal));
  }

  /**
   * BLAKE3, in hexadecimal, of what the archive holds: names, kinds, modes, times, owners, sizes, targets and hashes of
   * contents. Archives of the same tree have the same one, whatever packed them. Reads the whole index, but no content.
   *
   * @example
   * if ((await before.contentRoot()) === (await after.contentRoot())) console.log('nothing has changed');
   */
  async contentRoot({ signal }: TaskOptions = {}): Promise<string> {
    return contentRootOf(await this.#indexed.until(signal).entries({ signal }), signal);
  }

  /**
   * Closes the file. Tasks that still run end with an error. A second call does nothing. A caller's source stays open.
   */
  async close(): Promise<void> {
    this.#indexed.close();
  }

  /** The same as `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Opens an archive and checks its footer and manifest. The index is read when a call needs it.
 *
 * Throws `ZnipError`: `not-an-archive`, `truncated`, `unsupported-version`, `damaged-footer`, `damaged-manifest`,
 * `root-mismatch`, `usage`, `io`; and the reason of the signal.
 *
 * @example
 * await using archive = await open('release.znip');
 */
export async function open(source: Source, { root, signal }: OpenOptions = {}): Promise<Archive> {
  signal?.throwIfAborted();
  return toArchive(await openArchive(toByteSource(source), { root, signal }));
}
