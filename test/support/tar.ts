/**
 * Tar streams made by hand: what no program would write, and what only some do.
 */

export interface HandmadeMember {
  /** Text, or the bytes themselves where they are not UTF-8. */
  name: string | Buffer;
  /** Default: a file, '0'. */
  typeFlag?: string;
  content?: Buffer | string;
  /** Stated in the header; default: the length of the content. */
  size?: number;
  linkName?: string;
  mode?: number;
  uid?: number;
  /** Seconds, or the twelve bytes of the field. */
  mtime?: number | Buffer;
  prefix?: string;
  /** Magic and version. Default: those of POSIX; '' is what tar of Unix version 7 wrote. */
  magic?: string;
  /** Bytes from 0x80 on count as negative in the checksum, as some old programs had it. */
  signedChecksum?: boolean;
  /** Bytes of the header by offset, whatever belongs there; the checksum is right all the same. */
  fields?: Record<number, string>;
  /** Records of a pax extended header before it. */
  pax?: Record<string, string>;
  /** Records of a pax global header before that. */
  globalPax?: Record<string, string>;
  /** Name and link target in members of their own before it, as GNU tar writes long ones. */
  gnuLong?: boolean;
}

const RECORD = 512;

export const END_OF_TAR = Buffer.alloc(2 * RECORD);

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((RECORD - (content.length % RECORD)) % RECORD)]);
}

/** The records of a pax header, each with its own length in front. */
export function paxRecords(records: Record<string, string>): Buffer {
  return Buffer.concat(
    Object.entries(records).map(([keyword, value]) => {
      const rest = Buffer.from(` ${keyword}=${value}\n`);
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length += 1;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );
}

function header(member: HandmadeMember, size: number): Buffer {
  const {
    name,
    typeFlag = '0',
    linkName = '',
    mode = 0o644,
    uid = 0,
    mtime = 1_600_000_000,
    prefix = '',
    magic = 'ustar\x0000',
    signedChecksum = false,
  } = member;
  const record = Buffer.alloc(RECORD);
  const octal = (value: number, at: number, digits: number): void => {
    record.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  };
  Buffer.from(name).copy(record, 0, 0, 100);
  octal(mode, 100, 7);
  octal(uid, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  if (typeof mtime === 'number') octal(mtime, 136, 11);
  else mtime.copy(record, 136, 0, 12);
  record.write('        ', 148, 'latin1');
  record.write(typeFlag, 156, 'latin1');
  record.write(linkName, 157, 100);
  record.write(magic, 257, 'latin1');
  record.write(prefix, 345, 155);
  for (const [offset, bytes] of Object.entries(member.fields ?? {}))
    record.write(bytes, Number(offset), 'latin1');
  let sum = 0;
  for (const byte of record) sum += signedChecksum && byte > 127 ? byte - 256 : byte;
  record.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return record;
}

/** A member of an extension header, before the one that it is about. */
function extension(typeFlag: string, name: string, content: Buffer, magic?: string): Buffer[] {
  const fields = { name, typeFlag, ...(magic === undefined ? {} : { magic }) };
  return [header(fields, content.length), padded(content)];
}

/** Magic and version of GNU tar. */
const GNU_MAGIC = 'ustar  \0';

/** A twelve-byte field in base 256, as GNU tar writes what octal digits cannot say. */
export function base256(value: bigint): Buffer {
  const field = Buffer.alloc(12);
  field.writeBigInt64BE(value, 4);
  field.fill(value < 0n ? 0xff : 0, 0, 4);
  field[0] = value < 0n ? 0xff : 0x80;
  return field;
}

function terminated(text: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(text), Buffer.alloc(1)]);
}

/** One member: its headers and its padded content. */
export function tarMember(member: HandmadeMember): Buffer {
  const content = Buffer.from(member.content ?? '');
  const { globalPax, pax, gnuLong = false, linkName = '' } = member;
  const before: Buffer[] = [];
  if (globalPax !== undefined) before.push(...extension('g', 'pax_global_header', paxRecords(globalPax)));
  if (gnuLong) {
    before.push(...extension('L', '././@LongLink', terminated(member.name), GNU_MAGIC));
    if (linkName !== '') before.push(...extension('K', '././@LongLink', terminated(linkName), GNU_MAGIC));
  }
  if (pax !== undefined) before.push(...extension('x', 'PaxHeaders/x', paxRecords(pax)));
  const own = gnuLong ? { ...member, magic: GNU_MAGIC } : member;
  return Buffer.concat([...before, header(own, member.size ?? content.length), padded(content)]);
}

/** A tar stream of these members, with its end. */
export function tarStream(...members: HandmadeMember[]): Buffer {
  return Buffer.concat([...members.map(tarMember), END_OF_TAR]);
}
