/**
 * Values from one side of the event loop to the other, one at a time: who gives waits until the other side is done with
 * what it got.
 */
import { type Deferred, deferred } from './deferred.ts';

type Offer<T> = { value: T } | { cause: unknown };

export class Handover<T> implements AsyncIterable<T> {
  private offered: Deferred<Offer<T> | undefined> = deferred();
  private taken = deferred<void>();
  private end: { offer: Offer<T> | undefined } | undefined;

  /** Resolves when the other side asks for the next one. Not to be called again before. */
  async give(value: T): Promise<void> {
    const { taken } = this;
    this.offered.resolve({ value });
    await taken.promise;
  }

  /** There are no more: the other side's loop ends, or throws `cause`, when it has had what was given. */
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
