/**
 * What is in a directory, in byte order: from the native core with everything about each name, or only the names, about
 * which one asks one by one.
 */
import { core, type CoreListedColumns } from '../core/core.ts';
import { compareBytes, type ByteString } from '../format/values/byte-string.ts';
import { startOf } from '../format/values/byte-strings.ts';
import { MODE_MASK } from '../format/values/entry.ts';
import { FileStat } from './stat.ts';

export interface Listing {
  /** Names. */
  readonly count: number;
  name(row: number): ByteString;
  names(): readonly ByteString[];
  /** What has this name; undefined if that is not known yet. */
  stat(row: number): FileStat | undefined;
  /** Target of a symlink; '' if that is not known. */
  linkTarget(row: number): ByteString;
}

/** Names that are looked up when their turn comes. */
export class NameListing implements Listing {
  readonly count: number;
  private readonly sorted: readonly ByteString[];

  constructor(names: ByteString[]) {
    this.sorted = names.sort(compareBytes);
    this.count = names.length;
  }

  name(row: number): ByteString {
    return this.sorted[row] ?? '';
  }

  names(): readonly ByteString[] {
    return this.sorted;
  }

  stat(): undefined {
    return undefined;
  }

  linkTarget(): ByteString {
    return '';
  }
}

/**
 * Bytes of a record, and where in it the numbers are, by 32-bit and by 64-bit words. The core writes them in the byte order
 * of this machine; that of all machines with a core is little-endian.
 */
const RECORD_LENGTH = 64;
const WORD = {
  mode: 0,
  nlink: 1,
  uid: 2,
  gid: 3,
  nameEnd: 12,
  targetEnd: 13,
  errno: 14,
  isOutOfRange: 15,
} as const;
const LONG = { dev: 2, ino: 3, size: 4, mtime: 5 } as const;

/** For fewer names, a call of the core takes longer than the loop. */
const MIN_BATCH = 32;

/** What `Core.listDirectory` gives. */
export class NativeListing implements Listing {
  readonly count: number;
  /** All names, each followed by its target. */
  readonly texts: Buffer;
  /** The directory itself has extended attributes that somebody set on purpose. */
  readonly hasAttributes: boolean;
  private readonly bytes: Buffer;
  private readonly words: Uint32Array;
  private readonly longs: BigUint64Array;
  private readonly signedLongs: BigInt64Array;
  /** The same as `texts`, from the first time that a string is asked for. */
  private text: string | undefined;

  constructor(bytes: Buffer) {
    const { buffer, byteOffset, byteLength } = bytes;
    this.bytes = bytes;
    // The last word says how many records there are; the one before is about the directory.
    const count = bytes.readUInt32LE(byteLength - 4);
    const recordsLength = count * RECORD_LENGTH;
    this.count = count;
    this.words = new Uint32Array(buffer, byteOffset, recordsLength / 4);
    this.longs = new BigUint64Array(buffer, byteOffset, recordsLength / 8);
    this.signedLongs = new BigInt64Array(buffer, byteOffset, recordsLength / 8);
    this.texts = bytes.subarray(recordsLength, byteLength - 8);
    this.hasAttributes = bytes.readUInt32LE(byteLength - 8) !== 0;
  }

  name(row: number): ByteString {
    return this.slice(this.nameStart(row), this.nameEnd(row));
  }

  names(): readonly ByteString[] {
    return Array.from({ length: this.count }, (_, row) => this.name(row));
  }

  stat(row: number): FileStat | undefined {
    if (!this.isKnown(row)) return undefined;
    const long = (row * RECORD_LENGTH) / 8;
    const { longs, signedLongs } = this;
    return new FileStat(
      this.mode(row),
      this.nlink(row),
      this.word(row, WORD.uid),
      this.word(row, WORD.gid),
      longs[long + LONG.dev] ?? 0n,
      longs[long + LONG.ino] ?? 0n,
      this.size(row),
      signedLongs[long + LONG.mtime] ?? 0n,
    );
  }

  linkTarget(row: number): ByteString {
    return this.slice(this.nameEnd(row), this.word(row, WORD.targetEnd));
  }

  /** Copies rows `from` to `to`, which are known, to members from `row` on. Each path is `base` and the name. */
  copy(from: number, to: number, base: Buffer, columns: CoreListedColumns, row: number): void {
    const native = to - from < MIN_BATCH ? undefined : core();
    if (native === undefined) this.copyFew(from, to, base, columns, row);
    else native.takeListed(this.bytes, from, to, base, columns, row);
  }

  private copyFew(from: number, to: number, base: Buffer, columns: CoreListedColumns, row: number): void {
    const { texts } = this;
    const { paths, pathEnds, modes, sizes, mtimes } = columns;
    // The same memory: a BigInt for each file is dear.
    const mtimeWords = new Uint32Array(mtimes.buffer, mtimes.byteOffset, 2 * mtimes.length);
    let end = startOf(pathEnds, row);
    // Plain loops over numbers: nothing is made for a file.
    for (let listed = from, member = row; listed < to; listed++, member++) {
      for (let k = 0; k < base.byteLength; k++) paths[end++] = base[k] ?? 0;
      for (let k = this.nameStart(listed), last = this.nameEnd(listed); k < last; k++) {
        paths[end++] = texts[k] ?? 0;
      }
      pathEnds[member] = end;
      modes[member] = this.mode(listed) & MODE_MASK;
      sizes[member] = this.size(listed);
      mtimeWords[2 * member] = this.mtimeLow(listed);
      mtimeWords[2 * member + 1] = this.mtimeHigh(listed);
    }
  }

  /** Where a name is in `texts`. */
  nameStart(row: number): number {
    return row === 0 ? 0 : this.word(row - 1, WORD.targetEnd);
  }

  nameEnd(row: number): number {
    return this.word(row, WORD.nameEnd);
  }

  /** Whether there is anything about a name. A time that a column cannot hold is asked for once more, as it is. */
  isKnown(row: number): boolean {
    return this.word(row, WORD.errno) === 0 && this.word(row, WORD.isOutOfRange) === 0;
  }

  mode(row: number): number {
    return this.word(row, WORD.mode);
  }

  nlink(row: number): number {
    return this.word(row, WORD.nlink);
  }

  /** Bytes. */
  size(row: number): number {
    return this.word(row, 2 * LONG.size) + this.word(row, 2 * LONG.size + 1) * 2 ** 32;
  }

  /** The modification time in two words, and the high one as a number without a sign: large before 1970. */
  mtimeLow(row: number): number {
    return this.word(row, 2 * LONG.mtime);
  }

  mtimeHigh(row: number): number {
    return this.word(row, 2 * LONG.mtime + 1);
  }

  inodeLow(row: number): number {
    return this.word(row, 2 * LONG.ino);
  }

  private word(row: number, which: number): number {
    return this.words[(row * RECORD_LENGTH) / 4 + which] ?? 0;
  }

  private slice(from: number, to: number): ByteString {
    this.text ??= this.texts.toString('latin1');
    return this.text.slice(from, to);
  }
}
