/**
 * Sources of the caller's: what is asked of them, and what comes of one that fails, lies or hangs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { extract, open, pack, type RandomAccess, verify, type ZnipEvent } from 'znip';
import { deferred } from '../../src/threads/deferred.ts';
import { describeTree, noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
let bytes: Buffer;

/** More members than this, and threads are used. */
const MANY = 1500;

beforeAll(async () => {
  mkdirSync(at('many'));
  for (let i = 0; i < MANY; i++) writeFileSync(at(`many/${i}`), noise(3000, i + 1));
  await pack({ path: 'many', directory }, { output: at('many.znip'), chunkSize: 262_144 });
  bytes = readFileSync(at('many.znip'));
});

function sourceOf(read: RandomAccess['read'], size = bytes.byteLength): RandomAccess {
  return { size, read, name: 'the cupboard' };
}

/** Answers late, so that several reads are under way. */
async function late(offset: number, length: number): Promise<Buffer> {
  await sleep(2);
  return bytes.subarray(offset, offset + length);
}

test('workers unpack what the main thread reads', async () => {
  let [open, most] = [0, 0];
  const source = sourceOf(async (offset, length) => {
    open += 1;
    most = Math.max(most, open);
    const piece = await late(offset, length);
    open -= 1;
    return piece;
  });
  const result = await extract(source, at('by-workers'), { threads: 3 });
  expect(result).toMatchObject({ members: MANY + 1, events: 0 });
  expect(describeTree(at('by-workers/many'))).toEqual(describeTree(at('many')));
  // Bounded by the slots, whatever the size of the archive.
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(4);
});

test('verify reads it from its beginning to its end', async () => {
  const report = await verify(sourceOf(late), { threads: 2 });
  expect(report).toMatchObject({ ok: true, members: MANY + 1, archiveBytes: bytes.byteLength });
  expect(await verify(new Blob([bytes]), { quick: true })).toMatchObject({ ok: true, quick: true });
  const damaged = Buffer.from(bytes);
  damaged[300_000] = (damaged[300_000] ?? 0) ^ 1;
  expect(await verify(new Blob([damaged]))).toMatchObject({ ok: false, damageCount: 1 });
});

test('with keepGoing, everything whole of a damaged one is unpacked, with its index and without', async () => {
  const damaged = Buffer.from(bytes);
  damaged[300_000] = (damaged[300_000] ?? 0) ^ 1;
  for (const [name, broken] of [
    ['damaged', damaged],
    ['cut', bytes.subarray(0, bytes.byteLength - 5000)],
  ] as const) {
    await expect(extract(new Blob([broken]), at(`strict-${name}`))).rejects.toMatchObject({
      code: name === 'cut' ? 'truncated' : 'damaged-block',
    });
    const events: ZnipEvent[] = [];
    const result = await extract(new Blob([broken]), at(name), {
      keepGoing: true,
      onEvent: (event) => events.push(event),
    });
    expect(result.members).toBeGreaterThan(MANY / 2);
    expect(events.length).toBe(result.events);
    expect(events.every(({ type }) => type === 'lost')).toBe(true);
    expect(events.length > 0).toBe(true);
    expect(Object.isFrozen(events[0])).toBe(true);
  }
});

test.each<[why: string, read: RandomAccess['read'], code: string, message: RegExp]>([
  [
    'throws',
    () => Promise.reject(new Error('the lock is stuck')),
    'io',
    /cannot read 'the cupboard': the lock is stuck/,
  ],
  [
    'throws at once',
    () => {
      throw new Error('stuck');
    },
    'io',
    /stuck/,
  ],
  [
    'gives less',
    (offset, length) => bytes.subarray(offset, offset + length - 1),
    'truncated',
    /expected \d+/,
  ],
  ['gives more', (_, length) => new Uint8Array(length + 1), 'usage', /expected \d+/],
  ['gives text', () => 'text' as unknown as Uint8Array, 'usage', /no Uint8Array/],
])('one that %s', async (_, read, code, message) => {
  await expect(open(sourceOf(read))).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  });
});

test.each([-1, 1.5, Number.NaN, 2 ** 60])('a size of %d is none', async (size) => {
  await expect(open(sourceOf(late, size))).rejects.toMatchObject({ code: 'usage' });
});

test('one that fails half-way ends the task, with workers too', async () => {
  let reads = 0;
  const source = sourceOf((offset, length) => {
    reads += 1;
    if (reads > 6) throw new Error('gone');
    return late(offset, length);
  });
  await expect(extract(source, at('half'), { threads: 2 })).rejects.toMatchObject({ code: 'io' });
});

test('a read that hangs is given up with the signal, and hears of it', async () => {
  const heard: string[] = [];
  const asked = deferred<void>();
  await using archive = await open(
    sourceOf((offset, length, signal) => {
      if (offset + length > bytes.byteLength / 2) return late(offset, length);
      signal?.addEventListener('abort', () => heard.push('aborted'));
      asked.resolve();
      return new Promise(() => {});
    }),
  );
  for (const [i, task] of [
    (signal: AbortSignal) => archive.extract(at('hangs'), { signal, threads: 2 }),
    (signal: AbortSignal) => new Response(archive.stream('many/0', { signal })).arrayBuffer(),
    (signal: AbortSignal) => new Response(archive.tar({ signal })).arrayBuffer(),
  ].entries()) {
    heard.length = 0;
    const controller = new AbortController();
    const ended = expect(task(controller.signal), `${i}`).rejects.toThrow('no more');
    await asked.promise;
    await sleep(50);
    controller.abort(new Error('no more'));
    await ended;
    expect(heard.length).toBeGreaterThan(0);
  }
  expect(await archive.find('many/7')).toBeDefined();
});
