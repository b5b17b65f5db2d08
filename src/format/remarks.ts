/**
 * Remarks: what the index of an archive cannot say of members of its tar stream. Who reads it by the index alone
 * learns from them what is not there, and what other programs read differently.
 * Implements docs/format.md, "Remarks".
 */
import { displayName } from './tables/shown-name.ts';
import { decodeTable } from './tables/table-reader.ts';
import {
  binaryColumn,
  BytesBuilder,
  dictionaryColumn,
  encodeTable,
  uint64Column,
  utf8Column,
} from './tables/table-writer.ts';
import type { TarMember } from './tar/tar-member.ts';
import { UNKNOWN_KINDS } from './tar/types.ts';
import { fromText, isUtf8, type ByteString } from './values/byte-string.ts';

/** What a remark is about: a member that has no entry, one that has, or only its owner. */
export const REMARK_KINDS = ['absent', 'differs', 'owner'] as const;
/** What is to be said of a member: it is in the tar stream only, differs from its entry, or has an owner in doubt. */
export type RemarkKind = (typeof REMARK_KINDS)[number];

export interface Remark {
  about: RemarkKind;
  path: ByteString;
  /** Where its headers start: byte of the chunk, or of the tar stream in a table. */
  headerOffset: number;
  /** A sentence for people. */
  reason: string;
}

/** Said once in a run: tar programs do the same. */
export const LEADING_SLASH = "'/' in front of its name, and of all that begin so, is taken away";

/** What is to be said of a member; undefined for nearly all. */
export function remarkOf(item: TarMember, headerOffset: number): Remark | undefined {
  const { member, path, typeFlag, doubts, ownerDoubts } = item;
  const isAbsent = member === null && (typeFlag !== 'g' || path !== '');
  if (!isAbsent && doubts.length === 0 && ownerDoubts.length === 0) return undefined;
  const reasons: string[] = [];
  if (isAbsent) {
    const what = UNKNOWN_KINDS[typeFlag];
    reasons.push(`in the tar stream only${what === undefined ? '' : `: the index does not know ${what}`}`);
  }
  if (doubts.length > 0) reasons.push(differently(doubts));
  if (ownerDoubts.length > 0) reasons.push(ownerDifferently(ownerDoubts));
  const about = isAbsent ? 'absent' : doubts.length > 0 ? 'differs' : 'owner';
  return { about, path: nameOf(item), headerOffset, reason: reasons.join('; ') };
}

/** Why a member of a stream is not unpacked. */
export function skippedReason(typeFlag: string): string {
  const what = UNKNOWN_KINDS[typeFlag];
  return `skipped: ${what === undefined ? 'it has no name, or no target' : `znip does not unpack ${what}`}`;
}

export function differently(doubts: readonly string[]): string {
  return `tar programs read it differently: ${doubts.join('; ')}`;
}

export function ownerDifferently(doubts: readonly string[]): string {
  return `tar programs read its owner differently: ${doubts.join('; ')}`;
}

/** What is without a name is the top itself, or a global header that is about no member. */
export function nameOf({ path, typeFlag }: TarMember): ByteString {
  if (path !== '') return path;
  return typeFlag === 'g' ? 'pax_global_header' : '.';
}

/** Remarks in the order of the tar stream, as an Arrow table. */
export function encodeRemarks(remarks: readonly Remark[], metadata: ReadonlyMap<string, string>): Uint8Array {
  const paths = new BytesBuilder();
  const pathBytes = new BytesBuilder();
  const reasons = new BytesBuilder();
  for (const { path, reason } of remarks) {
    paths.append(displayName(path));
    pathBytes.append(isUtf8(path) ? null : path);
    reasons.append(fromText(reason));
  }
  const kinds = Uint8Array.from(remarks, ({ about }) => REMARK_KINDS.indexOf(about));
  return encodeTable(
    [
      dictionaryColumn('about', REMARK_KINDS, kinds),
      utf8Column('path', paths),
      uint64Column(
        'stream_offset',
        Float64Array.from(remarks, ({ headerOffset }) => headerOffset),
      ),
      utf8Column('reason', reasons),
      binaryColumn('path_bytes', pathBytes),
    ],
    metadata,
  );
}

/** Reads an Arrow stream of remarks. Throws `damaged-sub-index`. */
export function decodeRemarks(stream: Uint8Array): Remark[] {
  const remarks: Remark[] = [];
  for (const batch of decodeTable(stream, 'damaged-sub-index', 'a table of remarks').batches) {
    const kinds = batch.dictionary('about', REMARK_KINDS);
    const paths = batch.utf8('path');
    const pathBytes = batch.has('path_bytes') ? batch.binary('path_bytes') : undefined;
    const offsets = batch.uint64('stream_offset');
    const reasons = batch.utf8('reason');
    for (let row = 0; row < batch.length; row++) {
      remarks.push({
        about: REMARK_KINDS[kinds[row] ?? 0] ?? 'differs',
        path: pathBytes === undefined || pathBytes.isNull(row) ? paths.get(row) : pathBytes.get(row),
        headerOffset: offsets[row] ?? 0,
        reason: reasons.text(row),
      });
    }
  }
  return remarks;
}
