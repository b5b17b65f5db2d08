import { expect, it } from 'vitest';
import { ChunkQueue } from '../../src/blocks/chunk-queue.ts';
import { deferred } from '../../src/threads/deferred.ts';
import { Failure } from '../../src/threads/failure.ts';

const noWorkers = { failure: new Failure(), stop: async () => {} };

function queueOf(slots: number, signal?: AbortSignal): ChunkQueue<typeof noWorkers> {
  return new ChunkQueue({ plan: () => ({ threads: 1, slots }), start: async () => noWorkers, signal });
}

/** Long enough for everything that can go on to go on. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

it('hands on in the order in which chunks came, whichever is ready first', async () => {
  const queue = queueOf(2);
  const [first, second] = [deferred<string>(), deferred<string>()];
  const handed: string[] = [];
  for (const { promise } of [first, second]) {
    queue.push(await queue.take(1, 1), promise, (result) => void handed.push(result));
  }
  second.resolve('second');
  await settle();
  expect(handed).toEqual([]);
  first.resolve('first');
  await queue.drain();
  expect(handed).toEqual(['first', 'second']);
});

it('gives no slot away before one is free, and frees one only when all before it are', async () => {
  const queue = queueOf(2);
  const inUse = [deferred<void>(), deferred<void>()];
  for (const { promise } of inUse) {
    queue.push(await queue.take(1, 1), Promise.resolve(), () => ({ until: promise }));
  }
  let taken = 0;
  const take = async (): Promise<void> => {
    await queue.take(1, 1);
    taken += 1;
  };
  const more = [take(), take()];
  inUse[1]?.resolve();
  await settle();
  expect(taken).toBe(0);
  inUse[0]?.resolve();
  await Promise.all(more);
  expect(taken).toBe(2);
});

it('hands the next chunk on while one that was handed on is in use', async () => {
  const queue = queueOf(2);
  const inUse = deferred<void>();
  const handed: number[] = [];
  queue.push(await queue.take(1, 1), Promise.resolve(1), (one) => {
    handed.push(one);
    return { until: inUse.promise };
  });
  queue.push(await queue.take(1, 1), Promise.resolve(2), (two) => void handed.push(two));
  await settle();
  expect(handed).toEqual([1, 2]);
  inUse.resolve();
  await queue.drain();
});

it('throws what went wrong first in the order of the chunks, when all before is handed on', async () => {
  const queue = queueOf(3);
  const first = deferred<string>();
  const handed: string[] = [];
  const hand = (result: string): void => void handed.push(result);
  queue.push(await queue.take(1, 1), first.promise, hand);
  queue.push(await queue.take(1, 1), Promise.reject(new Error('second')), hand);
  queue.push(await queue.take(1, 1), Promise.reject(new Error('third')), hand);
  const failing = [queue.take(1, 1), queue.take(1, 1), queue.drain()];
  first.resolve('first');
  const [got, blocked, drained] = await Promise.allSettled(failing);
  // The slot of the first chunk is free.
  expect(got?.status).toBe('fulfilled');
  expect(blocked).toMatchObject({ reason: { message: 'second' } });
  expect(drained).toMatchObject({ reason: { message: 'second' } });
  expect(handed).toEqual(['first']);
});

it('ends who waits for a slot when the signal fires, and when nobody reads on', async () => {
  const controller = new AbortController();
  for (const [queue, end, message] of [
    [queueOf(1, controller.signal), () => controller.abort(new Error('stopped')), 'stopped'],
    ...[queueOf(1)].map((one) => [one, () => one.abandon(), 'nobody reads on'] as const),
  ] as const) {
    queue.push(await queue.take(1, 1), new Promise(() => {}), () => {});
    const blocked = queue.take(1, 1);
    end();
    await expect(blocked).rejects.toThrow(message);
  }
});

it('makes slots by the first chunk, and grows them', async () => {
  const plans: number[] = [];
  const queue = new ChunkQueue({
    plan: (length) => {
      plans.push(length);
      return { threads: 1, slots: 1 };
    },
    start: async () => noWorkers,
    signal: undefined,
  });
  const slot = await queue.take(10, 100);
  expect([slot.stored.byteLength, slot.chunk.byteLength]).toEqual([10, 100]);
  expect(slot.chunk.buffer).toBeInstanceOf(SharedArrayBuffer);
  queue.push(slot, Promise.resolve(), () => {});
  const again = await queue.take(5, 101);
  expect([again.stored.byteLength, again.chunk.byteLength]).toEqual([10, 125]);
  expect(plans).toEqual([100]);
});

it('starts workers when there is enough to do, and stops only those', async () => {
  const events: string[] = [];
  const workers = { failure: new Failure(), stop: async () => void events.push('stopped') };
  const options = {
    plan: () => ({ threads: 2, slots: 1 }),
    start: async () => {
      events.push('started');
      return workers;
    },
    signal: undefined,
  };
  const queue = new ChunkQueue(options);
  queue.push(await queue.take(0, 8 << 20), Promise.resolve(), () => {});
  expect(queue.workers).toBeUndefined();
  queue.push(await queue.take(0, 1), Promise.resolve(), () => {});
  expect(queue.workers).toBe(workers);
  await queue.stop();
  expect(events).toEqual(['started', 'stopped']);
  await new ChunkQueue({ ...options, workers }).stop();
  expect(events).toEqual(['started', 'stopped']);
});
