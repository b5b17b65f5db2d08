/**
 * The facts of one header, each with the extended headers that overrule it: the member's own pax header, then GNU long
 * names and global headers. It notes where tar programs do not read the same. POSIX.1-2017, pax, "pax Interchange
 * Format".
 */
import { ATTRIBUTES } from '../values/attributes.ts';
import type { ByteString } from '../values/byte-string.ts';
import { TAR_RECORD } from '../values/constants.ts';
import { clampTime, MODE_MASK, NANOSECONDS } from '../values/entry.ts';
import { encodeXattrs, meaningOfXattrs } from '../values/xattrs.ts';
import { Doubts, type PaxHeader } from './pax-records.ts';
import { guessNumber, isHeader, readMagic, readNumber, readText } from './record.ts';
import type { SparseRecords } from './sparse.ts';
import { damaged, type Extended, NO_DOUBTS, NO_PAX, type TarMember } from './tar-member.ts';
import { DIRECTORY_BY_NAME, FILE, FILE_TYPES, type Type, TYPES } from './types.ts';

const NOTHING_FOUND = { doubts: NO_DOUBTS, ownerDoubts: NO_DOUBTS, attributes: ATTRIBUTES.none };

/** The fields of the header. The member's own pax header overrules each of them, and so do global ones. */
export class Facts {
  private readonly bytes: Buffer;
  private readonly at: number;
  private readonly extended: Extended | undefined;
  private readonly pax: PaxHeader;
  private readonly globals: PaxHeader;
  /** Made only if there is something to say, which is rare. */
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

  found(): Pick<TarMember, 'doubts' | 'ownerDoubts' | 'attributes'> {
    const { doubts, pax, globals } = this;
    const ofAll = globals.xattrs === undefined ? ATTRIBUTES.none : meaningOfXattrs(globals.xattrs);
    const attributes = (pax.attributes ?? ATTRIBUTES.none) | (globals.attributes ?? ATTRIBUTES.none) | ofAll;
    if (doubts === undefined && attributes === ATTRIBUTES.none) return NOTHING_FOUND;
    return { doubts: doubts?.list ?? NO_DOUBTS, ownerDoubts: doubts?.owner ?? NO_DOUBTS, attributes };
  }

  /** The name as in the headers, with the slash of a directory. */
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
    return this.pax.sparse !== undefined || this.globals.sparse !== undefined;
  }

  /** What the member's own records say about a map. */
  get sparseRecords(): SparseRecords | undefined {
    return this.pax.sparse;
  }

  /** Bytes of data, by the headers. Throws `damaged-block` for an impossible size. */
  size(headerSize: number, where: number): number {
    const size = this.pax.size ?? this.globals.size ?? headerSize;
    if (size < 0) throw damaged(where, 'size is negative');
    if (!Number.isSafeInteger(size)) throw damaged(where, 'size is too large');
    return size;
  }

  checkSize(): void {
    if (this.pax.size === undefined) this.global('size');
  }

  /** Whether there is data after a member that should have none; undefined if those bytes have not arrived. */
  dataBehind(at: number, isWhole: boolean): boolean | undefined {
    if (at + TAR_RECORD <= this.bytes.length) return !isHeader(this.bytes, at);
    return isWhole ? false : undefined;
  }

  /**
   * For a directory, symlink or device, all programs ignore the size in the header and read the next record as a
   * header. There are exceptions: some programs use the size of a pax record, unless only the name says that it is a
   * directory; others read data of hard links.
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

  /** An owner in the form of an entry; null if the number is not a valid owner. */
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

  /** Tar programs prefer the names to the numbers, if such users exist. Plain v7 has no names. */
  ownerName(keyword: 'uname' | 'gname', offset: number): ByteString | undefined {
    const own = this.pax[keyword];
    if (own !== undefined) return own === '' ? undefined : own;
    const stated = this.globals[keyword];
    if (stated !== undefined) (this.doubts ??= new Doubts()).addOwner(passedOver(keyword));
    if (stated !== undefined) return stated === '' ? undefined : stated;
    if (this.bytes[this.at + offset] === 0 || readMagic(this.bytes, this.at) === 'none') return undefined;
    return NAME_CACHE[keyword].read(this.bytes, this.at + offset);
  }

  /** The member's own: a global header's are not restored by every program. */
  xattrs(): ByteString | undefined {
    return this.pax.xattrs === undefined ? undefined : encodeXattrs(this.pax.xattrs);
  }

  private number(offset: number, length: number, what: string): number {
    const value = readNumber(this.bytes, this.at + offset, length);
    if (!Number.isNaN(value)) return value;
    this.doubt(`its ${what} is no octal number`);
    return guessNumber(this.bytes, this.at + offset, length);
  }

  /** What a global header says. POSIX and GNU tar use it for all members, bsdtar for none. */
  private global<K extends keyof PaxHeader>(keyword: K): PaxHeader[K] {
    const value = this.globals[keyword];
    if (value !== undefined) this.doubt(passedOver(keyword));
    return value;
  }
}

/** Mostly, these 32 bytes are the same as in the header before. Then the text is not made again. */
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

/** The greatest valid owner: (uid_t)-1 means none. */
const MAX_ID = 0xfffffffe;

function nanoseconds(seconds: number): bigint {
  return BigInt(seconds) * NANOSECONDS;
}
