/**
 * Hands values over from one part of the program to another, one at a time. The giver waits until the other side is
 * done with the value.
 */
import { type Deferred, deferred } from './deferred.ts';

type Offer<T> = { value: T } | { cause: unknown };

export class Handover<T> implements AsyncIterable<T> {
  private offered: Deferred<Offer<T> | undefined> = deferred();
  private taken = deferred<void>();
  private end: { offer: Offer<T> | undefined } | undefined;

  /** Resolves when the other side asks for the next value. Must not be called again before that. */
  async give(value: T): Promise<void> {
    const { taken } = this;
    this.offered.resolve({ value });
    await taken.promise;
  }

  /**
   * Says that there are no more values. The other side's loop ends, or throws `cause`, after it has had everything that
   * was given.
   */
  close(failure?: { cause: unknown }): void {
    this.end = { offer: failure };
    this.offered.resolve(failure);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const offer = await this.offered.promise;
      if (offer === undefined) return;
      if ('cause' in offer) throw offer.cause;
      this.offered = deferred();
      if (this.end !== undefined) this.offered.resolve(this.end.offer);
      yield offer.value;
      const { taken } = this;
      this.taken = deferred();
      taken.resolve();
    }
  }
}
