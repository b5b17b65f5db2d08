/**
 * What a run by the index leaves out because it is damaged or refused.
 */
import { ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { isDamage, type KeepGoingOptions, lostMember, type LostMember, refusedError } from '../rules/lost.ts';

/** What is left out when the run keeps going. */
export class Losses {
  count = 0;
  /** How many of the members that should have been written are lost. */
  ofTree = 0;
  readonly keepGoing: boolean;
  private blocked: ZnipError | undefined;
  private readonly names = new Set<ByteString>();
  private readonly onDamaged: ((lost: LostMember) => void) | undefined;

  constructor({ keepGoing = false, onDamaged }: KeepGoingOptions) {
    this.keepGoing = keepGoing;
    this.onDamaged = onDamaged;
  }

  /** A member that should have got this name is lost. */
  add(path: ByteString, lost: LostMember): void {
    this.names.add(path);
    this.ofTree += 1;
    this.tell(lost);
  }

  has(path: ByteString): boolean {
    return this.names.has(path);
  }

  /** A member is refused because its path leads through a symlink in the target. The others are still written. */
  block(path: ByteString, block: ZnipError): void {
    this.blocked ??= block;
    this.add(path, lostMember(path, block));
  }

  /** At the end of a run that does not keep going: throws if members were left out. */
  throwRefused(): void {
    if (this.blocked !== undefined && !this.keepGoing) throw refusedError(this.blocked, this.count);
  }

  /** A member must not be written at all. Throws if the run does not keep going. */
  refuse(path: ByteString | null, error: ZnipError): void {
    if (!this.keepGoing || !isDamage(error)) throw error;
    this.tell(lostMember(path, error));
  }

  private tell(lost: LostMember): void {
    this.count += 1;
    this.onDamaged?.(lost);
  }
}
