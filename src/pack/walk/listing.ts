/**
 * What is in a directory, in byte order: from the native core with all that the walk wants to know, or only names, for
 * which the walk asks one by one.
 */
import { compareBytes, type ByteString } from '../../format/values/byte-string.ts';
import { FileStat } from '../../posix/stat.ts';

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

/** Bytes of a record, and where in it the numbers are, by 32-bit and by 64-bit words. The core writes them. */
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

/** What `Core.listDirectory` gives. */
export class NativeListing implements Listing {
  readonly count: number;
  private readonly words: Uint32Array;
  private readonly longs: BigUint64Array;
  private readonly signedLongs: BigInt64Array;
  /** All names, each followed by its target. */
  private readonly texts: string;

  constructor(bytes: Buffer) {
    const { buffer, byteOffset } = bytes;
    // The last word says how many records there are.
    const count = bytes.readUInt32LE(bytes.byteLength - 4);
    this.count = count;
    this.words = new Uint32Array(buffer, byteOffset, (count * RECORD_LENGTH) / 4);
    this.longs = new BigUint64Array(buffer, byteOffset, (count * RECORD_LENGTH) / 8);
    this.signedLongs = new BigInt64Array(buffer, byteOffset, (count * RECORD_LENGTH) / 8);
    this.texts = bytes.toString('latin1', count * RECORD_LENGTH, bytes.byteLength - 4);
  }

  name(row: number): ByteString {
    return this.texts.slice(row === 0 ? 0 : this.word(row - 1, WORD.targetEnd), this.word(row, WORD.nameEnd));
  }

  names(): readonly ByteString[] {
    return Array.from({ length: this.count }, (_, row) => this.name(row));
  }

  stat(row: number): FileStat | undefined {
    // A time that a column cannot hold is asked for once more, as it is.
    if (this.word(row, WORD.errno) !== 0 || this.word(row, WORD.isOutOfRange) !== 0) return undefined;
    const long = (row * RECORD_LENGTH) / 8;
    const { longs } = this;
    return new FileStat(
      this.word(row, WORD.mode),
      this.word(row, WORD.nlink),
      this.word(row, WORD.uid),
      this.word(row, WORD.gid),
      longs[long + LONG.dev] ?? 0n,
      longs[long + LONG.ino] ?? 0n,
      Number(longs[long + LONG.size] ?? 0n),
      this.signedLongs[long + LONG.mtime] ?? 0n,
    );
  }

  linkTarget(row: number): ByteString {
    return this.texts.slice(this.word(row, WORD.nameEnd), this.word(row, WORD.targetEnd));
  }

  private word(row: number, which: number): number {
    return this.words[(row * RECORD_LENGTH) / 4 + which] ?? 0;
  }
}
