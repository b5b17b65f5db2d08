/**
 * What a member's headers mean, taken together: the one place that decides it, for every way of reading. It is what
 * POSIX, GNU tar and bsdtar agree on; where they do not, it is one of their readings, and a doubt says so.
 * Implements the tables of docs/format.md, "Tar streams of others".
 */
import { ZnipError } from '../../errors.ts';
import type { ByteString } from '../byte-string.ts';
import { TAR_RECORD } from '../constants.ts';
import { clampTime, KIND, type Member, MODE_MASK, NANOSECONDS } from '../entry.ts';
import { normalPath } from '../member-path.ts';
import { Doubts, type PaxHeader } from './pax-records.ts';
import { guessNumber, isHeader, readMagic, readNumber, readText } from './record.ts';

/** A member, or something that stands in a tar stream but is none. */
export interface TarMember {
  /**
   * null for kinds that an index does not know (devices, FIFOs, sparse files, …), for what has no name or no
   * target, and for a global header that ends the stream.
   */
  member: Member | null;
  /** Path and type flag, for the report of what is skipped. '' is the top itself, `./`. */
  path: ByteString;
  typeFlag: string;
  /** Stream bytes before the data. */
  headerLength: number;
  /** Bytes of data in the stream. Only that of a file is its content. */
  size: number;
  /** A `/` in front of its name, or of its hard link's target, was taken away. */
  absolute: boolean;
  /** What tar programs read differently, a short sentence each. */
  doubts: readonly string[];
  /** The same about its owner, for whoever restores it. */
  ownerDoubts: readonly string[];
}

/** What the extended headers in front of a member say. */
export interface Extended {
  /** The last pax header; one before it does not count. */
  pax: PaxHeader | undefined;
  /** GNU long names, `L` and `K`. */
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
  /** They came before the pax header: bsdtar lets what comes first win. */
  longNameFirst: boolean;
  longLinkFirst: boolean;
  doubts: Doubts;
}

export const NO_PAX: PaxHeader = Object.freeze({});
export const NO_DOUBTS: readonly string[] = Object.freeze([]);

export function damaged(offset: number, why: string): ZnipError {
  return new ZnipError('damaged-block', `tar stream at byte ${offset}: ${why}`, { offset });
}

/** What a type flag comes to. Kinds that no entry has are null. */
interface Type {
  kind: number | null;
  /** Whether data follows whenever the size says so. */
  data: boolean;
}

const FILE: Type = { kind: KIND.file, data: true };
const NO_KIND: Type = { kind: null, data: false };

/** What a sparse file of a pax header is called in reports: by its own flag it is a file like any other. */
const SPARSE_FLAG = 'S';

/** Types that mean the same to all; others are files to POSIX, and with that to most programs. */
const TYPES: Record<string, Type> = {
  '0': FILE,
  '\0': FILE,
  '7': FILE,
  '1': { kind: KIND.hardlink, data: false },
  '2': { kind: KIND.symlink, data: false },
  '3': NO_KIND,
  '4': NO_KIND,
  '5': { kind: KIND.directory, data: false },
  '6': NO_KIND,
  // A directory of an incremental dump, whose data is the list of its names.
  D: { kind: KIND.directory, data: true },
  // Sparse files, volume labels, and the rest of a file from another volume.
  S: { kind: null, data: true },
  V: { kind: null, data: true },
  M: { kind: null, data: true },
};

/** In old archives, and of some programs, the slash alone tells a directory. */
const FILE_TYPES = '0\x007';

const DIRECTORY_BY_NAME: Type = { kind: KIND.directory, data: false };

/** Where headers of a member are, for `describe`. */
export interface Place {
  bytes: Buffer;
  /** The header itself, behind the extended ones. */
  at: number;
  headerLength: number;
  /** Its place in the tar stream, for messages. */
  where: number;
  /** `bytes` does not get longer: the data of a member that has none begins in it, or nowhere. */
  isWhole: boolean;
}

/**
 * The member of a header and what stands before it, `globals` included. undefined when the record behind the header
 * is needed, and is not there yet.
 */
export function describe(
  { bytes, at, headerLength, where, isWhole }: Place,
  headerSize: number,
  extended: Extended | undefined,
  globals: PaxHeader,
): TarMember | undefined {
  // 156: typeflag
  const typeFlag = String.fromCharCode(bytes[at + 156] ?? 0);
  const facts = new Facts(bytes, at, extended, globals);
  const name = facts.name();
  const type = facts.type(typeFlag, name);
  const { kind } = type;
  const stated = facts.size(headerSize, where);
  let size = 0;
  if (type.data) {
    size = stated;
    if (typeFlag === 'V' && size > 0) facts.doubt('it is a volume label with data');
    if (kind === KIND.file) facts.checkSize();
  } else if (stated > 0) {
    const follows = facts.dataBehind(at + TAR_RECORD, isWhole);
    if (follows === undefined) return undefined;
    facts.checkSizeOfNone(
      type === DIRECTORY_BY_NAME ? '5' : typeFlag,
      stated,
      follows,
      type !== DIRECTORY_BY_NAME,
    );
    if (follows) size = stated;
  }
  const path = normalPath(name);
  const isLink = kind === KIND.hardlink || kind === KIND.symlink;
  const target = isLink ? facts.linkTarget() : '';
  const linkTarget = kind === KIND.hardlink ? normalPath(target) : target;
  const isNameless = path === '' && kind !== KIND.directory;
  if (isNameless) facts.doubt('it has no name');
  if (isLink && linkTarget === '') facts.doubt('it is a link without a target');
  if (kind === null || facts.isSparse || isNameless || (isLink && linkTarget === '')) {
    if (typeFlag === 'M') facts.doubt('it is the rest of a file from another volume');
    const shownFlag = facts.isSparse ? SPARSE_FLAG : typeFlag;
    return {
      member: null,
      path,
      typeFlag: shownFlag,
      headerLength,
      size,
      absolute: isAbsolute(name),
      ...facts.found(),
    };
  }
  const member: Member = {
    path,
    kind,
    mode: facts.mode(),
    mtime: facts.time(),
    size: kind === KIND.file ? size : 0,
    linkTarget,
    uid: facts.id('uid', 108),
    gid: facts.id('gid', 116),
    uname: facts.ownerName('uname', 265),
    gname: facts.ownerName('gname', 297),
  };
  const absolute = isAbsolute(name) || (kind === KIND.hardlink && isAbsolute(target));
  return { member, path, typeFlag, headerLength, size, absolute, ...facts.found() };
}

function isAbsolute(name: ByteString): boolean {
  return name.charCodeAt(0) === 0x2f;
}

const NOTHING_FOUND = { doubts: NO_DOUBTS, ownerDoubts: NO_DOUBTS };

/** The header's fields, each with what stands above it: its own pax header, then the global ones. */
class Facts {
  private readonly bytes: Buffer;
  private readonly at: number;
  private readonly extended: Extended | undefined;
  private readonly pax: PaxHeader;
  private readonly globals: PaxHeader;
  /** Made when there is something to say: nearly always there is not. */
  private doubts: Doubts | undefined;

  constructor(bytes: Buffer, at: number, extended: Extended | undefined, globals: PaxHeader) {
    this.bytes = bytes;
    this.at = at;
    this.extended = extended;
    this.pax = extended?.pax ?? NO_PAX;
    this.globals = globals;
    this.doubts = extended?.doubts;
  }

  doubt(doubt: string): void {
    (this.doubts ??= new Doubts()).add(doubt);
  }

  found(): Pick<TarMember, 'doubts' | 'ownerDoubts'> {
    const { doubts } = this;
    return doubts === undefined ? NOTHING_FOUND : { doubts: doubts.list, ownerDoubts: doubts.owner };
  }

  /** As the headers have it, with the slash of a directory. */
  name(): ByteString {
    const { pax, extended } = this;
    const stated = pax.sparseName ?? pax.path;
    if (extended?.longName !== undefined && extended.longNameFirst && differs(extended.longName, stated)) {
      this.doubt('a GNU long name stands before a pax header that has another name');
    }
    return stated ?? this.global('path') ?? extended?.longName ?? this.ownName();
  }

  private ownName(): ByteString {
    const { bytes, at } = this;
    // 0: name, 345: prefix
    const name = readText(bytes, at, 100);
    if (bytes[at + 345] === 0) return name;
    const magic = readMagic(bytes, at);
    if (magic === 'other') this.doubt('it has a prefix under a magic that is none of ustar');
    return magic === 'posix' ? `${readText(bytes, at + 345, 155)}/${name}` : name;
  }

  linkTarget(): ByteString {
    const { pax, extended, bytes, at } = this;
    const stated = pax.linkPath;
    if (extended?.longLink !== undefined && extended.longLinkFirst && differs(extended.longLink, stated)) {
      this.doubt('a GNU long link target stands before a pax header that has another');
    }
    // 157: linkname
    return stated ?? this.global('linkPath') ?? extended?.longLink ?? readText(bytes, at + 157, 100);
  }

  type(typeFlag: string, name: ByteString): Type {
    const known = TYPES[typeFlag];
    const slash = name.endsWith('/');
    if (known === undefined) {
      this.doubt(`its type '${typeFlag}' is none that all programs know: it is read as that of a file`);
      return FILE;
    }
    if (slash && FILE_TYPES.includes(typeFlag)) return DIRECTORY_BY_NAME;
    if (known === FILE && name.endsWith('/.')) this.doubt("it is a file whose name ends in '/.'");
    return known;
  }

  get isSparse(): boolean {
    return this.pax.sparse === true || this.globals.sparse === true;
  }

  /** Bytes of data by the headers. Throws `damaged-block` for a size that cannot be. */
  size(headerSize: number, where: number): number {
    const size = this.pax.size ?? this.globals.size ?? headerSize;
    if (size < 0) throw damaged(where, 'size is negative');
    if (!Number.isSafeInteger(size)) throw damaged(where, 'size is too large');
    return size;
  }

  checkSize(): void {
    if (this.pax.size === undefined) this.global('size');
  }

  /** Whether what stands behind a member that has no data is data after all; undefined where that is not there. */
  dataBehind(at: number, isWhole: boolean): boolean | undefined {
    if (at + TAR_RECORD <= this.bytes.length) return !isHeader(this.bytes, at);
    return isWhole ? false : undefined;
  }

  /**
   * All programs pass over what the header of a directory, a symlink or a device states, and take what follows for
   * a header; a pax record counts for some, but where only the name tells a directory, and data of hard links for
   * others.
   */
  checkSizeOfNone(typeFlag: string, stated: number, follows: boolean, paxCounts: boolean): void {
    const byPax = paxCounts && (this.pax.size !== undefined || this.globals.size !== undefined);
    if (!byPax && !follows && typeFlag !== '1') return;
    this.doubt(`it states ${stated} bytes of data, which a member of type '${typeFlag}' has not`);
  }

  mode(): number {
    // 100: mode, 8 bytes
    return (this.number(100, 8, 'mode') & MODE_MASK) >>> 0;
  }

  time(): bigint {
    const stated = this.pax.mtime ?? this.global('mtime');
    // 136: mtime, 12 bytes
    const time = stated ?? nanoseconds(this.number(136, 12, 'time'));
    const held = clampTime(time);
    if (held !== time) this.doubt('its time is beyond the years 1677 to 2262: the nearest one is taken');
    return held;
  }

  /** An owner as an entry can hold it; null for what is none. */
  id(keyword: 'uid' | 'gid', offset: number): number | null {
    const stated = this.pax[keyword] ?? this.globals[keyword];
    if (this.pax[keyword] !== undefined) return this.pax[keyword] ?? null;
    if (stated !== undefined) {
      (this.doubts ??= new Doubts()).addOwner(passedOver(keyword));
      return stated;
    }
    const value = readNumber(this.bytes, this.at + offset, 8);
    if (value >= 0 && value <= MAX_ID) return value;
    (this.doubts ??= new Doubts()).addOwner(`its ${keyword} is no owner`);
    return null;
  }

  /** Tar programs prefer the names to the numbers, where there are such users. Plain v7 has none. */
  ownerName(keyword: 'uname' | 'gname', offset: number): ByteString | undefined {
    const own = this.pax[keyword];
    if (own !== undefined) return own === '' ? undefined : own;
    const stated = this.globals[keyword];
    if (stated !== undefined) (this.doubts ??= new Doubts()).addOwner(passedOver(keyword));
    if (stated !== undefined) return stated === '' ? undefined : stated;
    if (this.bytes[this.at + offset] === 0 || readMagic(this.bytes, this.at) === 'none') return undefined;
    return NAME_CACHE[keyword].read(this.bytes, this.at + offset);
  }

  private number(offset: number, length: number, what: string): number {
    const value = readNumber(this.bytes, this.at + offset, length);
    if (!Number.isNaN(value)) return value;
    this.doubt(`its ${what} is no octal number`);
    return guessNumber(this.bytes, this.at + offset, length);
  }

  /** What a global header says: for all members to POSIX and GNU tar, for none to bsdtar. */
  private global<K extends keyof PaxHeader>(keyword: K): PaxHeader[K] {
    const value = this.globals[keyword];
    if (value !== undefined) this.doubt(passedOver(keyword));
    return value;
  }
}

/** 32 bytes that are mostly the same as in the header before: no text is made anew for these. */
class OwnerNames {
  private readonly last = Buffer.alloc(OWNER_NAME_LENGTH);
  private text: ByteString = '';

  read(bytes: Buffer, at: number): ByteString {
    if (bytes.compare(this.last, 0, OWNER_NAME_LENGTH, at, at + OWNER_NAME_LENGTH) !== 0) {
      bytes.copy(this.last, 0, at, at + OWNER_NAME_LENGTH);
      this.text = readText(bytes, at, OWNER_NAME_LENGTH);
    }
    return this.text;
  }
}

const OWNER_NAME_LENGTH = 32;
const NAME_CACHE = { uname: new OwnerNames(), gname: new OwnerNames() };

function passedOver(keyword: string): string {
  return `a global header states its '${keyword}', which some programs pass over`;
}

function differs(name: ByteString, stated: ByteString | undefined): boolean {
  return stated !== undefined && stated !== name;
}

/** The greatest owner that is one: (uid_t)-1 means none. */
const MAX_ID = 0xfffffffe;

function nanoseconds(seconds: number): bigint {
  return BigInt(seconds) * NANOSECONDS;
}
