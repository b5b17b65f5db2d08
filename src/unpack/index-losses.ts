/**
 * What a run by the index leaves out because it is damaged or refused.
 */
import type { ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { isDamage, lostMember, type LostMember } from '../rules/lost.ts';
import { Losses } from '../rules/losses.ts';

export class IndexLosses extends Losses {
  /** How many of the members that should have been written are lost. */
  ofTree = 0;

  /** A member that should have got this name is lost. */
  add(path: ByteString, lost: LostMember): void {
    this.names.add(path);
    this.ofTree += 1;
    this.tell(lost);
  }

  /** A member is refused because its path leads through a symlink in the target. The others are still written. */
  block(path: ByteString, block: ZnipError): void {
    this.refused ??= block;
    this.add(path, lostMember(path, block));
  }

  /** A member must not be written at all. Throws if the run does not keep going. */
  refuse(path: ByteString | null, error: ZnipError): void {
    if (!this.keepGoing || !isDamage(error)) throw error;
    this.tell(lostMember(path, error));
  }
}
