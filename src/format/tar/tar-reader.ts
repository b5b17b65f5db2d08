/**
 * Reads the members of any tar stream, header by header: the counterpart of `tar-header.ts`. The meaning of a member's
 * headers is decided in `tar/meaning.ts`. POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format";
 * GNU tar manual, "Basic Tar Format".
 */
import { ZnipError } from '../../errors.ts';
import { ATTRIBUTES } from '../values/attributes.ts';
import { MAX_HEADERS_LENGTH, TAR_RECORD } from '../values/constants.ts';
import { roundUp } from '../values/integers.ts';
import { describe } from './meaning.ts';
import { Doubts, type PaxHeader, readPaxRecords, withGlobals } from './pax-records.ts';
import { checksumMatches, guessNumber, isZeroRecord, readNumber, readText } from './record.ts';
import { isLeading, readHeaderMap, readLeadingMap, readRecordsMap, type SparseMap } from './sparse.ts';
import { damaged, type Extended, NO_DOUBTS, NO_PAX, type TarMember } from './tar-member.ts';
import { isExtension } from './types.ts';

export type { TarMember } from './tar-member.ts';
export type TarItem = TarMember | 'end' | 'more';

/**
 * Sparse files of old GNU archives: byte 482, and byte 504 of each record that follows, say whether one more follows.
 */
const GNU_SPARSE = 'S';
const IS_EXTENDED = 482;
const IS_EXTENDED_FURTHER = 504;

/** Reads the members of one tar stream. Global pax headers stay in force. */
export class TarReader {
  private globals: PaxHeader = NO_PAX;
  private readonly readsMaps: boolean;

  /** `readsMaps`: sparse files come with their maps. A map before the data is read like a header. */
  constructor(readsMaps = false) {
    this.readsMaps = readsMaps;
  }

  /** Whether a global header has said something about the members after it. */
  get hasGlobals(): boolean {
    return this.globals !== NO_PAX && Object.keys(this.globals).length > 0;
  }

  /**
   * The member whose headers start at `offset` of `bytes`; 'more' if they do not end within `bytes`; 'end' at a record
   * of zeros. `streamOffset` is the place of `bytes[0]` in the stream, for messages. `isWhole`: `bytes` is a whole
   * chunk, so no headers continue after it.
   */
  read(bytes: Buffer, offset: number, streamOffset: number, isWhole = false): TarItem {
    let extended: Extended | undefined;
    let { globals } = this;
    let at = offset;
    let lastFlag = 0;
    for (;;) {
      const where = streamOffset + at;
      const atEnd = isWhole && at === bytes.length;
      if (at > offset && (atEnd || (at + TAR_RECORD <= bytes.length && isZeroRecord(bytes, at)))) {
        if (lastFlag !== GLOBAL) throw damaged(where, 'the tar stream ends behind an extended header');
        this.globals = globals;
        return globalAtEnd(at - offset, extended);
      }
      if (at + TAR_RECORD > bytes.length) return 'more';
      if (isZeroRecord(bytes, at)) return 'end';
      if (!checksumMatches(bytes, at)) throw damaged(where, 'expected a header; its checksum does not match');
      // 156: typeflag, 124: size
      const flag = bytes[at + 156] ?? 0;
      let size = readNumber(bytes, at + 124, 12);
      const isOdd = Number.isNaN(size);
      if (isOdd) size = guessNumber(bytes, at + 124, 12);
      // After a NUL, some programs read nothing and others a number. Anything else that is not a number, no program
      // reads.
      if (isOdd && bytes[at + 124] !== 0) throw damaged(where, 'size is not an octal number');
      if (size < 0) throw damaged(where, 'size is negative');
      if (isOdd) (extended ??= nothing()).doubts.add('its size is no octal number');
      if (!isExtension(flag)) {
        const end = flag === SPARSE ? sparseHeaderEnd(bytes, at) : at + TAR_RECORD;
        if (end === undefined) return 'more';
        const place = { bytes, at, headerLength: end - offset, where, isWhole };
        const item = describe(place, size, extended, globals);
        if (item === undefined) return 'more';
        const whole = this.readsMaps && item.sparse !== undefined ? withMap(item, bytes, at, end) : item;
        if (whole === undefined) {
          if (isWhole) throw damaged(where, 'the map of a sparse file does not end');
          return 'more';
        }
        this.globals = globals;
        return whole;
      }
      const end = at + TAR_RECORD + roundUp(size, TAR_RECORD);
      if (end - offset > MAX_HEADERS_LENGTH) throw tooLong(streamOffset + offset, end - offset);
      if (end > bytes.length) return 'more';
      const data = bytes.subarray(at + TAR_RECORD, at + TAR_RECORD + size);
      extended ??= nothing();
      if (flag === GLOBAL) globals = withGlobals(globals, readPaxRecords(data, extended.doubts));
      else extend(extended, flag, data);
      at = end;
      lastFlag = flag;
    }
  }
}

const GLOBAL = 'g'.charCodeAt(0);
const LONG_NAME = 'L'.charCodeAt(0);
const LONG_LINK = 'K'.charCodeAt(0);
const SPARSE = GNU_SPARSE.charCodeAt(0);

function nothing(): Extended {
  return {
    pax: undefined,
    longName: undefined,
    longLink: undefined,
    longNameFirst: false,
    longLinkFirst: false,
    doubts: new Doubts(),
  };
}

/** Adds what one extended header says. */
function extend(extended: Extended, flag: number, data: Buffer): void {
  if (flag === LONG_NAME) {
    extended.longName = readText(data, 0, data.length);
    extended.longNameFirst = extended.pax === undefined;
  } else if (flag === LONG_LINK) {
    extended.longLink = readText(data, 0, data.length);
    extended.longLinkFirst = extended.pax === undefined;
  } else {
    if (extended.pax !== undefined) extended.doubts.add('it has two pax headers: the last one is taken');
    extended.pax = readPaxRecords(data, extended.doubts);
  }
}

/** A sparse file with its map; undefined if the map does not end within `bytes`. Its headers end at `end`. */
function withMap(item: TarMember, bytes: Buffer, at: number, end: number): TarMember | undefined {
  const { sparse, size, headerLength } = item;
  if (sparse === undefined) return item;
  const { file, records } = sparse;
  if (records !== null && isLeading(records)) {
    const leading = readLeadingMap(bytes, end, records, size);
    if (leading === undefined) return undefined;
    const { map, length } = leading;
    return withDoubt(
      { ...item, headerLength: headerLength + length, size: size - length, sparse: { file, records, map } },
      map,
    );
  }
  const map = records === null ? readHeaderMap(bytes, at, end, size) : readRecordsMap(records, size);
  return withDoubt({ ...item, sparse: { file, records, map } }, map);
}

function withDoubt(item: TarMember, map: SparseMap | string): TarMember {
  if (typeof map === 'string' || map.doubt === undefined) return item;
  return { ...item, doubts: [...item.doubts, map.doubt] };
}

/** A global header at the end of the stream belongs to no member. */
function globalAtEnd(headerLength: number, extended: Extended | undefined): TarMember {
  return {
    member: null,
    path: '',
    typeFlag: 'g',
    headerLength,
    size: 0,
    absolute: false,
    doubts: extended?.doubts.list ?? NO_DOUBTS,
    ownerDoubts: NO_DOUBTS,
    attributes: ATTRIBUTES.none,
  };
}

function tooLong(offset: number, length: number): ZnipError {
  return new ZnipError(
    'limit',
    `tar stream at byte ${offset}: the headers of a member have ${length} bytes or more, and may have ${MAX_HEADERS_LENGTH}`,
    { offset },
  );
}

/** Where the records of a sparse file's map end; undefined if they do not end within `bytes`. */
function sparseHeaderEnd(bytes: Buffer, offset: number): number | undefined {
  let end = offset + TAR_RECORD;
  for (
    let more = bytes[offset + IS_EXTENDED];
    more !== 0;
    more = bytes[end - TAR_RECORD + IS_EXTENDED_FURTHER]
  ) {
    end += TAR_RECORD;
    if (end > bytes.length) return undefined;
  }
  return end;
}
