/**
 * Plain members of a chunk, many in one call of the native core: files and directories with the header that znip writes
 * for them, which all programs read in the same way. Every other header is for `format/tar/`.
 */
import type { Core, CoreMemberColumns } from '../core/core.ts';
import { NO_DOUBTS } from '../format/tar/tar-member.ts';
import { paddedLength } from '../format/tar/tar-header.ts';
import type { TarMember } from '../format/tar/tar-reader.ts';
import { ATTRIBUTES } from '../format/values/attributes.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { startOf } from '../format/values/byte-strings.ts';
import { TAR_RECORD } from '../format/values/constants.ts';
import { KIND } from '../format/values/entry.ts';
import { directoryLength, liesDirectlyIn } from '../format/values/member-path.ts';

/** The most that are read in one call. */
const ROWS = 4096;
/** Bytes of their names. */
const NAMES = 64 * ROWS;

/** Where a header has the version of its magic: "00" in ustar. */
const VERSION = 263;
const ZERO = 0x30;

/** One batch after the other, in the same memory. Row i of every column is member i. */
export class PlainMembers implements CoreMemberColumns {
  readonly pathBytes = Buffer.alloc(NAMES);
  readonly pathEnds = new Uint32Array(ROWS);
  readonly kinds = new Uint8Array(ROWS);
  readonly modes = new Uint32Array(ROWS);
  readonly mtimes = new BigInt64Array(ROWS);
  readonly sizes = new Float64Array(ROWS);
  readonly offsets = new Float64Array(ROWS);
  readonly uids = new Uint32Array(ROWS);
  readonly gids = new Uint32Array(ROWS);
  count = 0;
  private readonly core: Core;
  /** All names. Those of the members are parts of it, which V8 does not copy. */
  private names: ByteString = '';
  private readonly paths: ByteString[] = [];

  constructor(core: Core) {
    this.core = core;
  }

  /** Reads those whose headers follow one another from byte `from` of a chunk on. Returns their number. */
  read(chunk: Uint8Array, from: number): number {
    this.count = 0;
    // GNU tar writes another version. A call for each of its headers would only cost time.
    if (chunk[from + VERSION] !== ZERO) return 0;
    this.count = this.core.readMembers(chunk, from, this);
    this.names = this.pathBytes.toString('latin1', 0, startOf(this.pathEnds, this.count));
    this.paths.length = 0;
    return this.count;
  }

  path(row: number): ByteString {
    return (this.paths[row] ??= this.names.slice(startOf(this.pathEnds, row), this.pathEnds[row]));
  }

  /** The columns that say what to write. */
  get fileRows() {
    const { pathBytes, pathEnds, sizes, modes, mtimes, offsets } = this;
    return { paths: { bytes: pathBytes, ends: pathEnds }, sizes, modes, mtimes, offsets, checksums: null };
  }

  /** Chunk byte at which the member's header starts. */
  headerOffset(row: number): number {
    return (this.offsets[row] ?? 0) - TAR_RECORD;
  }

  /** Chunk byte behind the member's data. */
  end(row: number): number {
    return (this.offsets[row] ?? 0) + paddedLength(this.sizes[row] ?? 0);
  }

  /** Behind the last of the files from `row` on that are in the same directory; `row` if it is no file. */
  filesEnd(row: number): number {
    const { kinds, pathBytes, pathEnds, count } = this;
    const start = startOf(pathEnds, row);
    const length = directoryLength(pathBytes, start, pathEnds[row] ?? start);
    let end = row;
    while (end < count && kinds[end] === KIND.file) {
      const from = startOf(pathEnds, end);
      if (!liesDirectlyIn(pathBytes, start, length, from, pathEnds[end] ?? from)) break;
      end += 1;
    }
    return end;
  }

  /** What the tar reader would say about a member. */
  item(row: number): TarMember {
    const kind = this.kinds[row] ?? 0;
    const path = this.path(row);
    const size = this.sizes[row] ?? 0;
    return {
      member: {
        path,
        kind,
        mode: this.modes[row] ?? 0,
        mtime: this.mtimes[row] ?? 0n,
        size,
        linkTarget: '',
        uid: this.uids[row] ?? 0,
        gid: this.gids[row] ?? 0,
        uname: undefined,
        gname: undefined,
      },
      path,
      typeFlag: kind === KIND.file ? '0' : '5',
      headerLength: TAR_RECORD,
      size,
      absolute: false,
      doubts: NO_DOUBTS,
      ownerDoubts: NO_DOUBTS,
      attributes: ATTRIBUTES.none,
    };
  }
}
