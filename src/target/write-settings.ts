/**
 * The settings for everything that a run writes.
 */
import type { ByteString } from '../format/values/byte-string.ts';
import type { XattrPatterns } from '../select/xattr-choice.ts';

/** What happens to a file that already exists. */
export type ExistingPolicy = 'fail' | 'keep' | 'keep-newer' | 'overwrite';

export interface WriteSettings {
  /** Target directory with a trailing slash, as a byte string. */
  target: ByteString;
  /** Descriptor of the target, if directories can be held; all threads share it. */
  root: number | undefined;
  existing: ExistingPolicy;
  /** The process's umask: bits that open(2) removes. */
  umask: number;
  /** Restore permission bits that the umask would remove. */
  preservePermissions: boolean;
  /** Write long runs of zeros as holes. */
  sparse: boolean;
  /** Restore modification times. */
  mtime: boolean;
  /** Restore owners, and with them set-user-id and similar bits. */
  sameOwner: boolean;
  /** Which extended attributes are restored; undefined for none. */
  xattrs: XattrPatterns | undefined;
  /** Give a file its name only when it is complete, even if nothing has this name. */
  atomic: boolean;
  /** Wait until everything is on the disk. */
  fsync: boolean;
  /** Leave out files whose content does not match the index, instead of stopping. */
  keepGoing: boolean;
}
