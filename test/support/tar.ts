/**
 * Tar streams made by hand: what no program would write, and what only some do.
 */

export interface HandmadeMember {
  name: string;
  /** Default: a file, '0'. */
  typeFlag?: string;
  content?: Buffer | string;
  /** Stated in the header; default: the length of the content. */
  size?: number;
  linkName?: string;
  mode?: number;
  uid?: number;
  mtime?: number;
  prefix?: string;
  /** Bytes of the header by offset, whatever belongs there; the checksum is right all the same. */
  fields?: Record<number, string>;
  /** Records of a pax extended header before it. */
  pax?: Record<string, string>;
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
  } = member;
  const record = Buffer.alloc(RECORD);
  const octal = (value: number, at: number, digits: number): void => {
    record.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  };
  record.write(name, 0, 100);
  octal(mode, 100, 7);
  octal(uid, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(mtime, 136, 11);
  record.write('        ', 148, 'latin1');
  record.write(typeFlag, 156, 'latin1');
  record.write(linkName, 157, 100);
  record.write('ustar\x0000', 257, 'latin1');
  record.write(prefix, 345, 155);
  for (const [offset, bytes] of Object.entries(member.fields ?? {}))
    record.write(bytes, Number(offset), 'latin1');
  let sum = 0;
  for (const byte of record) sum += byte;
  record.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return record;
}

/** One member: its headers and its padded content. */
export function tarMember(member: HandmadeMember): Buffer {
  const content = Buffer.from(member.content ?? '');
  const records = member.pax === undefined ? undefined : paxRecords(member.pax);
  const pax =
    records === undefined
      ? []
      : [header({ name: 'PaxHeaders/x', typeFlag: 'x' }, records.length), padded(records)];
  return Buffer.concat([...pax, header(member, member.size ?? content.length), padded(content)]);
}

/** A tar stream of these members, with its end. */
export function tarStream(...members: HandmadeMember[]): Buffer {
  return Buffer.concat([...members.map(tarMember), END_OF_TAR]);
}
