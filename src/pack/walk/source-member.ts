/**
 * A member as the walk finds it: what is recorded of it, and where its content is.
 */
import type { ByteString } from '../../format/values/byte-string.ts';
import type { Member } from '../../format/values/entry.ts';
import type { SpooledContent } from './content-spool.ts';
import type { SourceDirectory } from './source-directories.ts';

/** A member as the walk found it. */
export interface SourceMember extends Member {
  /** `prefix + path` names it in messages. */
  prefix: string;
  /** What it is called where it is found, when that is not `path`. */
  foundPath?: ByteString;
  /** Where it is; members that no file is read for have none. */
  directory?: SourceDirectory;
  /** The file's own mtime where another is recorded; null where they are the same. */
  sourceMtime: bigint | null;
  /** The name may be a symlink that stands for what it points to. */
  follow: boolean;
  /** Hard links refer to it, so it must be in the archive. */
  linked: boolean;
  /** Its content, where that is there already. */
  content?: SpooledContent;
}
