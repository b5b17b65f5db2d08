/**
 * Threads that die, throw, run out of memory or stand still: every command fails at once, with the reason,
 * whatever the other stages are waiting for.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { znip } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';
import { type Fault, type FaultyOutcome, type FaultyRun, runFaulty } from './faulty-run.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);

let number = 0;
/** Names that no other test uses. */
const fresh = (what: string): string => `${what}-${number++}`;

const run = (options: Omit<FaultyRun, 'cwd'>): Promise<FaultyOutcome> =>
  runFaulty({ cwd: directory, ...options });

/** How a thread ends, and what is said about it. */
const ENDS: [act: Fault['act'], message: string, heap?: number][] = [
  ['exit', 'ended before its work was done'],
  ['throw', 'a defect for this test'],
  ['heap', 'heap out of memory', 96],
];

/** Where pack's threads are hit: past their first chunk, so that every stage has begun. */
const HITS = { 'pack-worker': ['readSync', 3], writer: ['writevSync', 3] } as const;

/** A thread that unpacks opens the compiled code of the program once, and then each directory that it writes to. */
const OPENS_DIRECTORY = 2;

let archiveLength = 0;

beforeAll(() => {
  mkdirSync(at('tree'));
  for (let i = 0; i < 16; i++) writeFileSync(at(`tree/noise-${i}`), noise(900_000, i + 1));
  for (let i = 0; i < 400; i++) writeFileSync(at(`tree/prose-${i}`), prose(i * 10));
  const { status } = znip(['pack', '-q', 'tree', '-o', 'tree.znip', '--chunk-size', '1M'], {
    cwd: directory,
  });
  expect(status).toBe(0);
  archiveLength = statSync(at('tree.znip')).size;
});

function makeFifo(): string {
  const fifo = fresh('fifo');
  spawnSync('mkfifo', [at(fifo)]);
  return fifo;
}

const packTo = (output: string): string[] => [
  'pack',
  '-q',
  '-j',
  '3',
  '--chunk-size',
  '1M',
  'tree',
  '-o',
  output,
];

/**
 * Returns whether the run ended by itself. V8 as of Node.js 24 may end the whole process, with a report of its own,
 * where a thread's heap is exhausted: as after SIGKILL, a temporary file may then be left.
 */
function expectFailure({ status, signal, hangs, stderr }: FaultyOutcome, message: string): boolean {
  expect(hangs, 'it hangs').toBe(false);
  expect(stderr).toContain(message);
  if (signal === 'SIGABRT' && stderr.includes('FATAL ERROR: ')) {
    expect(message).toContain('heap');
    return false;
  }
  expect({ status, signal }).toEqual({ status: 1, signal: null });
  return true;
}

describe('pack', () => {
  describe.each(['pack-worker', 'writer'] as const)('a %s that dies', (thread) => {
    const [call, nth] = HITS[thread];
    test.each(ENDS)(
      'by %s ends the run with the reason; the old archive stays',
      async (act, message, heap) => {
        const place = fresh('place');
        mkdirSync(at(place));
        const old = `${place}/old`;
        writeFileSync(at(old), 'old');
        const outcome = await run({
          args: packTo(old),
          faults: [{ thread, call, nth, act, once: at(fresh('mark')) }],
          ...(heap === undefined ? {} : { heap }),
        });
        const ended = expectFailure(outcome, message);
        expect(readFileSync(at(old), 'utf8')).toBe('old');
        if (ended) expect(readdirSync(at(place))).toEqual(['old']);
      },
    );
  });

  test.each(['exit', 'throw'] as const)(
    'a worker that dies by %s while the pipe is full and the other workers stand still',
    async (act) => {
      const outcome = await run({
        args: packTo('-'),
        faults: [
          // The last one comes first: a thread that does not end stands still.
          { thread: 'pack-worker', call: 'openSync', nth: 2, act: 'stall' },
          { thread: 'pack-worker', call: 'openSync', nth: 2, act, once: at(fresh('mark')) },
        ],
        stalledOutput: makeFifo(),
      });
      expectFailure(outcome, act === 'exit' ? 'ended before its work was done' : 'a defect for this test');
    },
  );

  test.each(['exit', 'throw'] as const)(
    'a writer that dies by %s while every worker stands still',
    async (act) => {
      const outcome = await run({
        args: packTo(fresh('out')),
        faults: [
          { thread: 'writer', call: 'writevSync', nth: 1, act },
          { thread: 'pack-worker', call: 'openSync', nth: 30, act: 'stall' },
        ],
      });
      expectFailure(outcome, act === 'exit' ? 'ended before its work was done' : 'a defect for this test');
    },
  );

  test.each(['pack-worker', 'writer'] as const)(
    'a signal ends a run in which the %s stands still',
    async (thread) => {
      const [call, nth] = HITS[thread];
      const mark = at(fresh('mark'));
      const output = fresh('out');
      const outcome = await run({
        args: packTo(output),
        faults: [{ thread, call, nth, act: 'stall', once: mark }],
        signal: { name: 'SIGTERM', when: mark },
      });
      expect(outcome).toMatchObject({ hangs: false, status: 143 });
      expect(existsSync(at(output))).toBe(false);
    },
  );

  test.each([
    ['-j', '1'],
    ['-j', '3'],
  ])('a signal ends a run whose pipe nobody reads from (%s %s)', async (...threads) => {
    const outcome = await run({
      args: ['pack', '-q', ...threads, 'tree', '-o', '-'],
      stalledOutput: makeFifo(),
      signal: { name: 'SIGINT', when: 1000 },
    });
    expect(outcome).toMatchObject({ hangs: false, status: 130 });
  });

  test('a signal ends a run that waits for a reader of its FIFO', async () => {
    const fifo = makeFifo();
    const outcome = await run({
      args: ['pack', '-q', 'tree', '-o', fifo],
      signal: { name: 'SIGTERM', when: 1000 },
    });
    expect(outcome).toMatchObject({ hangs: false, status: 143 });
  });
});

describe('unpack', () => {
  describe.each(['by the index', 'from a pipe'])('%s', (way) => {
    const piped = way === 'from a pipe';
    const unpack = (target: string, threads = '3'): Pick<FaultyRun, 'args' | 'input'> =>
      piped
        ? { args: ['unpack', '-q', '-j', threads, '-', '-C', target], input: 'tree.znip' }
        : { args: ['unpack', '-q', '-j', threads, 'tree.znip', '-C', target] };

    test.each(ENDS)('a worker that dies by %s ends the run with the reason', async (act, message, heap) => {
      const target = fresh('target');
      const outcome = await run({
        ...unpack(target),
        faults: [
          { thread: 'read-worker', call: 'openSync', nth: OPENS_DIRECTORY, act, once: at(fresh('mark')) },
        ],
        ...(heap === undefined ? {} : { heap }),
      });
      expectFailure(outcome, message);
      expectWholeFiles(at(`${target}/tree`));
    });

    test('a worker that dies while the others stand still', async () => {
      const outcome = await run({
        ...unpack(fresh('target')),
        faults: [
          // The last one comes first: a thread that does not end stands still.
          { thread: 'read-worker', call: 'openSync', nth: OPENS_DIRECTORY, act: 'stall' },
          {
            thread: 'read-worker',
            call: 'openSync',
            nth: OPENS_DIRECTORY,
            act: 'exit',
            once: at(fresh('mark')),
          },
        ],
      });
      expectFailure(outcome, 'ended before its work was done');
    });

    test('a write that fails in one worker leaves no file half written by the others', async () => {
      const target = fresh('target');
      const outcome = await run({
        ...unpack(target),
        faults: [
          { thread: 'read-worker', call: 'writeSync', nth: 2, act: 'ENOSPC', once: at(fresh('mark')) },
        ],
      });
      expectFailure(outcome, 'no space left on the device');
      expectWholeFiles(at(`${target}/tree`));
    });

    test('a signal ends a run in which a worker stands still', async () => {
      const mark = at(fresh('mark'));
      const outcome = await run({
        ...unpack(fresh('target')),
        faults: [{ thread: 'read-worker', call: 'openSync', nth: OPENS_DIRECTORY, act: 'stall', once: mark }],
        signal: { name: 'SIGTERM', when: mark },
      });
      expect(outcome).toMatchObject({ hangs: false, status: 143 });
    });
  });

  test.each([10, 5_000_000])('a signal ends a run whose pipe stands still after %i bytes', async (length) => {
    const outcome = await run({
      args: ['unpack', '-q', '-', '-C', fresh('target')],
      stalledInput: { fifo: makeFifo(), file: 'tree.znip', length },
      signal: { name: 'SIGINT', when: 1000 },
    });
    expect(outcome).toMatchObject({ hangs: false, status: 130 });
  });

  test.each(['exit', 'throw'] as const)(
    'a worker that dies by %s while the pipe stands still',
    async (act) => {
      const outcome = await run({
        args: ['unpack', '-q', '-j', '3', '-', '-C', fresh('target')],
        faults: [{ thread: 'read-worker', call: 'writeSync', nth: 1, act }],
        stalledInput: { fifo: makeFifo(), file: 'tree.znip', length: archiveLength - 3_000_000 },
      });
      expectFailure(outcome, act === 'exit' ? 'ended before its work was done' : 'a defect for this test');
    },
  );

  test('a FIFO in the place of an archive is refused, not waited for', async () => {
    const outcome = await run({ args: ['unpack', '-q', makeFifo(), '-C', fresh('target')] });
    expect(outcome).toMatchObject({ hangs: false, status: 2 });
    expect(outcome.stderr).toContain('not a regular file');
  });
});

/** Every file that stands under its name is whole. */
function expectWholeFiles(root: string): void {
  if (!existsSync(root)) return;
  for (const name of readdirSync(root)) {
    expect(existsSync(at(`tree/${name}`)), `'${name}' is no member`).toBe(true);
    const whole = readFileSync(at(`tree/${name}`)).equals(readFileSync(join(root, name)));
    expect(whole, `'${name}' is whole`).toBe(true);
  }
}
