/**
 * The relay between the writer thread and the main thread: order, bound, and what comes of a failure.
 */
import { expect, test } from 'vitest';
import type { Sink } from '../../../src/io/sink.ts';
import { createRelay, Relay, RelaySink } from '../../../src/pack/write/relay.ts';
import { deferred, type Deferred } from '../../../src/threads/deferred.ts';

/** Writes when it is told to. */
class SlowSink implements Sink {
  position = 0;
  readonly taken: string[] = [];
  readonly waiting: Deferred<void>[] = [];

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    this.taken.push(...pieces.map((piece) => Buffer.from(piece).toString()));
    const turn = deferred<void>();
    this.waiting.push(turn);
    await turn.promise;
  }

  rewrite(): void {}
}

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('pieces are copies, counted, and none is posted that is empty', async () => {
  const written = createRelay();
  const posted: Uint8Array[] = [];
  const sink = new RelaySink(written, (bytes) => {
    posted.push(bytes);
    // The main thread is as fast as can be.
    Atomics.add(written, 0, 1);
  });
  const slot = Buffer.from('slot');
  await sink.write([slot, new Uint8Array(0), Buffer.from('more')]);
  slot.fill(0);
  expect(posted.map((bytes) => Buffer.from(bytes).toString())).toEqual(['slot', 'more']);
  expect(sink.position).toBe(8);
});

test('what arrives is written one after the other, and counted when it is written', async () => {
  const written = createRelay();
  const slow = new SlowSink();
  const relay = new Relay(written, slow, (error) => expect.unreachable(String(error)));
  for (const text of ['a', 'b', 'c']) relay.take(Buffer.from(text));
  let settled = false;
  const end = relay.settled().then(() => (settled = true));
  for (const [i, text] of ['a', 'b', 'c'].entries()) {
    await turns();
    expect(slow.taken.at(-1)).toBe(text);
    expect(slow.taken).toHaveLength(i + 1);
    expect(Atomics.load(written, 0)).toBe(i);
    expect(settled).toBe(false);
    slow.waiting[i]?.resolve();
  }
  await end;
  expect(Atomics.load(written, 0)).toBe(3);
});

test('after a failure nothing more is written, and nobody is told that it was', async () => {
  const written = createRelay();
  const slow = new SlowSink();
  const failures: unknown[] = [];
  const relay = new Relay(written, slow, (error) => failures.push(error));
  relay.take(Buffer.from('a'));
  relay.take(Buffer.from('b'));
  await turns();
  slow.waiting[0]?.reject(new Error('full'));
  await relay.settled();
  expect(failures).toEqual([new Error('full')]);
  expect(slow.taken).toEqual(['a']);
  expect(Atomics.load(written, 0)).toBe(0);
});
