/**
 * A member as the walk finds it: what is recorded about it, and where its content is.
 */
import type { ByteString } from '../../format/values/byte-string.ts';
import type { Member } from '../../format/values/entry.ts';
import type { SpooledContent } from './content-spool.ts';
import type { NativeListing } from '../../posix/listing.ts';
import type { PlainExtent } from './plain-files.ts';
import type { SourceDirectory } from './source-directories.ts';

/** A member as the walk found it. */
export interface SourceMember extends Member {
  /** `prefix + path` names it in messages. */
  prefix: string;
  /** Its name on disk, if that is not `path`. */
  foundPath?: ByteString;
  /** Where it is; undefined for members for which no file is read. */
  directory?: SourceDirectory;
  /** The file's own mtime if another one is recorded; null if they are the same. */
  sourceMtime: bigint | null;
  /** If the name is a symlink, it stands for what it points to. */
  follow: boolean;
  /** Hard links refer to it, so it must be in the archive. */
  linked: boolean;
  /** Its content, if that has been read already. */
  content?: SpooledContent;
}

/** Files of one directory, one behind the other, about which nothing is unusual; see `plain-files.ts`. */
export interface MemberRun extends PlainExtent {
  prefix: string;
  directory: SourceDirectory;
  /** What comes before a name in the archive. */
  base: ByteString;
  listing: NativeListing;
  /** The first row of the listing. */
  from: number;
}

/** Gives members one by one: a call for each costs less than a generator within generators. */
export abstract class MemberSource implements Iterable<SourceMember> {
  /** undefined at the end. */
  abstract next(): SourceMember | undefined;

  /** All at once: the files that come next, if nothing is unusual about them; else undefined, and `next` gives a member. */
  takeRun(): MemberRun | undefined {
    return undefined;
  }

  /** Closes what the source holds open, wherever it has come to. */
  abstract close(): void;

  *[Symbol.iterator](): Generator<SourceMember, void, undefined> {
    try {
      for (let member = this.next(); member !== undefined; member = this.next()) yield member;
    } finally {
      this.close();
    }
  }
}
