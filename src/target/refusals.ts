/**
 * What the file system refuses of one member: a mode on FAT, a symlink on SMB, a file in a directory of somebody else.
 * The others may go well, so the member is named and the run goes on. A disk that is full or broken ends it.
 */
import { errnoOf, systemReason, ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';

const REFUSALS: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'EACCES',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EINVAL',
  'EMLINK',
  'EXDEV',
  'EBUSY',
  'ETXTBSY',
  'EILSEQ',
  'ENAMETOOLONG',
]);

/** Hears of a member that is left out, or of which not all could be set, and why. */
export type OnLost = (path: ByteString, reason: string) => void;

/** Whether an error of the system, or a ZnipError of one, is about one member alone. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(errnoOf(error));
}

/** Sets something of a file; returns why it is not set where that is refused. Throws other errors of Node.js. */
export function attempt(what: string, set: () => void): string | undefined {
  try {
    set();
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return `its ${what} is not set: ${systemReason(error)}`;
  }
}

/** All reasons in one sentence; undefined where there are none. */
export function reasons(...each: readonly (string | undefined)[]): string | undefined {
  const there = each.filter((reason) => reason !== undefined);
  return there.length === 0 ? undefined : there.join('; ');
}

/** Why a hard link is left out whose file is. */
export function linkWithoutFile(target: ByteString): string {
  return `left out: it is a hard link to '${toText(target)}', which is left out`;
}

/** The members of a run of which something was refused. */
export class RefusedMembers {
  /** Members that are left out, and those of which not all could be set. */
  count = 0;
  private first = '';
  private readonly leftOut = new Set<ByteString>();
  private readonly onLost: ((path: string, reason: string) => void) | undefined;

  constructor(onLost: ((path: string, reason: string) => void) | undefined) {
    this.onLost = onLost;
  }

  add(path: ByteString, { written, reason }: { written: boolean; reason: string }): void {
    this.count += 1;
    if (this.count === 1) this.first = reason.replace(/^left out: /, '');
    if (!written) this.leftOut.add(path);
    this.onLost?.(toText(path), reason);
  }

  /** Another member has this name, or is there under it: that an earlier one is left out says nothing of it. */
  forget(path: ByteString): void {
    this.leftOut.delete(path);
  }

  /** How many of the members that are left out `isMember` knows. */
  countLeftOut(isMember: (path: ByteString) => boolean): number {
    let count = 0;
    for (const path of this.leftOut) if (isMember(path)) count += 1;
    return count;
  }

  /** Throws `io` at the end of a run in which nothing could be written, and nothing was kept. */
  throwIfNothing(members: number, kept: number): void {
    if (members > 0 || kept > 0 || this.leftOut.size === 0) return;
    throw new ZnipError('io', `nothing could be unpacked: ${this.first}`);
  }

  /** Whether the member of this name is left out. */
  has(path: ByteString): boolean {
    return this.leftOut.has(path);
  }
}
