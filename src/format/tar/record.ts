/**
 * The fields of one tar record of 512 bytes, as POSIX, GNU tar and bsdtar read them. What they mean together is decided
 * in `meaning.ts`. POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */
import type { ByteString } from '../values/byte-string.ts';
import { TAR_RECORD } from '../values/constants.ts';

/** What follows the five letters at the start of every magic. Plain v7 has no magic. */
export type Magic = 'posix' | 'gnu' | 'other' | 'none';

const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

/** 257: magic, 6 bytes, and version, 2 bytes. */
const MAGIC_OFFSET = 257;
const LETTERS = Uint8Array.of(0x75, 0x73, 0x74, 0x61, 0x72);

/** Which program's header this is. Only POSIX has a prefix after it; GNU tar has other fields there. */
export function readMagic(bytes: Buffer, at: number): Magic {
  const magic = at + MAGIC_OFFSET;
  for (let i = 0; i < LETTERS.length; i++) if (bytes[magic + i] !== LETTERS[i]) return 'none';
  if (bytes[magic + 5] === 0) return 'posix';
  const isGnu = bytes[magic + 5] === SPACE && bytes[magic + 6] === SPACE && bytes[magic + 7] === 0;
  return isGnu ? 'gnu' : 'other';
}

/**
 * A number field: octal digits, or base 256 if the first bit is set; all NULs are 0. NaN for anything else, because tar
 * programs read that differently. Above 2^53, the number is not exact.
 */
export function readNumber(bytes: Buffer, at: number, length: number): number {
  const end = at + length;
  const first = bytes[at] ?? 0;
  if ((first & 0x80) !== 0) return readBase256(bytes, at, end);
  let i = at;
  while (i < end && bytes[i] === SPACE) i += 1;
  const start = i;
  let value = 0;
  for (; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < ZERO || byte > SEVEN) break;
    value = value * 8 + (byte - ZERO);
  }
  if (i === start) return isZeros(bytes, at, end) ? 0 : Number.NaN;
  return i === end || bytes[i] === 0 || bytes[i] === SPACE ? value : Number.NaN;
}

/** What a field without a valid number is read as: its digits after one NUL, as GNU tar does, or 0. */
export function guessNumber(bytes: Buffer, at: number, length: number): number {
  const from = bytes[at] === 0 ? at + 1 : at;
  const value = readNumber(bytes, from, length - (from - at));
  return Number.isNaN(value) ? 0 : value;
}

/**
 * Two's complement in the bits after the first. GNU tar writes only 0x80 and 0xFF as the first byte, and knows no
 * others.
 */
function readBase256(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at] ?? 0;
  if (first !== 0x80 && first !== 0xff) return Number.NaN;
  let value = first === 0xff ? -1 : 0;
  for (let i = at + 1; i < end; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

/** Bytes up to the first NUL. */
export function readText(bytes: Buffer, at: number, length: number): ByteString {
  let end = at;
  while (end < at + length && bytes[end] !== 0) end += 1;
  // Most prefixes are empty. Then no call leaves JavaScript.
  return end === at ? '' : bytes.toString('latin1', at, end);
}

/**
 * Whether the checksum is right, as a sum of bytes from 0 to 255, or from -128 to 127, which some old programs used.
 */
export function checksumMatches(bytes: Buffer, at: number): boolean {
  // 148: chksum, 8 bytes, which count as spaces
  let sum = 8 * SPACE;
  for (let i = at; i < at + 148; i++) sum += bytes[i] ?? 0;
  for (let i = at + 156; i < at + TAR_RECORD; i++) sum += bytes[i] ?? 0;
  let stated = 0;
  for (let i = at + 148; i < at + 156; i++) {
    const byte = bytes[i] ?? 0;
    if (byte >= ZERO && byte <= SEVEN) stated = stated * 8 + (byte - ZERO);
    else if (byte !== SPACE && stated > 0) break;
  }
  return sum === stated || sum - 256 * countNegative(bytes, at) === stated;
}

function countNegative(bytes: Buffer, at: number): number {
  let count = 0;
  for (let i = at; i < at + TAR_RECORD; i++) {
    if (i < at + 148 || i >= at + 156) count += (bytes[i] ?? 0) >>> 7;
  }
  return count;
}

export function isZeroRecord(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0 && isZeros(bytes, at, at + TAR_RECORD);
}

function isZeros(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** Whether a header or the end of the tar stream is here, and not the data of a member. */
export function isHeader(bytes: Buffer, at: number): boolean {
  return isZeroRecord(bytes, at) || checksumMatches(bytes, at);
}
