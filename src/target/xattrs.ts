/**
 * Restores extended attributes of what a run has written. They come after contents, owners and modes, because writing a
 * content or changing an owner takes capabilities away. Main thread.
 */
import { chmodSync, closeSync, constants, fchmodSync } from 'node:fs';
import { errnoOf, systemReason } from '../errors.ts';
import { ATTRIBUTES, meaningOf } from '../format/values/attributes.ts';
import { type ByteString, toText } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { decodeXattrs, type Xattrs } from '../format/values/xattrs.ts';
import { nameOfOpen, O_PATH } from '../posix/held-directories.ts';
import { type FileStat, fstat } from '../posix/stat.ts';
import { readXattrs, removeXattr, setXattr } from '../posix/xattrs.ts';
import { isWritten, type WrittenMember } from './amend.ts';
import type { DirectoryEntry } from './directories.ts';
import type { LinkedFiles } from './linked-files.ts';
import { isRefusal, type OnLost, reasons } from './refusals.ts';
import type { TargetTree } from './target-tree.ts';

/** A file or symlink of the run, under the name that it gets. */
export interface AttributedMember {
  kind: number;
  /** Bytes of content. */
  size: number;
  /** Its owner, if one is recorded. */
  uid: number | null;
  /** As they are recorded. */
  xattrs: ByteString;
}

/** Sets what files and symlinks have. `isLeft`: the run has not written the member, or something else has its name. */
export function restoreXattrs(
  members: ReadonlyMap<ByteString, AttributedMember>,
  tree: TargetTree,
  linked: LinkedFiles,
  isLeft: (path: ByteString) => boolean,
  onLost: OnLost,
): void {
  const { sameOwner } = tree.settings;
  for (const [path, { kind, size, uid, xattrs }] of members) {
    if (isLeft(path)) continue;
    const written: WrittenMember = {
      path,
      kind,
      size,
      uid: sameOwner && uid !== null ? uid : undefined,
      linked,
    };
    const reason = restoreOne(written, xattrs, tree);
    if (reason !== undefined) onLost(path, reason);
  }
}

function restoreOne(written: WrittenMember, records: ByteString, tree: TargetTree): string | undefined {
  const { wanted, reason } = wantedXattrs(records, written.kind, tree);
  if (wanted.size === 0) return reason;
  try {
    const fd = tree.open(written.path, O_PATH | (constants.O_NOFOLLOW ?? 0));
    try {
      if (!isWritten(fstat(fd), written))
        return 'its extended attributes are not set: something else has its name by now';
      return reasons(
        reason,
        changeXattrs(fd, { set: wanted, remove: [] }, (mode) => chmodSync(nameOfOpen(fd), mode)),
      );
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!isRefusal(error) && errnoOf(error) !== 'ENOENT') throw error;
    return `its extended attributes are not set: ${systemReason(error)}`;
  }
}

/** Sets those of an open directory. Returns in words what was not set. */
export function restoreDirectoryXattrs(
  fd: number,
  { xattrs, staleXattrs = [] }: Pick<DirectoryEntry, 'xattrs' | 'staleXattrs'>,
  tree: TargetTree,
): string | undefined {
  const { wanted, reason } = wantedXattrs(xattrs, KIND.directory, tree);
  const change = { set: wanted, remove: staleXattrs };
  return reasons(
    reason,
    changeXattrs(fd, change, (mode) => fchmodSync(fd, mode)),
  );
}

/** What must be done about the attributes of a file that is there. */
export interface XattrChange {
  set: Xattrs;
  remove: readonly ByteString[];
}

/**
 * How what is on the disk under a name differs; undefined if it does not. `reason` says what cannot be as it is recorded. Names
 * that this run may not set do not count. Throws Node.js's error.
 */
export function compareXattrs(
  path: ByteString,
  kind: number,
  records: ByteString | undefined,
  tree: TargetTree,
): { change: XattrChange | undefined; reason: string | undefined } {
  const { wanted, reason } = wantedXattrs(records, kind, tree);
  const { restoresXattr, settings } = tree;
  const found = readXattrs(
    tree.fullName(path),
    false,
    (name) => restoresXattr?.(name) === true && maySet(name, kind, settings.sameOwner),
  );
  const set = new Map([...wanted].filter(([name, value]) => found.get(name) !== value));
  const remove = [...found.keys()].filter((name) => !wanted.has(name));
  return { change: set.size === 0 && remove.length === 0 ? undefined : { set, remove }, reason };
}

/**
 * What is to be set, and why the rest is not, in words. What only root may set could give rights away, like set-user-id: it is
 * restored only together with owners.
 */
function wantedXattrs(
  records: ByteString | undefined,
  kind: number,
  { restoresXattr, settings }: TargetTree,
): { wanted: Xattrs; reason: string | undefined } {
  const wanted = new Map<ByteString, ByteString>();
  if (restoresXattr === undefined || records === undefined) return { wanted, reason: undefined };
  const denied: ByteString[] = [];
  for (const [name, value] of decodeXattrs(records) ?? []) {
    if (!restoresXattr(name)) continue;
    if (maySet(name, kind, settings.sameOwner)) wanted.set(name, value);
    else denied.push(name);
  }
  if (denied.length === 0) return { wanted, reason: undefined };
  const names = toText(denied.join(', '));
  return { wanted, reason: `not restored: ${names}: that takes root and \`sameOwner\`` };
}

function maySet(name: ByteString, kind: number, sameOwner: boolean): boolean {
  if (name.includes('\0')) return false;
  return isOrdinary(name) ? kind !== KIND.symlink : sameOwner;
}

/** What the owner of a file may set. */
function isOrdinary(name: ByteString): boolean {
  return name.startsWith('user.') || meaningOf(name) === ATTRIBUTES.acl;
}

/**
 * Whether nobody but who unpacks can have changed a file since it was written: what gives its program rights is set on no other.
 */
function isOutOfReach(stats: FileStat): boolean {
  return !stats.isFile() || (stats.uid === process.geteuid?.() && (stats.mode & 0o022) === 0);
}

/** Changes the attributes of an open file. `setMode` sets its mode. Returns in words what was not done. */
export function changeXattrs(
  fd: number,
  { set, remove }: XattrChange,
  setMode: (mode: number) => void,
): string | undefined {
  // Nearly every directory.
  if (set.size === 0 && remove.length === 0) return undefined;
  const failed: string[] = [];
  let closed: number | undefined;
  const attempt = (name: ByteString, change: () => void): void => {
    try {
      try {
        change();
      } catch (error) {
        // For attributes in `user`, a file must be writable.
        const mode = fstat(fd).mode & 0o7777;
        if (errnoOf(error) !== 'EACCES' || (mode & 0o200) !== 0) throw error;
        setMode(mode | 0o200);
        closed = mode;
        change();
      }
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      failed.push(`${toText(name)}: ${systemReason(error)}`);
    }
  };
  for (const name of remove) attempt(name, () => removeXattr(fd, name));
  const isSafe = isOutOfReach(fstat(fd));
  for (const [name, value] of set) {
    if (isSafe || isOrdinary(name)) attempt(name, () => setXattr(fd, name, value));
    else failed.push(`${toText(name)}: others than root may write to the file`);
  }
  if (closed !== undefined) setMode(closed);
  return failed.length === 0 ? undefined : `not restored: ${failed.join('; ')}`;
}
