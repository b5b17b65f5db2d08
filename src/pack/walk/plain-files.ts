/**
 * Files about which nothing is unusual: most files of most trees. They go from the listing of their directory to the
 * columns of a chunk without an object or a string for any of them.
 */
import { paddedLength } from '../../format/tar/tar-header.ts';
import { TAR_RECORD } from '../../format/values/constants.ts';
import { isPlainName } from '../../format/values/package-type.ts';
import type { OwnOutput } from '../../io/own-output.ts';
import type { NativeListing } from '../../posix/listing.ts';

/** A file of this length fits into every chunk. */
const MAX_SIZE = 48 * 1024;
/** ustar holds a name of this length behind a slash, and a directory of this length before it. */
const MAX_NAME = 100;
const MAX_BASE = 155;
/** The first time, in units of 2^32 ns, that some tar headers cannot hold: in the year 2242. */
const TIME_END = Math.floor((8 ** 11 * 1e9) / 2 ** 32);

const FILE_TYPE = 0o100_000;
const TYPE_MASK = 0o170_000;

/** How far plain files go, and what they come to. */
export interface PlainExtent {
  /** The row behind the last. */
  to: number;
  contentBytes: number;
  /** Bytes of tar stream. */
  streamLength: number;
}

/** Tells which files of a listing are plain. */
export class PlainFiles {
  /** The low words of the inodes of what may be the archive itself. */
  private readonly own: readonly number[];

  constructor({ written, replaced }: OwnOutput) {
    const files = replaced === undefined ? written : [...written, replaced.file];
    this.own = files.map(({ ino }) => Number(ino & 0xffff_ffffn));
  }

  /** The plain files from `from` on; `to` is `from` if there are none. `base`: bytes before their names. */
  measure(listing: NativeListing, from: number, base: number): PlainExtent {
    const extent = { to: from, contentBytes: 0, streamLength: 0 };
    if (base > MAX_BASE) return extent;
    for (; extent.to < listing.count && this.isPlain(listing, extent.to); extent.to++) {
      const size = listing.size(extent.to);
      extent.contentBytes += size;
      extent.streamLength += plainLength(size);
    }
    return extent;
  }

  private isPlain(listing: NativeListing, row: number): boolean {
    const { texts } = listing;
    const start = listing.nameStart(row);
    const end = listing.nameEnd(row);
    return (
      (listing.mode(row) & TYPE_MASK) === FILE_TYPE &&
      listing.isKnown(row) &&
      listing.nlink(row) === 1 &&
      listing.size(row) <= MAX_SIZE &&
      listing.mtimeHigh(row) < TIME_END &&
      end - start <= MAX_NAME &&
      isPlainName(texts, start, end) &&
      !endsLikeTemporary(texts, end) &&
      !this.own.includes(listing.inodeLow(row))
    );
  }
}

/** `.tmp`: the name may be that of an incomplete archive. */
function endsLikeTemporary(bytes: Uint8Array, end: number): boolean {
  return (
    bytes[end - 1] === 0x70 && bytes[end - 2] === 0x6d && bytes[end - 3] === 0x74 && bytes[end - 4] === 0x2e
  );
}

/** Bytes of tar stream that a plain file takes. */
export function plainLength(size: number): number {
  return TAR_RECORD + paddedLength(size);
}
