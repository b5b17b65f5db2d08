/**
 * What the headers of a member mean together. This is the one place that decides it, for every way of reading. The
 * meaning is what POSIX, GNU tar and bsdtar agree on. Where they do not agree, it is one of their readings, and a doubt
 * says so. Implements the tables of docs/format.md, "Tar streams of others".
 */
import type { ByteString } from '../values/byte-string.ts';
import { TAR_RECORD } from '../values/constants.ts';
import { KIND, type Member } from '../values/entry.ts';
import { normalPath } from '../values/member-path.ts';
import { Facts } from './facts.ts';
import type { PaxHeader } from './pax-records.ts';
import type { Extended, SparseFile, TarMember } from './tar-member.ts';
import { DIRECTORY_BY_NAME, SPARSE_FLAG } from './types.ts';

/** Where the headers of a member are, for `describe`. */
export interface Place {
  bytes: Buffer;
  /** The header itself, after the extended ones. */
  at: number;
  headerLength: number;
  /** Its place in the tar stream, for messages. */
  where: number;
  /** `bytes` does not grow. If a member without data has data after all, the data begins in `bytes`. */
  isWhole: boolean;
}

/**
 * The member of a header and of the headers before it, including `globals`. undefined if the record after the header is
 * needed and has not arrived.
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
    return {
      member: null,
      path,
      typeFlag: facts.isSparse ? SPARSE_FLAG : typeFlag,
      sparse: isNameless ? undefined : sparseFile(facts, path, typeFlag, kind),
      headerLength,
      size,
      absolute: isAbsolute(name),
      ...facts.found(),
    };
  }
  const member = memberOf(facts, { path, kind, size: kind === KIND.file ? size : 0, linkTarget });
  const absolute = isAbsolute(name) || (kind === KIND.hardlink && isAbsolute(target));
  return { member, path, typeFlag, headerLength, size, absolute, ...facts.found() };
}

function memberOf(facts: Facts, known: Pick<Member, 'path' | 'kind' | 'size' | 'linkTarget'>): Member {
  const { path, kind, size, linkTarget } = known;
  return {
    path,
    kind,
    mode: facts.mode(),
    mtime: facts.time(),
    size,
    linkTarget,
    uid: facts.id('uid', 108),
    gid: facts.id('gid', 116),
    uname: facts.ownerName('uname', 265),
    gname: facts.ownerName('gname', 297),
    xattrs: kind === KIND.hardlink ? undefined : facts.xattrs(),
  };
}

/** A sparse file by its type, or a file whose own records have a map; undefined for anything else with such records. */
function sparseFile(
  facts: Facts,
  path: ByteString,
  typeFlag: string,
  kind: number | null,
): SparseFile | undefined {
  const records = typeFlag === SPARSE_FLAG ? null : facts.sparseRecords;
  if (records === undefined || (records !== null && kind !== KIND.file)) return undefined;
  return { file: memberOf(facts, { path, kind: KIND.file, size: 0, linkTarget: '' }), records };
}

function isAbsolute(name: ByteString): boolean {
  return name.charCodeAt(0) === 0x2f;
}
