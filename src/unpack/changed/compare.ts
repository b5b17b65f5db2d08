/**
 * How what the target has under a member's name differs from the member.
 */
import type { Owner } from '../../archive/entries.ts';
import { core } from '../../core/core.ts';
import { errnoOf } from '../../errors.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import { ByteStringsBuilder } from '../../format/values/byte-strings.ts';
import { equalBytes } from '../../format/values/bytes.ts';
import { CHECKSUM_LENGTH } from '../../format/values/constants.ts';
import { MODE_MASK } from '../../format/values/entry.ts';
import { hashFile, hashLongFile } from '../../io/hash-file.ts';
import type { Turns } from '../../threads/turns.ts';
import type { FileStat } from '../../posix/stat.ts';
import { isSameTime } from '../../posix/times.ts';
import { isRefusal } from '../../target/refusals.ts';
import type { TargetTree } from '../../target/target-tree.ts';
import { wantedBits } from '../../target/write-file.ts';
import type { WriteSettings } from '../../target/write-settings.ts';

/** What may differ. `link`: it should be another name of a file, and is not, or the reverse. */
export type ChangedAspect =
  'kind' | 'content' | 'target' | 'link' | 'size' | 'mtime' | 'mode' | 'uid' | 'gid' | 'xattrs';

/** What every member has. */
export interface Attributes {
  mode: number;
  mtime: bigint;
  /** null if none is recorded, or none is to be restored. */
  owner: Owner | null;
}

/** Attributes that differ and are set without writing a content. The mode of a symlink means nothing. */
export function differentAttributes(
  { mode, mtime, owner }: Attributes,
  stats: FileStat,
  settings: WriteSettings,
): ChangedAspect[] {
  const aspects: ChangedAspect[] = [];
  if (settings.mtime && !isSameTime(mtime, stats.mtime)) aspects.push('mtime');
  const isWrong = !stats.isSymbolicLink() && wantedBits(mode, owner, settings) !== (stats.mode & MODE_MASK);
  if (isWrong) aspects.push('mode');
  if (owner !== null && owner.uid !== stats.uid) aspects.push('uid');
  if (owner !== null && owner.gid !== stats.gid) aspects.push('gid');
  return aspects;
}

/** Whether a file has another size or, without hashes, another time. Adds to what `differentAttributes` found. */
export function isOutdated(
  size: number,
  stats: FileStat,
  aspects: ChangedAspect[],
  { byHash }: { byHash: boolean },
): boolean {
  if (size === stats.size) return !byHash && aspects.includes('mtime');
  aspects.unshift(...(byHash ? (['content', 'size'] as const) : (['size'] as const)));
  return true;
}

/** A file of the target, and the BLAKE3 that its content should have. */
export interface ExpectedContent {
  path: ByteString;
  checksum: Uint8Array;
}

/** Which files have the expected content. What is gone by now, or may not be read, has not. */
export function sameContents(
  files: readonly ExpectedContent[],
  tree: TargetTree,
  threads: number,
): readonly boolean[] {
  const { root } = tree.settings;
  const native = root === undefined ? undefined : core();
  if (native === undefined || root === undefined) return files.map((file) => hasContent(file, tree));
  const paths = new ByteStringsBuilder();
  const checksums = new Uint8Array(files.length * CHECKSUM_LENGTH);
  files.forEach(({ path, checksum }, row) => {
    paths.append(path);
    checksums.set(checksum, row * CHECKSUM_LENGTH);
  });
  const same = new Uint8Array(files.length);
  const { bytes, ends } = paths.finish();
  native.compareContents(root, { paths: bytes, pathEnds: ends, checksums, same }, threads);
  return Array.from(same, (value) => value === 1);
}

/** The same for one long file. Throws the signal's reason. */
export async function sameLongContent(
  { path, checksum }: ExpectedContent,
  tree: TargetTree,
  turns: Turns,
): Promise<boolean> {
  try {
    return equalBytes(await hashLongFile(tree.fullName(path), turns), checksum);
  } catch (error) {
    if (isUnreadable(error)) return false;
    throw error;
  }
}

function hasContent({ path, checksum }: ExpectedContent, tree: TargetTree): boolean {
  try {
    return equalBytes(hashFile(tree.fullName(path)), checksum);
  } catch (error) {
    if (isUnreadable(error)) return false;
    throw error;
  }
}

function isUnreadable(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP' || isRefusal(error);
}
