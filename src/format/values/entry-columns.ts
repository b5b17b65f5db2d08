/**
 * Members as columns: what crosses threads and fills tables without an object for each member.
 */
import type { ByteString } from './byte-string.ts';
import { type ByteStrings, stringAt } from './byte-strings.ts';
import { KIND, type Member, NO_ID } from './entry.ts';

/** Members as columns, to be taken over as they are. Row i of every column is member i. */
export interface EntryColumns {
  paths: ByteStrings;
  /** '' for all but links. */
  linkTargets: ByteStrings;
  kinds: Uint8Array;
  modes: Uint16Array;
  mtimes: BigInt64Array;
  /** NO_ID for members without one; null if none has one. */
  uids: Uint32Array | null;
  gids: Uint32Array | null;
  unames: readonly (ByteString | undefined)[] | null;
  gnames: readonly (ByteString | undefined)[] | null;
  xattrs: readonly (ByteString | undefined)[] | null;
}

/** Row `row` as a member, of this size. */
export function memberAt(columns: EntryColumns, row: number, size: number): Member {
  return {
    path: stringAt(columns.paths, row),
    kind: columns.kinds[row] ?? KIND.file,
    mode: columns.modes[row] ?? 0,
    mtime: columns.mtimes[row] ?? 0n,
    size,
    linkTarget: stringAt(columns.linkTargets, row),
    uid: idAt(columns.uids, row),
    gid: idAt(columns.gids, row),
    uname: columns.unames?.[row],
    gname: columns.gnames?.[row],
    xattrs: columns.xattrs?.[row],
  };
}

function idAt(ids: Uint32Array | null, row: number): number | null {
  const id = ids?.[row] ?? NO_ID;
  return id === NO_ID ? null : id;
}
