/**
 * What can be wrong with an archive. There is one stable code for each kind of damage, described in docs/verify.md.
 */
import { toPlainError, type ZnipErrorCode } from '../errors.ts';

/** Every code, and its meaning. */
export const DAMAGE = {
  truncated: 'the archive ends before its end',
  'damaged-prologue': 'the first nine bytes are not those of an archive',
  'damaged-block-header': 'a block header is not whole, or there are other bytes where one belongs',
  'missing-block': 'the tar stream goes on at a later byte than the block before ends at',
  'damaged-blob': 'a blob does not decompress to the chunk with the hash that is stated for it',
  'damaged-tar': 'a chunk is what was packed, but its tar headers cannot be followed',
  'wrong-block-header': 'a block header says of its chunk what is not so',
  'damaged-footer': 'the footer is not whole, or belongs to an archive of another length',
  'damaged-manifest': 'the manifest has not the hash in the footer, or is no manifest',
  'damaged-sub-index': 'a sub-index has not the hash in the manifest, or is none',
  'damaged-frame-table':
    'a frame table is not what the manifest says, is none, or does not tile the tar stream',
  'wrong-frame-table': 'the frame table does not describe the blocks as they are',
  'wrong-manifest': 'the manifest says of a section what is not so',
  'misplaced-section': 'sections overlap, or there are bytes between them that belong to nothing',
  'damaged-content': 'a content has not the hash in the index',
  'member-not-in-index': 'the tar stream has a member that the index has not',
  'member-not-in-tar': 'the index has a member that the tar stream has not',
  'name-mismatch': 'index and tar header have different names for a member',
  'kind-mismatch': 'index and tar header have different kinds for a member',
  'size-mismatch': 'index and tar header have different sizes for a member',
  'mode-mismatch': 'index and tar header have different modes for a member',
  'mtime-mismatch': 'index and tar header have different times for a member, in whole seconds',
  'link-mismatch': 'index and tar header have different link targets for a member',
  'owner-mismatch': 'index and tar header have different owners for a member',
  'unsafe-path': 'a name that is never unpacked',
  'unsafe-link': 'a hard link that is never unpacked',
  'root-mismatch': 'the root hash is not the expected one',
} as const;

/** What kind of damage: a key of `DAMAGE`. */
export type DamageCode = keyof typeof DAMAGE;

/** Something that is wrong with an archive. */
export interface Damage {
  /** What kind of damage. */
  code: DamageCode;
  /** One sentence, with the place. */
  message: string;
  /** Names of the affected members, as text, as far as they are known. */
  members: string[];
  /** Number of the blob, from 0; null if the damage is not in a blob. */
  blob: number | null;
  /** Archive byte; null if there is none. */
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

  /** Adds an error of a reader as damage. Throws errors that are about the machine and not about the archive. */
  addError(error: unknown, codes: Partial<Record<ZnipErrorCode, DamageCode>>): Damage {
    const { code, message, context } = toPlainError(error);
    const damageCode = codes[code] ?? (code in DAMAGE ? (code as DamageCode) : undefined);
    if (damageCode === undefined) throw error;
    const { member, blob = null, offset = null } = context;
    return this.add(damageCode, message, { members: member === undefined ? [] : [member], blob, offset });
  }
}
