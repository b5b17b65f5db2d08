/**
 * Remarks: what the index cannot say about members of the tar stream. A reader that uses only the index learns from
 * them what the index lacks, and what other programs read differently. Implements docs/format.md, "Remarks".
 */
import { displayName } from './tables/shown-name.ts';
import {
  binaryColumn,
  BytesBuilder,
  type Column,
  dictionaryColumn,
  uint64Column,
  utf8Column,
} from './tables/table-columns.ts';
import { decodeTable } from './tables/table-reader.ts';
import type { TarMember } from './tar/tar-member.ts';
import { UNKNOWN_KINDS } from './tar/types.ts';
import { ATTRIBUTES, type PlainAttributes, weightyAttributes } from './values/attributes.ts';
import { fromText, isUtf8, type ByteString } from './values/byte-string.ts';

/**
 * What a remark is about: a member without an entry, a member with an entry, only its owner, or only notes in its
 * attributes.
 */
export const REMARK_KINDS = ['absent', 'differs', 'owner', 'attributes'] as const;
/**
 * What a remark says: the member is only in the tar stream, differs from its entry, has an owner in doubt, or has plain
 * extended attributes.
 */
export type RemarkKind = (typeof REMARK_KINDS)[number];

export interface Remark {
  about: RemarkKind;
  path: ByteString;
  /** Where its headers start: byte of the chunk; in a table, byte of the tar stream. */
  headerOffset: number;
  /** A sentence for people. */
  reason: string;
}

/** Reported only once in a run, as tar programs do. */
export const LEADING_SLASH = "'/' in front of its name, and of all that begin so, is taken away";

const NO_REMARKS: readonly Remark[] = Object.freeze([]);

/** The remarks about a member; nearly all members have none. */
export function remarksOf(item: TarMember, headerOffset: number): readonly Remark[] {
  const { member, path, typeFlag, doubts, ownerDoubts, attributes } = item;
  const isAbsent = member === null && (typeFlag !== 'g' || path !== '');
  const hasNone = attributes === ATTRIBUTES.none;
  if (!isAbsent && doubts.length === 0 && ownerDoubts.length === 0 && hasNone) return NO_REMARKS;
  // If the member itself is missing, nobody also misses its attributes.
  const missing = isAbsent || hasNone ? undefined : attributesReason(attributes);
  const isPlain = !isAbsent && !hasNone && missing === undefined;
  const reasons: string[] = [];
  if (isAbsent) {
    const what = UNKNOWN_KINDS[typeFlag];
    reasons.push(`in the tar stream only${what === undefined ? '' : `: the index does not know ${what}`}`);
  }
  if (doubts.length > 0) reasons.push(differently(doubts));
  if (missing !== undefined) reasons.push(missing);
  if (ownerDoubts.length > 0) reasons.push(ownerDifferently(ownerDoubts));
  const about = isAbsent ? 'absent' : doubts.length > 0 || missing !== undefined ? 'differs' : 'owner';
  const place = { path: nameOf(item), headerOffset };
  const remarks: Remark[] = [];
  if (reasons.length > 0) remarks.push({ about, ...place, reason: reasons.join('; ') });
  if (isPlain) remarks.push({ about: 'attributes', ...place, reason: streamOnly('extended attributes') });
  return remarks;
}

/** What a member has lost of what the stream has; undefined if nothing is missing that changes how a tree behaves. */
export function attributesReason(attributes: number): string | undefined {
  const what = weightyAttributes(attributes);
  return what === undefined ? undefined : streamOnly(what);
}

/** The line about all members that have lost only notes; undefined if there are none. */
export function plainReason({ plain, others }: PlainAttributes): string | undefined {
  return plain === 0 ? undefined : `${streamOnly('extended attributes')}${others}`;
}

/** Why a member lacks recorded attributes that nobody asked for; undefined if that does not change how a tree behaves. */
export function unaskedReason(meaning: number): string | undefined {
  const what = weightyAttributes(meaning);
  return what === undefined ? undefined : unasked(what);
}

/** The line about all members that lack only notes; undefined if there are none. */
export function unaskedPlainReason({ plain, others }: PlainAttributes): string | undefined {
  return plain === 0 ? undefined : `${unasked('extended attributes')}${others}`;
}

function unasked(what: string): string {
  return `unpacked without its ${what}, which \`xattrs\` restores`;
}

function streamOnly(what: string): string {
  return `in the tar stream only: its ${what}, which znip unpack does not restore`;
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

/** A member without a name is the top directory itself, or a global header without a member. */
export function nameOf({ path, typeFlag }: TarMember): ByteString {
  if (path !== '') return path;
  return typeFlag === 'g' ? 'pax_global_header' : '.';
}

const ATTRIBUTES_KIND = REMARK_KINDS.indexOf('attributes');

/** The columns of a table of remarks, in the order of the tar stream. */
export function remarkColumns(remarks: readonly Remark[]): Column[] {
  const paths = new BytesBuilder();
  const pathBytes = new BytesBuilder();
  const reasons = new BytesBuilder();
  for (const { path, reason } of remarks) {
    paths.append(displayName(path));
    pathBytes.append(isUtf8(path) ? null : path);
    reasons.append(fromText(reason));
  }
  const kinds = Uint8Array.from(remarks, ({ about }) => REMARK_KINDS.indexOf(about));
  // Few archives have such remarks. The others have no word for them in the dictionary.
  const words = kinds.includes(ATTRIBUTES_KIND) ? REMARK_KINDS : REMARK_KINDS.slice(0, ATTRIBUTES_KIND);
  return [
    dictionaryColumn('about', words, kinds),
    utf8Column('path', paths),
    uint64Column(
      'stream_offset',
      Float64Array.from(remarks, ({ headerOffset }) => headerOffset),
    ),
    utf8Column('reason', reasons),
    binaryColumn('path_bytes', pathBytes),
  ];
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
