/**
 * What can be wrong with an archive. There is one stable code for each kind of damage, described in docs/verify.md.
 */
import { toPlainError, type ZnipErrorCode } from '../errors.ts';

/** Every code and its meaning. */
export const DAMAGE = {
  truncated: 'the archive is cut off before its end',
  'damaged-prologue': 'the first nine bytes are not those of an archive',
  'damaged-block-header': 'a block header is not whole, or other bytes are in its place',
  'missing-block': 'a block starts at a later byte of the tar stream than the block before it ends at',
  'damaged-blob': 'a blob does not have the hash that is recorded for it, or does not decompress',
  'damaged-tar': 'a chunk is exactly what was packed, but its tar headers cannot be followed',
  'wrong-block-header': 'a block header says something wrong about its chunk',
  'damaged-footer': 'the footer is not whole, or belongs to an archive of another length',
  'damaged-manifest': 'the manifest does not have the hash in the footer, or is not a manifest',
  'damaged-sub-index': 'a sub-index does not have the hash in the manifest, or is not a sub-index',
  'damaged-frame-table':
    'a frame table does not match the manifest, is not a table, or does not cover each byte of the tar stream once',
  'wrong-frame-table': 'the frame table does not describe the blocks as they are',
  'wrong-manifest': 'the manifest says something wrong about a section',
  'misplaced-section': 'sections overlap, or bytes between them belong to nothing',
  'damaged-content': "a member's content does not have the hash in the index",
  'member-not-in-index': 'a member is in the tar stream but not in the index',
  'member-not-in-tar': 'a member is in the index but not in the tar stream',
  'name-mismatch': 'index and tar header have different names for a member',
  'kind-mismatch': 'index and tar header have different kinds for a member',
  'size-mismatch': 'index and tar header have different sizes for a member',
  'mode-mismatch': 'index and tar header have different modes for a member',
  'mtime-mismatch': 'index and tar header have different times for a member, in whole seconds',
  'xattr-mismatch': 'index and tar header have different extended attributes for a member',
  'link-mismatch': 'index and tar header have different link targets for a member',
  'owner-mismatch': 'index and tar header have different owners for a member',
  'unsafe-path': 'a name that znip never unpacks',
  'unsafe-link': 'a hard link that znip never unpacks',
  'root-mismatch': 'the root hash, or the content root, is not the expected one',
} as const;

/** What kind of damage: a key of `DAMAGE`. */
export type DamageCode = keyof typeof DAMAGE;

/** Something that is wrong with an archive. */
export interface Damage {
  /** What kind of damage. */
  code: DamageCode;
  /** One sentence that names the place. */
  message: string;
  /** Names of the affected members, as text, as far as they are known. */
  members: string[];
  /** Number of the blob, from 0; null if the damage is not in a blob. */
  blob: number | null;
  /** Archive byte; null if the damage has no place in the archive. */
  offset: number | null;
}

/** More damage is only counted, not kept: an archive may be damaged everywhere. */
export const MAX_KEPT = 100_000;

/** Everything that was found wrong. */
export class DamageList {
  readonly kept: Damage[] = [];
  count = 0;

  add(code: DamageCode, message: string, place: Partial<Omit<Damage, 'code' | 'message'>> = {}): Damage {
    const { members = [], blob = null, offset = null } = place;
    const damage: Damage = { code, message, members, blob, offset };
    this.count += 1;
    if (this.kept.length < MAX_KEPT) this.kept.push(damage);
    return damage;
  }

  /** Adds a reader's error as damage. Throws it again if it is about the machine and not about the archive. */
  addError(error: unknown, codes: Partial<Record<ZnipErrorCode, DamageCode>>): Damage {
    const { code, message, context } = toPlainError(error);
    const damageCode = codes[code] ?? (code in DAMAGE ? (code as DamageCode) : undefined);
    if (damageCode === undefined) throw error;
    const { member, blob = null, offset = null } = context;
    return this.add(damageCode, message, { members: member === undefined ? [] : [member], blob, offset });
  }
}
