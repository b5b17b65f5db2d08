/**
 * What the file system refuses about one member: a mode on FAT, a symlink on SMB, a file in a directory of another
 * user. Other members may go well, so the member is named and the run goes on. A full or broken disk ends the run.
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

/** Called for a member that is left out, or not completely set, with the reason. */
export type OnLost = (path: ByteString, reason: string) => void;

/** Whether an error of the system, or a ZnipError about one, concerns only one member. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.has(errnoOf(error));
}

/** Sets something about a file. If that is refused, returns the reason. Throws other errors of Node.js. */
export function attempt(what: string, set: () => void): string | undefined {
  try {
    set();
    return undefined;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return `its ${what} is not set: ${systemReason(error)}`;
  }
}

/** All reasons in one sentence; undefined if there are none. */
export function reasons(...each: readonly (string | undefined)[]): string | undefined {
  const there = each.filter((reason) => reason !== undefined);
  return there.length === 0 ? undefined : there.join('; ');
}

/** Why a hard link is left out if its file is. */
export function linkWithoutFile(target: ByteString): string {
  return `left out: it is a hard link to '${toText(target)}', which is left out`;
}

/** The members of a run about which something was refused. */
export class RefusedMembers {
  /** Members that are left out, and members that could not be completely set. */
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

  /** Another member has this name, or is there under it. So it does not matter that an earlier one was left out. */
  forget(path: ByteString): void {
    this.leftOut.delete(path);
  }

  /** How many of the left-out members `isMember` accepts. */
  countLeftOut(isMember: (path: ByteString) => boolean): number {
    let count = 0;
    for (const path of this.leftOut) if (isMember(path)) count += 1;
    return count;
  }

  /** Whether no member is left out. */
  get isNone(): boolean {
    return this.leftOut.size === 0;
  }

  /** Throws `io` at the end of a run if nothing could be written and nothing was kept. */
  throwIfNothing(members: number, kept: number): void {
    if (members > 0 || kept > 0 || this.leftOut.size === 0) return;
    throw new ZnipError('io', `nothing could be unpacked: ${this.first}`);
  }

  /** Whether the member with this name is left out. */
  has(path: ByteString): boolean {
    return this.leftOut.has(path);
  }
}
