/**
 * Entries as plain objects: the library's `list`.
 */
import { toBytes, toText } from '../format/values/byte-string.ts';
import { type Kind, KINDS } from '../format/values/entry.ts';
import { decodeXattrs, type Xattrs } from '../format/values/xattrs.ts';
import type { Archive, EntrySelection } from './archive.ts';
import type { EntryRef } from './entries.ts';

export interface ListedEntry {
  /** As text: bytes that are not UTF-8 are U+FFFD. */
  path: string;
  /** The name as bytes. */
  pathBytes: Uint8Array;
  kind: Kind;
  /** Permission bits. */
  mode: number;
  /** Nanoseconds since the epoch. */
  mtime: bigint;
  /** Bytes of content. */
  size: number;
  /** As text; null for all kinds except links. */
  linkTarget: string | null;
  linkTargetBytes: Uint8Array | null;
  uid: number | null;
  gid: number | null;
  /** BLAKE3 of the content in hexadecimal; null for all kinds except files. */
  checksum: string | null;
  packageType: string;
  /** As text, like `path`. */
  repo: string;
  /** The file changed while it was packed. */
  changed: boolean;
  /** Extended attributes; null if none are recorded. */
  xattrs: Xattrs | null;
}

export function describeEntry({ batch, row, group }: EntryRef): ListedEntry {
  const member = batch.member(row);
  const checksum = batch.checksum(row);
  return {
    path: toText(member.path),
    pathBytes: toBytes(member.path),
    kind: KINDS[member.kind] ?? 'file',
    mode: member.mode,
    mtime: member.mtime,
    size: member.size,
    linkTarget: member.linkTarget === '' ? null : toText(member.linkTarget),
    linkTargetBytes: member.linkTarget === '' ? null : toBytes(member.linkTarget),
    uid: member.uid,
    gid: member.gid,
    checksum: checksum === null ? null : Buffer.from(checksum).toString('hex'),
    packageType: group.packageType,
    repo: group.repo,
    changed: batch.changed(row),
    xattrs: (member.xattrs === undefined ? undefined : decodeXattrs(member.xattrs)) ?? null,
  };
}

/** Yields the selected entries in archive order. */
export async function* list(
  archive: Archive,
  selection: EntrySelection = {},
): AsyncGenerator<ListedEntry, void> {
  for (const ref of await archive.entries(selection)) yield describeEntry(ref);
}
