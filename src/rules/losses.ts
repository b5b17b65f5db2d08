/**
 * What a run leaves out because it is damaged or refused: counted, told and remembered by name. What else is known about it
 * depends on how members come: see `unpack/index-losses.ts` and `unpack-stream/stream-losses.ts`.
 */
import type { ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { type KeepGoingOptions, type LostMember, refusedError } from './lost.ts';

export abstract class Losses {
  count = 0;
  readonly keepGoing: boolean;
  /** Names that a lost member should have got. */
  protected readonly names = new Set<ByteString>();
  /** The first error about a member that was refused while the others were still written. */
  protected refused: ZnipError | undefined;
  private readonly onDamaged: ((lost: LostMember) => void) | undefined;

  constructor({ keepGoing = false, onDamaged }: KeepGoingOptions) {
    this.keepGoing = keepGoing;
    this.onDamaged = onDamaged;
  }

  has(name: ByteString): boolean {
    return this.names.has(name);
  }

  /** At the end of a run that does not keep going: throws if members were refused. */
  throwRefused(): void {
    if (this.refused !== undefined && !this.keepGoing) throw refusedError(this.refused, this.count);
  }

  protected tell(lost: LostMember): void {
    this.count += 1;
    this.onDamaged?.(lost);
  }
}
