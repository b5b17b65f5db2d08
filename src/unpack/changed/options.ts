/**
 * What a caller may ask for when only what differs is unpacked, and what is told about it.
 */
import { ZnipError } from '../../errors.ts';
import type { Kind } from '../../format/values/entry.ts';
import type { ChangedAspect } from './compare.ts';

export type { ChangedAspect } from './compare.ts';

/** What is done about one name of the target. */
export interface MemberChange {
  /** Path below the target, as text and as bytes. */
  path: string;
  /** The same as bytes. */
  pathBytes: Uint8Array;
  /** What the member is, or what was removed. */
  kind: Kind;
  /** `amended`: only its mode, owner or time is set. */
  change: 'created' | 'replaced' | 'amended' | 'removed';
  /** What differed; empty for what is created or removed. */
  aspects: ChangedAspect[];
}

export interface ChangedOptions {
  /** Write only members that differ from what the target has: in size or time, kind, target. Default: false. */
  changed?: boolean | undefined;
  /** With `changed`: compare contents by their hashes instead of times. Default: false. */
  checksum?: boolean | undefined;
  /**
   * With `changed`: remove, in directories of the archive, what the archive does not have, after everything else has
   * succeeded; and what is in the way of a member, which has its name again if the archive is damaged. Default: false.
   */
  delete?: boolean | undefined;
  /** With `delete`: also at the top of the target, which is not a directory of the archive. Default: false. */
  deleteTop?: boolean | undefined;
  /** With `delete`: the most names that may be removed. If there are more, nothing is changed. Default: any number. */
  maxDelete?: number | undefined;
  /** With `changed`: called for each name that is changed, in the order of paths, before anything is written. */
  onChange?: ((change: MemberChange) => void) | undefined;
}

/** Options of the rest of the run that do not go with all of these. */
interface OtherOptions {
  existing?: string | undefined;
  mtime?: boolean | undefined;
  keepGoing?: boolean | undefined;
  patterns?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  packageTypes?: readonly string[] | undefined;
  repos?: readonly string[] | undefined;
}

/** Refuses options that mean nothing together. Throws `usage`. */
export function checkChangedOptions(options: ChangedOptions & OtherOptions): void {
  const reason = refusalOf(options);
  if (reason !== undefined) throw new ZnipError('usage', reason);
}

function refusalOf(options: ChangedOptions & OtherOptions): string | undefined {
  const { changed = false, checksum = false, delete: removes = false, deleteTop, maxDelete } = options;
  if (checksum && !changed) return '`checksum` says how `changed` compares: it needs `changed`';
  if (removes && !changed) return '`delete` needs `changed`';
  if (deleteTop === true && !removes) return '`deleteTop` needs `delete`';
  if (maxDelete !== undefined && !removes) return '`maxDelete` needs `delete`';
  const { existing, mtime, patterns = [], exclude = [], packageTypes, repos, keepGoing } = options;
  if (changed && (existing === 'keep' || existing === 'keep-newer')) {
    return '`changed` replaces what differs: it cannot keep it';
  }
  if (changed && mtime === false && !checksum)
    return '`changed` compares times: without them, it needs `checksum`';
  const isPart =
    patterns.length > 0 || exclude.length > 0 || packageTypes !== undefined || repos !== undefined;
  if (removes && isPart) {
    return '`delete` removes what the archive does not have: it does not go with a choice of members';
  }
  return removes && keepGoing === true
    ? '`delete` needs a whole archive: it does not go with `keepGoing`'
    : undefined;
}
