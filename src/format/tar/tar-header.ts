/**
 * Tar headers: ustar, with a pax extended header before it if ustar cannot hold a value. Implements docs/format.md,
 * "Tar stream"; POSIX.1-2017, pax, "pax Interchange Format" and "ustar Interchange Format".
 */
import { isUtf8, type ByteString } from '../values/byte-string.ts';
import { TAR_RECORD } from '../values/constants.ts';
import { floorSeconds, KIND, type Member, NANOSECONDS } from '../values/entry.ts';
import { roundUp } from '../values/integers.ts';
import { paxRecord } from '../values/pax-record.ts';

const NAME_LENGTH = 100;
const PREFIX_LENGTH = 155;
/** 11 octal digits. */
const MAX_USTAR_SIZE = 0o77777777777;
/** 7 octal digits. */
const MAX_USTAR_ID = 0o7777777;
/** The first time, in nanoseconds, that does not fit into 11 octal digits of seconds: in the year 2242. */
const USTAR_TIME_END = BigInt(MAX_USTAR_SIZE + 1) * NANOSECONDS;

const TYPE_FLAG = ['0', '5', '2', '1'] as const;
const PAX_TYPE = 'x'.charCodeAt(0);

/** A header of zeros with the fields that never change: magic, version, device numbers. */
const TEMPLATE = Buffer.alloc(TAR_RECORD);
// 257: magic "ustar\0", 263: version "00"
TEMPLATE.write('ustar\x0000', 257, 'latin1');
// 329: devmajor, 337: devminor
TEMPLATE.write('0000000\x000000000\x00', 329, 'latin1');

interface UstarName {
  name: ByteString;
  prefix: ByteString;
}

/** Where to cut a path into ustar's prefix and name; undefined if it does not fit. */
function splitName(path: ByteString): UstarName | undefined {
  if (path.length <= NAME_LENGTH) return { name: path, prefix: '' };
  if (path.length > NAME_LENGTH + 1 + PREFIX_LENGTH) return undefined;
  // The first slash that leaves a name of at most 100 bytes; a name must not be empty.
  const slash = path.indexOf('/', path.length - NAME_LENGTH - 1);
  if (slash <= 0 || slash > PREFIX_LENGTH || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

/** The path in the form of a tar header: directories end in a slash. */
function tarPath(member: Member): ByteString {
  return member.kind === KIND.directory ? `${member.path}/` : member.path;
}

/**
 * The pax records that this member needs; '' for most members. Names and link targets are bytes. With `statedSize`, the
 * size is always one of the records, in these digits.
 */
export function paxRecords(member: Member, statedSize?: string): ByteString {
  const path = tarPath(member);
  const { linkTarget } = member;
  const longPath = path.length > NAME_LENGTH && splitName(path) === undefined;
  const longLink = linkTarget.length > NAME_LENGTH;
  let records = '';
  if (longPath) records += paxRecord('path', path);
  if (longLink) records += paxRecord('linkpath', linkTarget);
  const size = statedSize ?? (member.size > MAX_USTAR_SIZE ? String(member.size) : '');
  if (size !== '') records += paxRecord('size', size);
  const seconds = floorSeconds(member.mtime);
  if (seconds < 0 || seconds > MAX_USTAR_SIZE) records += paxRecord('mtime', String(seconds));
  if ((member.uid ?? 0) > MAX_USTAR_ID) records += paxRecord('uid', String(member.uid));
  if ((member.gid ?? 0) > MAX_USTAR_ID) records += paxRecord('gid', String(member.gid));
  records += member.xattrs ?? '';
  const binary = (longPath && !isUtf8(path)) || (longLink && !isUtf8(linkTarget));
  return binary ? paxRecord('hdrcharset', 'BINARY') + records : records;
}

/** Bytes of tar stream before the member's data: one record for most, at least three with pax records. */
export function tarHeaderLength(member: Member): number {
  if (
    member.path.length < NAME_LENGTH &&
    member.linkTarget.length <= NAME_LENGTH &&
    member.size <= MAX_USTAR_SIZE &&
    member.mtime >= 0n &&
    member.mtime < USTAR_TIME_END &&
    member.uid === null &&
    member.gid === null &&
    member.xattrs === undefined
  ) {
    return TAR_RECORD;
  }
  const records = paxRecords(member);
  return records === '' ? TAR_RECORD : 2 * TAR_RECORD + roundUp(records.length, TAR_RECORD);
}

/** The size of a header that `encodeReservedHeader` writes. It depends only on the name. */
export function reservedHeaderLength(member: Member): number {
  const records = paxRecords(member, String(Number.MAX_SAFE_INTEGER));
  return 2 * TAR_RECORD + roundUp(records.length, TAR_RECORD);
}

/**
 * Writes a header whose room was reserved before the size was known. The size is always in a pax record, and leading
 * zeros fill the room if it would be shorter. Returns its length.
 */
export function encodeReservedHeader(target: Buffer, offset: number, member: Member): number {
  const length = reservedHeaderLength(member);
  const plain = String(member.size);
  const fits = 2 * TAR_RECORD + roundUp(paxRecords(member, plain).length, TAR_RECORD) === length;
  const digits = String(Number.MAX_SAFE_INTEGER).length;
  return encodeTarHeader(target, offset, member, fits ? plain : plain.padStart(digits, '0'));
}

/** Bytes of tar stream for the data of a member, including padding. */
export function paddedLength(size: number): number {
  return roundUp(size, TAR_RECORD);
}

/** Ten octal digits: the most that 32-bit integer arithmetic, the fast kind, can handle at once. */
const TEN_DIGITS = 2 ** 30;

/** A number as `digits` octal digits before a NUL; returns the sum of the written bytes. */
function writeOctal(target: Buffer, offset: number, value: number, digits: number): number {
  let sum = digits * 0x30;
  let position = offset + digits - 1;
  if (value >= TEN_DIGITS) {
    const high = Math.floor(value / TEN_DIGITS);
    sum += writeOctal(target, offset, high, digits - 10) - (digits - 10) * 0x30;
    for (let rest = (value - high * TEN_DIGITS) | 0, i = 0; i < 10; i++, rest >>>= 3) {
      target[position--] = 0x30 + (rest & 7);
      sum += rest & 7;
    }
    return sum;
  }
  for (let rest = value | 0; position >= offset; rest >>>= 3) {
    target[position--] = 0x30 + (rest & 7);
    sum += rest & 7;
  }
  return sum;
}

function writeString(target: Buffer, offset: number, value: ByteString): number {
  target.write(value, offset, 'latin1');
  let sum = 0;
  for (let i = 0; i < value.length; i++) sum += value.charCodeAt(i);
  return sum;
}

let templateSum = 0;
for (const byte of TEMPLATE) templateSum += byte;
/** The checksum field counts as eight spaces. */
const CHECKSUM_BASE = templateSum + 8 * 0x20;

interface UstarFields {
  name: ByteString;
  prefix: ByteString;
  linkTarget: ByteString;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  seconds: number;
  typeFlag: number;
}

function writeUstar(target: Buffer, offset: number, fields: UstarFields): void {
  TEMPLATE.copy(target, offset);
  let sum = CHECKSUM_BASE;
  // 0: name, 100 bytes
  sum += writeString(target, offset, fields.name);
  // 100: mode, 108: uid, 116: gid, 8 bytes each
  sum += writeOctal(target, offset + 100, fields.mode, 7);
  sum += writeOctal(target, offset + 108, fields.uid, 7);
  sum += writeOctal(target, offset + 116, fields.gid, 7);
  // 124: size, 136: mtime, 12 bytes each
  sum += writeOctal(target, offset + 124, fields.size, 11);
  sum += writeOctal(target, offset + 136, fields.seconds, 11);
  // 156: typeflag
  target[offset + 156] = fields.typeFlag;
  sum += fields.typeFlag;
  // 157: linkname, 100 bytes
  sum += writeString(target, offset + 157, fields.linkTarget);
  // 345: prefix, 155 bytes
  sum += writeString(target, offset + 345, fields.prefix);
  // 148: chksum, six octal digits, NUL, space
  writeOctal(target, offset + 148, sum, 6);
  target[offset + 154] = 0;
  target[offset + 155] = 0x20;
}

function clamp(value: number, max: number): number {
  return value > max ? 0 : value;
}

/**
 * Writes the header of `member`, with its pax records, at `offset` of `target`; returns its length. The length depends
 * only on the metadata, and is the one that `tarHeaderLength` gave. `statedSize` as for `paxRecords`.
 */
export function encodeTarHeader(target: Buffer, offset: number, member: Member, statedSize?: string): number {
  const path = tarPath(member);
  const records = paxRecords(member, statedSize);
  const seconds = floorSeconds(member.mtime);
  const plainSeconds = seconds < 0 || seconds > MAX_USTAR_SIZE ? 0 : seconds;
  let position = offset;
  if (records !== '') {
    writeUstar(target, position, {
      name: `PaxHeaders/${path}`.slice(0, NAME_LENGTH),
      prefix: '',
      linkTarget: '',
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: records.length,
      seconds: plainSeconds,
      typeFlag: PAX_TYPE,
    });
    position += TAR_RECORD;
    target.write(records, position, 'latin1');
    const padded = roundUp(records.length, TAR_RECORD);
    target.fill(0, position + records.length, position + padded);
    position += padded;
  }
  const split = splitName(path);
  writeUstar(target, position, {
    name: split === undefined ? path.slice(0, NAME_LENGTH) : split.name,
    prefix: split === undefined ? '' : split.prefix,
    linkTarget: member.linkTarget.slice(0, NAME_LENGTH),
    mode: member.mode,
    uid: clamp(member.uid ?? 0, MAX_USTAR_ID),
    gid: clamp(member.gid ?? 0, MAX_USTAR_ID),
    size: clamp(member.size, MAX_USTAR_SIZE),
    seconds: plainSeconds,
    typeFlag: (TYPE_FLAG[member.kind] ?? '0').charCodeAt(0),
  });
  return position + TAR_RECORD - offset;
}
