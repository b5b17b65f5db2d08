/**
 * The records of a pax header: what they say about a member, and where tar programs do not agree about them.
 * POSIX.1-2017, pax, "pax Interchange Format". How GNU tar and bsdtar read them was found by running them.
 */
import { ATTRIBUTES } from '../values/attributes.ts';
import type { ByteString } from '../values/byte-string.ts';
import { NANOSECONDS } from '../values/entry.ts';
import { attributeName, recordedAttributes } from './pax-attributes.ts';
import type { SparseRecords } from './sparse.ts';

/** What extended headers say. A keyword that is missing or has an empty value is not present here. */
export interface PaxHeader {
  path?: ByteString | undefined;
  linkPath?: ByteString | undefined;
  size?: number | undefined;
  /** Nanoseconds, of any range. */
  mtime?: bigint | undefined;
  /** null for a number that no owner can have. */
  uid?: number | null | undefined;
  gid?: number | null | undefined;
  uname?: ByteString | undefined;
  gname?: ByteString | undefined;
  /** There is a map of data and holes: in the records, or before the data. */
  sparse?: SparseRecords | undefined;
  /** The real name of a sparse file. GNU tar puts it here, because `path` says how the file is stored. */
  sparseName?: ByteString | undefined;
  /** Extended attributes: values by name. */
  xattrs?: Map<ByteString, ByteString> | undefined;
  /** What others mean that are not among these, all together: see ATTRIBUTES. */
  attributes?: number | undefined;
}

/** What tar programs do not agree on: about a member, and, separately, about its owner, which few users ask for. */
export class Doubts {
  readonly list: string[] = [];
  readonly owner: string[] = [];

  add(doubt: string): void {
    addOnce(this.list, doubt);
  }

  addOwner(doubt: string): void {
    addOnce(this.owner, doubt);
  }
}

/** A header may hold a million wrong records; a few doubts say enough. */
const MOST_DOUBTS = 8;

function addOnce(list: string[], doubt: string): void {
  if (list.length < MOST_DOUBTS && !list.includes(doubt)) list.push(doubt);
}

/**
 * The first bytes of a longer keyword say everything that matters. The name of an attribute has at most 255 bytes
 * (Linux), and each may be written as `%2E`.
 */
const MAX_KEYWORD = 800;
/** A length with more digits would be longer than any header. */
const MAX_LENGTH_DIGITS = 9;

const TAB = 0x09;
const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;

/** Keywords of sparse files. Other keywords with the same start mean nothing to any program. */
const SPARSE = new Set(
  ['major', 'minor', 'realsize', 'size', 'numblocks', 'offset', 'numbytes', 'map'].map(
    (word) => `GNU.sparse.${word}`,
  ),
);

/**
 * Reads records of the form `length keyword=value\n`, each in one pass. Everything after a malformed record is ignored.
 * The last record of a keyword counts.
 */
export function readPaxRecords(records: Buffer, doubts: Doubts): PaxHeader {
  const header: PaxHeader = {};
  let at = 0;
  while (at < records.length) {
    const digitsEnd = skipDigits(records, at);
    const length = Number(records.toString('latin1', at, digitsEnd));
    const end = at + length;
    const equals = records.indexOf(EQUALS, digitsEnd + 1);
    const wellFormed =
      digitsEnd > at &&
      records[digitsEnd] === SPACE &&
      end <= records.length &&
      equals > digitsEnd + 1 &&
      equals < end &&
      !isBlank(records[digitsEnd + 1]) &&
      records[end - 1] === NEWLINE;
    if (!wellFormed) {
      doubts.add(`its pax header is malformed at byte ${at}: what stands there is not taken`);
      break;
    }
    const keyword = records.toString('latin1', digitsEnd + 1, Math.min(equals, digitsEnd + 1 + MAX_KEYWORD));
    take(header, keyword, records, equals + 1, end - 1, doubts);
    at = end;
  }
  return header;
}

function skipDigits(records: Buffer, at: number): number {
  let end = at;
  while (end - at < MAX_LENGTH_DIGITS && isDigit(records[end])) end += 1;
  return end;
}

/** GNU tar skips these characters before a keyword. */
function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function take(
  header: PaxHeader,
  keyword: string,
  records: Buffer,
  from: number,
  to: number,
  doubts: Doubts,
): void {
  const value = (): string => records.toString('latin1', from, to);
  switch (keyword) {
    case 'path':
      header.path = readName(keyword, value(), doubts);
      break;
    case 'linkpath':
      header.linkPath = readName(keyword, value(), doubts);
      break;
    case 'GNU.sparse.name':
      header.sparseName = readName(keyword, value(), doubts);
      break;
    case 'size':
      header.size = readSize(value(), doubts);
      break;
    case 'mtime':
      header.mtime = readTime(value(), doubts);
      break;
    case 'uid':
      header.uid = readId(keyword, value(), doubts);
      break;
    case 'gid':
      header.gid = readId(keyword, value(), doubts);
      break;
    case 'uname':
      header.uname = value();
      break;
    case 'gname':
      header.gname = value();
      break;
    case 'SCHILY.realsize':
      doubts.add("its pax header has 'SCHILY.realsize', which some programs cut it to");
      break;
    default:
      if (SPARSE.has(keyword)) takeSparse((header.sparse ??= { pairs: [] }), keyword, value());
      else if (!takeXattr(header, keyword, value)) {
        takeAttributes(header, recordedAttributes(keyword, from === to));
      }
  }
}

/** False if the record is about something else. */
function takeXattr(header: PaxHeader, keyword: string, value: () => ByteString): boolean {
  const attribute = attributeName(keyword);
  if (attribute === undefined) return false;
  const { name, encoded } = attribute;
  // A name of which not all is known.
  if (keyword.length === MAX_KEYWORD) takeAttributes(header, ATTRIBUTES.plain);
  else {
    const xattrs = (header.xattrs ??= new Map());
    if (!encoded) xattrs.set(name, value());
    else if (!xattrs.has(name)) xattrs.set(name, Buffer.from(value(), 'base64').toString('latin1'));
  }
  return true;
}

function takeAttributes(header: PaxHeader, attributes: number): void {
  if (attributes !== 0) header.attributes = (header.attributes ?? 0) | attributes;
}

/** A global header, combined with one that comes after it. */
export function withGlobals(before: PaxHeader, header: PaxHeader): PaxHeader {
  const result = { ...before, ...header };
  takeAttributes(result, before.attributes ?? 0);
  return result;
}

function takeSparse(sparse: SparseRecords, keyword: string, value: string): void {
  switch (keyword.slice('GNU.sparse.'.length)) {
    case 'major':
      sparse.major = value;
      break;
    case 'minor':
      sparse.minor = value;
      break;
    case 'realsize':
    case 'size':
      sparse.realSize = value;
      break;
    case 'map':
      sparse.map = value;
      break;
    case 'offset':
    case 'numbytes':
      sparse.pairs.push(value);
  }
}

/** POSIX: a record without a value deletes what an earlier header said. GNU tar uses the empty value. */
function isEmpty(keyword: string, value: string, add: (doubt: string) => void): boolean {
  if (value === '') add(`its pax record '${keyword}' is empty: it counts as if it were not there`);
  return value === '';
}

function noNumber(keyword: string): string {
  return `its pax record '${keyword}' is no number`;
}

function readName(keyword: string, value: string, doubts: Doubts): ByteString | undefined {
  if (isEmpty(keyword, value, (doubt) => doubts.add(doubt))) return undefined;
  const nul = value.indexOf('\0');
  if (nul < 0) return value;
  doubts.add(`its pax record '${keyword}' has a NUL byte: it ends there`);
  return value.slice(0, nul);
}

function readSize(value: string, doubts: Doubts): number | undefined {
  if (isEmpty('size', value, (doubt) => doubts.add(doubt))) return undefined;
  const size = readDigits(value);
  if (size === undefined) doubts.add(noNumber('size'));
  return size;
}

/** (uid_t)-1, which no owner has. */
const NO_ID = 0xffffffff;

function readId(keyword: string, value: string, doubts: Doubts): number | null | undefined {
  if (isEmpty(keyword, value, (doubt) => doubts.addOwner(doubt))) return undefined;
  const id = readDigits(value);
  if (id !== undefined && id < NO_ID) return id;
  doubts.addOwner(`its pax record '${keyword}' is no owner`);
  return null;
}

/** A number in decimal digits; Infinity if JavaScript cannot hold it exactly; undefined if it is not a number. */
function readDigits(text: string): number | undefined {
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : Infinity;
}

/** Enough for every time that an entry can hold; further digits change nothing. */
const MAX_TIME_DIGITS = 12;

/** Decimal seconds, maybe negative, maybe with a fraction, in nanoseconds. */
function readTime(value: string, doubts: Doubts): bigint | undefined {
  if (isEmpty('mtime', value, (doubt) => doubts.add(doubt))) return undefined;
  const negative = value.startsWith('-');
  const start = negative ? 1 : 0;
  let dot = start;
  while (dot < value.length && isDigit(value.charCodeAt(dot))) dot += 1;
  if (dot === start) {
    doubts.add(noNumber('mtime'));
    return undefined;
  }
  let end = dot;
  if (value[dot] === '.') {
    end += 1;
    while (end < value.length && isDigit(value.charCodeAt(end))) end += 1;
  }
  if (end < value.length) doubts.add(noNumber('mtime'));
  let first = start;
  while (first < dot - 1 && value[first] === '0') first += 1;
  const fraction = BigInt(value.slice(dot + 1, Math.min(end, dot + 10)).padEnd(9, '0'));
  // GNU tar subtracts 0.25 from -5; bsdtar adds it.
  if (negative && fraction !== 0n) doubts.add('its time is negative and has a fraction');
  const time = BigInt(value.slice(first, Math.min(dot, first + MAX_TIME_DIGITS))) * NANOSECONDS + fraction;
  return negative ? -time : time;
}
