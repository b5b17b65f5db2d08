import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import * as fc from 'fast-check';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import {
  createRing,
  createSlot,
  Ring,
  type RingMemory,
  type Slot,
  slotLength,
} from '../../src/threads/ring.ts';

const CHUNK_SIZE = 1024;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Lets everything happen that is ready to: promises, and what Atomics.waitAsync has been woken for. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A promise, and whether it has resolved. */
function watch(promise: Promise<void>): { promise: Promise<void>; resolved: boolean } {
  const watched = { promise, resolved: false };
  void promise.then(() => (watched.resolved = true));
  return watched;
}

/** Fails with a message instead of waiting until the test's time is up. */
async function within(ms: number, what: string, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing came within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const wordsOf = (memory: RingMemory): number[] => [...new Int32Array(memory.control)];

/** The areas of a slot, as bytes. */
const areasOf = ({ input, output, fields, members, subtrees }: Slot): Buffer[] =>
  [
    input,
    output,
    fields,
    subtrees.continuation,
    subtrees.overflow,
    ...Object.values(members as unknown as Record<string, Uint8Array>),
  ].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));

describe('slots', () => {
  test('have an input with room for one more record, an output, and results for every member', () => {
    const slot = createSlot(CHUNK_SIZE);
    expect([slot.input.length, slot.output.length]).toEqual([CHUNK_SIZE + 512, CHUNK_SIZE]);
    // The smallest members, one header each, fill the chunk, and one more may end in it.
    const most = CHUNK_SIZE / 512 + 1;
    const { dataOffsets, flags, sizes, checksums } = slot.members;
    expect([dataOffsets.length, flags.length, sizes.length, checksums.length]).toEqual([
      most,
      most,
      most,
      32 * most,
    ]);
    expect(areasOf(slot).reduce((sum, { length }) => sum + length, 0)).toBe(slotLength(CHUNK_SIZE));
  });

  test('do not overlap, within one and among them', () => {
    const memory = createRing(3, CHUNK_SIZE);
    const ring = new Ring(memory);
    const areas = [0, 1, 2].flatMap((sequence) => areasOf(ring.slot(sequence)));
    areas.forEach((area, i) => area.fill(i + 1));
    areas.forEach((area, i) => expect(area.equals(Buffer.alloc(area.length, i + 1))).toBe(true));
    // All of the memory belongs to one area or another.
    for (const slot of memory.slots) expect(new Uint8Array(slot).includes(0)).toBe(false);
  });

  test('are those of every thread that maps the same memory, and come round again', () => {
    const memory = createRing(3, CHUNK_SIZE);
    const [one, other] = [new Ring(memory), new Ring(structuredClone({ ...memory }))];
    one.slot(4).input.write('chunk 4');
    expect(other.slot(1).input.toString('latin1', 0, 7)).toBe('chunk 4');
    expect(other.slot(301).input.toString('latin1', 0, 7)).toBe('chunk 4');
    expect(other.slot(2).input.toString('latin1', 0, 7)).not.toBe('chunk 4');
    expect(one.slotCount).toBe(3);
  });

  test('begin free for the first chunks', () => {
    expect(wordsOf(createRing(4, CHUNK_SIZE))).toEqual([0, 2, 4, 6]);
  });
});

describe('acquire', () => {
  test('resolves at once for the first chunks', async () => {
    const ring = new Ring(createRing(3, CHUNK_SIZE));
    for (const sequence of [0, 1, 2]) await within(1000, `chunk ${sequence}`, ring.acquire(sequence));
  });

  test('resolves when the slot is released, neither earlier nor for another slot', async () => {
    const ring = new Ring(createRing(2, CHUNK_SIZE));
    const second = watch(ring.acquire(2));
    await settle();
    expect(second.resolved).toBe(false);
    // Publishing wakes whoever waits for this slot, but it is not free yet.
    ring.publish(0);
    ring.publish(1);
    await settle();
    expect(second.resolved).toBe(false);
    ring.release(1);
    await settle();
    expect(second.resolved).toBe(false);
    ring.release(0);
    await within(5000, 'release', second.promise);
  });

  test('resolves when release came before it', async () => {
    const ring = new Ring(createRing(1, CHUNK_SIZE));
    ring.publish(0);
    ring.release(0);
    await within(1000, 'chunk 1', ring.acquire(1));
  });

  test('does not resolve for a wake-up that changes nothing', async () => {
    const memory = createRing(1, CHUNK_SIZE);
    const ring = new Ring(memory);
    const next = watch(ring.acquire(1));
    for (let i = 0; i < 5; i++) {
      Atomics.notify(new Int32Array(memory.control), 0);
      await settle();
      expect(next.resolved).toBe(false);
    }
    ring.publish(0);
    ring.release(0);
    await within(5000, 'release', next.promise);
  });

  test.each(['publish', 'release', 'both'])(
    'does not sleep through a %s between its look at the word and its wait',
    async (what) => {
      const ring = new Ring(createRing(1, CHUNK_SIZE));
      if (what === 'release') ring.publish(0);
      const waitAsync = Atomics.waitAsync.bind(Atomics);
      let waits = 0;
      vi.spyOn(Atomics, 'waitAsync').mockImplementation(((
        words: Int32Array,
        index: number,
        value: number,
      ) => {
        waits += 1;
        if (waits === 1) {
          if (what !== 'release') ring.publish(0);
          if (what !== 'publish') ring.release(0);
        }
        return waitAsync(words, index, value);
      }) as typeof Atomics.waitAsync);
      const next = watch(ring.acquire(1));
      await settle();
      if (what === 'publish') {
        expect(next.resolved).toBe(false);
        ring.release(0);
      }
      await within(5000, 'the hand-over', next.promise);
      expect(waits).toBe(what === 'publish' ? 2 : 1);
    },
  );
});

describe('waitPublished', () => {
  test('returns at once when the chunk was published before', () => {
    const wait = vi.spyOn(Atomics, 'wait');
    const ring = new Ring(createRing(2, CHUNK_SIZE));
    ring.publish(1);
    ring.publish(0);
    ring.waitPublished(0);
    ring.waitPublished(1);
    expect(wait).not.toHaveBeenCalled();
  });

  test('does not sleep through a publish between its look at the word and its wait', () => {
    const ring = new Ring(createRing(1, CHUNK_SIZE));
    const wait = Atomics.wait.bind(Atomics);
    const outcomes: string[] = [];
    vi.spyOn(Atomics, 'wait').mockImplementation(((words: Int32Array, index: number, value: number) => {
      ring.publish(0);
      // With a limit, so that a lost wake-up fails the test instead of stopping it.
      outcomes.push(wait(words, index, value, 5000));
      return outcomes.at(-1);
    }) as typeof Atomics.wait);
    ring.waitPublished(0);
    expect(outcomes).toEqual(['not-equal']);
  });

  test('waits again when it is woken for nothing', () => {
    const ring = new Ring(createRing(1, CHUNK_SIZE));
    let waits = 0;
    vi.spyOn(Atomics, 'wait').mockImplementation(() => {
      waits += 1;
      if (waits === 3) ring.publish(0);
      return 'ok';
    });
    ring.waitPublished(0);
    expect(waits).toBe(3);
  });
});

/**
 * A pipeline of main thread, workers and writer, in one thread and step by step: `choices` decides who goes
 * next among those that may. What has to be seen at each hand-over is written into the slots.
 */
async function simulate(
  slotCount: number,
  workers: number,
  chunks: number,
  choices: () => number,
): Promise<void> {
  const memory = createRing(slotCount, CHUNK_SIZE);
  const ring = new Ring(memory);
  const words = new Int32Array(memory.control);
  let before = [...words];
  const filled: number[] = [];
  const held: number[] = [];
  let acquiring: { promise: Promise<void>; resolved: boolean } | undefined;
  let toFill = 0;
  let toWrite = 0;

  const isFree = (sequence: number): boolean => sequence < toWrite + slotCount;
  const isPublished = (sequence: number): boolean =>
    sequence < toFill && !filled.includes(sequence) && !held.includes(sequence);

  const steps: { may: () => boolean; go: () => Promise<void> | void }[] = [
    {
      // Main thread: asks for a slot, before or after it becomes free.
      may: () => toFill < chunks && acquiring === undefined,
      go: () => {
        acquiring = watch(ring.acquire(toFill));
      },
    },
    {
      // Main thread: has the slot.
      may: () => acquiring !== undefined && isFree(toFill),
      go: async () => {
        await within(5000, `slot for chunk ${toFill}`, acquiring?.promise ?? Promise.resolve());
        ring.slot(toFill).input.writeInt32LE(toFill, 0);
        filled.push(toFill++);
        acquiring = undefined;
      },
    },
    {
      // A worker takes any chunk that is filled.
      may: () => filled.length > 0 && held.length < workers,
      go: () => {
        held.push(...filled.splice(choices() % filled.length, 1));
      },
    },
    {
      // A worker is done, not necessarily the one that began first.
      may: () => held.length > 0,
      go: () => {
        const [sequence = -1] = held.splice(choices() % held.length, 1);
        const slot = ring.slot(sequence);
        expect(slot.input.readInt32LE(0)).toBe(sequence);
        slot.output.writeInt32LE(~sequence, 0);
        ring.publish(sequence);
      },
    },
    {
      // The writer takes chunks in order.
      may: () => toWrite < chunks && isPublished(toWrite),
      go: () => {
        ring.waitPublished(toWrite);
        expect(ring.slot(toWrite).output.readInt32LE(0)).toBe(~toWrite);
        ring.release(toWrite++);
      },
    },
  ];

  for (;;) {
    const ready = steps.filter((step) => step.may());
    if (ready.length === 0) break;
    await ready[choices() % ready.length]?.go();
    const after = [...words];
    const risen = after.map((word, i) => word - (before[i] ?? 0));
    // At most one word moves in a step, and only up: to published by one, to free for the next round by the rest.
    expect(risen.filter((step) => step !== 0).length).toBeLessThanOrEqual(1);
    for (const step of risen) expect([0, 1, 2 * slotCount - 1]).toContain(step);
    if (acquiring !== undefined && !isFree(toFill)) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(acquiring.resolved).toBe(false);
    }
    before = after;
  }
  expect([toFill, toWrite]).toEqual([chunks, chunks]);
  // Every slot is free again, for the first chunk of it that there is not.
  const next = Array.from(
    { length: slotCount },
    (_, slot) => slot + slotCount * Math.ceil((chunks - slot) / slotCount),
  );
  expect(before).toEqual(next.map((sequence) => 2 * sequence));
}

describe('chunks travel from hand to hand', () => {
  test('in any order that the protocol allows, every hand-over is seen', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.nat(1000)),
        async (slotCount, workers, chunks, choices) => {
          await simulate(slotCount, workers, chunks, () => choices.next().value as number);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('with one side always first', async () => {
    // Number 0 is the first of any, 59 the last of up to five: main thread or writer whenever it may go.
    for (const choice of [0, 59]) await simulate(3, 2, 200, () => choice);
  });
});

/** The first message of a thread. */
function finished(thread: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', (code) => reject(new Error(`a thread ended with ${code}`)));
  });
}

function fill(slot: Slot, sequence: number): void {
  slot.input.writeInt32LE(sequence, 0);
  slot.input.writeInt32LE(sequence, 1000);
}

describe('real threads', () => {
  const directory = mkdtempSync(join(tmpdir(), 'znip-ring-'));
  const threads: Worker[] = [];
  afterAll(async () => {
    await Promise.all(threads.map((thread) => thread.terminate()));
    rmSync(directory, { recursive: true });
  });

  /** The ring as JavaScript that a thread can load. */
  const outfile = join(directory, 'ring.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('../../src/threads/ring.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
  });

  function start(memory: RingMemory, body: string, more: object = {}): Worker {
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(${JSON.stringify(pathToFileURL(outfile).href)}).then(async ({ Ring }) => {
        const ring = new Ring(workerData.memory);
        ${body}
      });
    `;
    const thread = new Worker(code, { eval: true, workerData: { memory, ...more } });
    threads.push(thread);
    return thread;
  }

  const WRITER = `
    const wrong = [];
    for (let sequence = 0; sequence < workerData.chunks; sequence++) {
      ring.waitPublished(sequence);
      const { output } = ring.slot(sequence);
      if (output.readInt32LE(0) !== ~sequence || output.readInt32LE(1000) !== ~sequence) wrong.push(sequence);
      output.fill(0);
      ring.release(sequence);
    }
    parentPort.postMessage(wrong);
  `;

  const WORKER = `
    parentPort.on('message', (sequence) => {
      const { input, output } = ring.slot(sequence);
      const [first, last] = [input.readInt32LE(0), input.readInt32LE(1000)];
      output.writeInt32LE(~first, 0);
      output.writeInt32LE(~last, 1000);
      ring.publish(sequence);
    });
    parentPort.postMessage('ready');
  `;

  test.each([1, 2, 3, 7])('hand over thousands of chunks through %i slots', async (slotCount) => {
    const chunks = 4000;
    const memory = createRing(slotCount, CHUNK_SIZE);
    const ring = new Ring(memory);
    const workers = [start(memory, WORKER), start(memory, WORKER)];
    await Promise.all(workers.map(finished));
    const written = finished(start(memory, WRITER, { chunks }));
    const pipeline = async (): Promise<unknown> => {
      for (let sequence = 0; sequence < chunks; sequence++) {
        await ring.acquire(sequence);
        fill(ring.slot(sequence), sequence);
        workers[sequence % workers.length]?.postMessage(sequence);
      }
      return written;
    };
    const result = pipeline();
    await within(30_000, 'the last chunk', result);
    expect(await result).toEqual([]);
    const words = wordsOf(memory);
    expect(words.every((word) => word % 2 === 0 && word >= 2 * chunks)).toBe(true);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  test('a writer that sleeps is woken by a publish of another thread', async () => {
    const memory = createRing(1, CHUNK_SIZE);
    const ring = new Ring(memory);
    const written = finished(start(memory, WRITER, { chunks: 3 }));
    for (let sequence = 0; sequence < 3; sequence++) {
      await within(10_000, `chunk ${sequence}`, ring.acquire(sequence));
      ring.slot(sequence).output.writeInt32LE(~sequence, 0);
      ring.slot(sequence).output.writeInt32LE(~sequence, 1000);
      // Long enough for the writer to fall asleep.
      await new Promise((resolve) => setTimeout(resolve, 50));
      ring.publish(sequence);
    }
    await within(10_000, 'the writer', written);
    expect(await written).toEqual([]);
  });

  test('acquire does not block the event loop', async () => {
    const memory = createRing(1, CHUNK_SIZE);
    const ring = new Ring(memory);
    const next = watch(ring.acquire(1));
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(2);
    expect(next.resolved).toBe(false);
    const body = `ring.publish(0); ring.release(0); parentPort.postMessage('released');`;
    await within(10_000, 'the other thread', finished(start(memory, body)));
    await within(10_000, 'release', next.promise);
  });
});
