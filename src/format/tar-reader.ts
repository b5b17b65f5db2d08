/**
 * Reads tar headers: ustar, pax and the GNU extensions that are in use. The counterpart of
 * `tar-header.ts`, but for streams that anybody may have written.
 * POSIX.1-2017, pax, "ustar Interchange Format" and "pax Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
import { ZnipError } from '../errors.ts';
import type { ByteString } from './byte-string.ts';
import { TAR_RECORD } from './constants.ts';
import { KIND, type Member, MODE_MASK, NANOSECONDS } from './entry.ts';
import { roundUp } from './integers.ts';

/** Extended headers longer than this are refused: names are at most PATH_MAX, the rest is small. */
const MAX_EXTENSION = 1024 * 1024;

/** A member, or something that stands in a tar stream but is none. */
export interface TarMember {
  /** null for kinds that an archive does not hold (devices, FIFOs, sparse files). */
  member: Member | null;
  /** Path and type flag, for the report of what is skipped. */
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
}

function damaged(offset: number, why: string): ZnipError {
  return new ZnipError('damaged-block', `tar stream at byte ${offset}: ${why}`, { offset });
}

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

function readText(record: Buffer, at: number, length: number): ByteString {
  const end = record.indexOf(0, at);
  return record.toString('latin1', at, end < 0 || end > at + length ? at + length : end);
}

function checksumMatches(record: Buffer): boolean {
  let sum = 8 * 0x20;
  for (let i = 0; i < TAR_RECORD; i++) if (i < 148 || i >= 156) sum += record[i] ?? 0;
  let stated = 0;
  for (let i = 148; i < 156; i++) {
    const byte = record[i] ?? 0;
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

function parsePax(records: Buffer, offset: number, into: Extensions): void {
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
    } else if (keyword.startsWith('GNU.sparse.')) into.sparse = true;
    at += length;
  }
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

/** Reads the members of one tar stream, header by header. Global pax headers stay in force. */
export class TarReader {
  private readonly globals: Extensions = {};

  /**
   * The member whose headers start at `offset` of `bytes`; 'more' when they do not end within; 'end' at
   * a record of zeros. `streamOffset` is the place of `bytes[0]` in the stream, for messages.
   */
  read(bytes: Buffer, offset: number, streamOffset: number): TarItem {
    const extensions: Extensions = { ...this.globals };
    let at = offset;
    for (;;) {
      if (at + TAR_RECORD > bytes.length) return 'more';
      const record = bytes.subarray(at, at + TAR_RECORD);
      const where = streamOffset + at;
      if (record[0] === 0 && isZero(record)) return 'end';
      if (!checksumMatches(record)) throw damaged(where, 'expected a header; its checksum does not match');
      // 156: typeflag
      const typeFlag = String.fromCharCode(record[156] ?? 0);
      const headerSize = readNumber(record, 124, 12, where, 'size');
      if ('xgLK'.includes(typeFlag)) {
        if (headerSize > MAX_EXTENSION)
          throw damaged(where, `an extended header of ${headerSize} bytes is too long`);
        const end = at + TAR_RECORD + roundUp(headerSize, TAR_RECORD);
        if (end > bytes.length) return 'more';
        const data = bytes.subarray(at + TAR_RECORD, at + TAR_RECORD + headerSize);
        if (typeFlag === 'x') parsePax(data, where, extensions);
        else if (typeFlag === 'g') {
          parsePax(data, where, this.globals);
          Object.assign(extensions, this.globals);
        } else if (typeFlag === 'L') extensions.path = readText(data, 0, data.length);
        else extensions.linkPath = readText(data, 0, data.length);
        at = end;
        continue;
      }
      return describe(record, where, at + TAR_RECORD - offset, typeFlag, headerSize, extensions);
    }
  }
}

function describe(
  record: Buffer,
  where: number,
  headerLength: number,
  typeFlag: string,
  headerSize: number,
  extensions: Extensions,
): TarMember {
  // 0: name, 157: linkname, 257: magic, 345: prefix
  const isUstar = record.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? readText(record, 345, 155) : '';
  const name = readText(record, 0, 100);
  const fullPath = extensions.path ?? (prefix === '' ? name : `${prefix}/${name}`);
  const isDirectoryName = fullPath.endsWith('/');
  // Old archives mark directories by the slash alone.
  const kind =
    typeFlag === '0' || typeFlag === '\0'
      ? isDirectoryName
        ? KIND.directory
        : KIND.file
      : KIND_BY_FLAG[typeFlag];
  const isFile = kind === KIND.file;
  // Links and directories have no data, whatever their size field says (POSIX leaves it to the writer).
  const hasData = isFile || kind === undefined;
  const size = hasData ? (extensions.size ?? headerSize) : 0;
  const path = fullPath.replace(/\/+$/, '').replace(/^(?:\.\/+)+/, '');
  const common = { path, typeFlag, headerLength, size };
  if (kind === undefined || extensions.sparse === true) return { ...common, member: null };
  return {
    ...common,
    member: {
      path,
      kind,
      // 100: mode, 108: uid, 116: gid, 136: mtime
      mode: readNumber(record, 100, 8, where, 'mode') & MODE_MASK,
      mtime: extensions.mtime ?? BigInt(readNumber(record, 136, 12, where, 'mtime')) * NANOSECONDS,
      size,
      linkTarget:
        kind === KIND.hardlink
          ? (extensions.linkPath ?? readText(record, 157, 100)).replace(/^(?:\.\/+)+/, '')
          : kind === KIND.symlink
            ? (extensions.linkPath ?? readText(record, 157, 100))
            : '',
      uid: extensions.uid ?? readNumber(record, 108, 8, where, 'uid'),
      gid: extensions.gid ?? readNumber(record, 116, 8, where, 'gid'),
    },
  };
}

function isZero(record: Buffer): boolean {
  for (let i = 0; i < TAR_RECORD; i++) if (record[i] !== 0) return false;
  return true;
}
