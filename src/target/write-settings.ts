/**
 * What all writing of a run has in common.
 */
import type { ByteString } from '../format/values/byte-string.ts';

/** What happens to a file that is there already. */
export type ExistingPolicy = 'fail' | 'keep' | 'keep-newer' | 'overwrite';

export interface WriteSettings {
  /** Target directory with a trailing slash, as a byte string. */
  target: ByteString;
  /** Descriptor of the target, where directories can be held; all threads share it. */
  root: number | undefined;
  existing: ExistingPolicy;
  /** The process's umask: bits that open(2) would take away. */
  umask: number;
  /** Restore permission bits that the umask would take away. */
  preservePermissions: boolean;
  /** Leave long runs of zeros out, as holes. */
  sparse: boolean;
  /** Restore modification times. */
  mtime: boolean;
  /** Restore owners, and with them set-user-id and its like. */
  sameOwner: boolean;
  /** Leave out files whose content is not what the index says, instead of stopping. */
  keepGoing: boolean;
}
