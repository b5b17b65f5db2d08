/**
 * Reads tar headers: ustar, pax and the GNU extensions that are in use. The counterpart of
 * `tar-header.ts`, but for streams that anybody may have written.
 * POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
import { ZnipError } from '../errors.ts';
import type { ByteString } from './byte-string.ts';
import { TAR_RECORD } from './constants.ts';
import { clampTime, KIND, type Member, MODE_MASK, NANOSECONDS } from './entry.ts';
import { roundUp } from './integers.ts';

/** Extended headers longer than this are refused: names are at most PATH_MAX, the rest is small. */
const MAX_EXTENSION = 1024 * 1024;

/** A member, or something that stands in a tar stream but is none. */
export interface TarMember {
  /**
   * null for kinds that an index does not know (devices, FIFOs, sparse files, …), and for a global header
   * that ends the stream.
   */
  member: Member | null;
  /** Path and type flag, for the report of what is skipped. '' is the top itself, `./`. */
  path: ByteString;
  typeFlag: string;
  /** Stream bytes before the data. */
  headerLength: number;
  /** Bytes of data in the stream. */
  size: number;
}

export type TarItem = TarMember | 'end' | 'more';

interface Extensions {
  path?: ByteString;
  linkPath?: ByteString;
  size?: number;
  mtime?: bigint;
  uid?: number;
  gid?: number;
  sparse?: boolean;
  /** The name that GNU tar gives a sparse file here, because `path` says how it is stored. */
  sparseName?: ByteString;
}

/** Of most members, which have none: making an object for each would cost as much as all the rest. */
const NO_EXTENSIONS: Readonly<Extensions> = Object.freeze({});

function damaged(offset: number, why: string): ZnipError {
  return new ZnipError('damaged-block', `tar stream at byte ${offset}: ${why}`, { offset });
}

/** `ustar` and a NUL. */
const USTAR_MAGIC = Uint8Array.of(0x75, 0x73, 0x74, 0x61, 0x72, 0);

/** A number field: octal digits, or GNU's base-256 when the first bit is set. */
function readNumber(record: Buffer, at: number, length: number, offset: number, what: string): number {
  const first = record[at] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = first === 0xff ? -1 : first & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + (record[at + i] ?? 0);
    if (!Number.isSafeInteger(value)) throw damaged(offset, `${what} is too large`);
    return value;
  }
  let value = 0;
  let i = at;
  while (i < at + length && (record[i] === 0x20 || record[i] === 0)) i += 1;
  for (; i < at + length; i++) {
    const byte = record[i] ?? 0;
    if (byte === 0 || byte === 0x20) break;
    if (byte < 0x30 || byte > 0x37) throw damaged(offset, `${what} is not an octal number`);
    value = value * 8 + (byte - 0x30);
  }
  return value;
}

function readText(bytes: Buffer, at: number, length: number): ByteString {
  let end = at;
  while (end < at + length && bytes[end] !== 0) end += 1;
  // Most prefixes are empty: nothing is asked of what is not JavaScript.
  return end === at ? '' : bytes.toString('latin1', at, end);
}

/** Whether the record at `at` has a prefix: in old tars other fields stand there. */
function isUstar(bytes: Buffer, at: number): boolean {
  // 257: magic
  for (let i = 0; i < USTAR_MAGIC.length; i++) if (bytes[at + 257 + i] !== USTAR_MAGIC[i]) return false;
  return true;
}

function checksumMatches(bytes: Buffer, at: number): boolean {
  // 148: chksum, which counts as eight spaces
  let sum = 8 * 0x20;
  for (let i = at; i < at + 148; i++) sum += bytes[i] ?? 0;
  for (let i = at + 156; i < at + TAR_RECORD; i++) sum += bytes[i] ?? 0;
  let stated = 0;
  for (let i = at + 148; i < at + 156; i++) {
    const byte = bytes[i] ?? 0;
    if (byte >= 0x30 && byte <= 0x37) stated = stated * 8 + (byte - 0x30);
    else if (byte !== 0x20 && stated > 0) break;
  }
  return sum === stated;
}

/** Decimal seconds with a fraction, as pax has times, in nanoseconds. */
function parsePaxTime(text: string): bigint | undefined {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) return undefined;
  const fraction = BigInt((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  const value = BigInt(match[2] ?? '0') * NANOSECONDS + fraction;
  return match[1] === '-' ? -value : value;
}

function parsePax(records: Buffer, offset: number): Extensions {
  const into: Extensions = {};
  let at = 0;
  while (at < records.length && records[at] !== 0) {
    const space = records.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(records.toString('latin1', at, space));
    const equals = records.indexOf(0x3d, space);
    if (
      !Number.isInteger(length) ||
      length < 5 ||
      at + length > records.length ||
      equals < 0 ||
      equals >= at + length
    ) {
      throw damaged(offset, 'a pax record is malformed');
    }
    const keyword = records.toString('latin1', space + 1, equals);
    const value = records.toString('latin1', equals + 1, at + length - 1);
    if (keyword === 'path') into.path = value;
    else if (keyword === 'linkpath') into.linkPath = value;
    else if (keyword === 'size') into.size = paxNumber(value, offset, 'size');
    else if (keyword === 'uid') into.uid = paxNumber(value, offset, 'uid');
    else if (keyword === 'gid') into.gid = paxNumber(value, offset, 'gid');
    else if (keyword === 'mtime') {
      const mtime = parsePaxTime(value);
      if (mtime !== undefined) into.mtime = mtime;
    } else if (keyword.startsWith('GNU.sparse.')) {
      into.sparse = true;
      if (keyword === 'GNU.sparse.name') into.sparseName = value;
    }
    at += length;
  }
  return into;
}

function paxNumber(text: string, offset: number, what: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw damaged(offset, `pax ${what} '${text}' is not a number`);
  return value;
}

const KIND_BY_FLAG: Record<string, number> = {
  '0': KIND.file,
  '\0': KIND.file,
  '7': KIND.file,
  '1': KIND.hardlink,
  '2': KIND.symlink,
  '5': KIND.directory,
};

/** Type flags of members that have no data, whatever their size field says (POSIX leaves it to the writer). */
const WITHOUT_DATA = '123456';

/** Sparse files of old GNU archives: 482, and 504 of each record that follows, say whether one more follows. */
const GNU_SPARSE = 'S';
const IS_EXTENDED = 482;
const IS_EXTENDED_FURTHER = 504;

/** The greatest owner that is one: (uid_t)-1 means none. */
const MAX_ID = 0xfffffffe;

/** Reads the members of one tar stream, header by header. Global pax headers stay in force. */
export class TarReader {
  private globals: Readonly<Extensions> = NO_EXTENSIONS;

  /** Whether a global header has come: without it, members after it are read wrongly. */
  get hasGlobals(): boolean {
    return this.globals !== NO_EXTENSIONS && Object.keys(this.globals).length > 0;
  }

  /**
   * The member whose headers start at `offset` of `bytes`; 'more' when they do not end within; 'end' at
   * a record of zeros. `streamOffset` is the place of `bytes[0]` in the stream, for messages.
   */
  read(bytes: Buffer, offset: number, streamOffset: number): TarItem {
    let extensions: Readonly<Extensions> = this.globals;
    let at = offset;
    let lastFlag = '';
    for (;;) {
      if (at + TAR_RECORD > bytes.length) return 'more';
      const where = streamOffset + at;
      if (bytes[at] === 0 && isZero(bytes, at)) {
        if (at === offset) return 'end';
        if (lastFlag !== 'g') throw damaged(where, 'the tar stream ends behind an extended header');
        return { member: null, path: '', typeFlag: lastFlag, headerLength: at - offset, size: 0 };
      }
      if (!checksumMatches(bytes, at)) throw damaged(where, 'expected a header; its checksum does not match');
      // 156: typeflag
      const typeFlag = String.fromCharCode(bytes[at + 156] ?? 0);
      const headerSize = readNumber(bytes, at + 124, 12, where, 'size');
      if (headerSize < 0) throw damaged(where, 'size is negative');
      if ('xgLK'.includes(typeFlag)) {
        if (headerSize > MAX_EXTENSION)
          throw damaged(where, `an extended header of ${headerSize} bytes is too long`);
        const end = at + TAR_RECORD + roundUp(headerSize, TAR_RECORD);
        if (end > bytes.length) return 'more';
        const data = bytes.subarray(at + TAR_RECORD, at + TAR_RECORD + headerSize);
        if (typeFlag === 'x') extensions = { ...extensions, ...parsePax(data, where) };
        else if (typeFlag === 'g') {
          this.globals = { ...this.globals, ...parsePax(data, where) };
          extensions = { ...extensions, ...this.globals };
        } else if (typeFlag === 'L') extensions = { ...extensions, path: readText(data, 0, data.length) };
        else extensions = { ...extensions, linkPath: readText(data, 0, data.length) };
        at = end;
        lastFlag = typeFlag;
        continue;
      }
      const end = typeFlag === GNU_SPARSE ? sparseHeaderEnd(bytes, at) : at + TAR_RECORD;
      if (end === undefined) return 'more';
      return describe(bytes, at, where, end - offset, typeFlag, headerSize, extensions);
    }
  }
}

/** Where the records of a sparse file's map end; undefined when they do not end within `bytes`. */
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

function describe(
  bytes: Buffer,
  at: number,
  where: number,
  headerLength: number,
  typeFlag: string,
  headerSize: number,
  extensions: Readonly<Extensions>,
): TarMember {
  // 0: name, 157: linkname, 345: prefix
  const prefix = isUstar(bytes, at) ? readText(bytes, at + 345, 155) : '';
  const name = readText(bytes, at, 100);
  const fullPath = extensions.path ?? (prefix === '' ? name : `${prefix}/${name}`);
  const isDirectoryName = fullPath.endsWith('/');
  // Old archives mark directories by the slash alone.
  const kind =
    typeFlag === '0' || typeFlag === '\0'
      ? isDirectoryName
        ? KIND.directory
        : KIND.file
      : KIND_BY_FLAG[typeFlag];
  const hasData = kind !== KIND.directory && !WITHOUT_DATA.includes(typeFlag);
  const size = hasData ? (extensions.size ?? headerSize) : 0;
  const path = memberPath(extensions.sparseName ?? fullPath);
  if (kind === undefined || extensions.sparse === true) {
    return { path, typeFlag, headerLength, size, member: null };
  }
  const member: Member = {
    path,
    kind,
    // 100: mode, 108: uid, 116: gid, 136: mtime
    mode: readNumber(bytes, at + 100, 8, where, 'mode') & MODE_MASK,
    mtime: clampTime(
      extensions.mtime ?? BigInt(readNumber(bytes, at + 136, 12, where, 'mtime')) * NANOSECONDS,
    ),
    size,
    linkTarget:
      kind === KIND.hardlink
        ? (extensions.linkPath ?? readText(bytes, at + 157, 100)).replace(/^(?:\.\/+)+/, '')
        : kind === KIND.symlink
          ? (extensions.linkPath ?? readText(bytes, at + 157, 100))
          : '',
    uid: toId(extensions.uid ?? readNumber(bytes, at + 108, 8, where, 'uid')),
    gid: toId(extensions.gid ?? readNumber(bytes, at + 116, 8, where, 'gid')),
  };
  return { path, typeFlag, headerLength, size, member };
}

/** A name as entries have it: `./a` is `a`, `a/` is `a`, `./` is ''. */
function memberPath(path: ByteString): ByteString {
  if (!path.endsWith('/') && !path.startsWith('.')) return path;
  const relative = path.replace(/\/+$/, '').replace(/^(?:\.\/+)+/, '');
  return relative === '.' ? '' : relative;
}

/** An owner as an entry can hold it; null for what is none. */
function toId(value: number): number | null {
  return value >= 0 && value <= MAX_ID ? value : null;
}

function isZero(bytes: Buffer, at: number): boolean {
  for (let i = at; i < at + TAR_RECORD; i++) if (bytes[i] !== 0) return false;
  return true;
}
