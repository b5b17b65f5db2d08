/**
 * Processes killed at random moments. Pack: the final name holds the old archive or the whole new one.
 * Unpack: what stands under a member's name with its size and time has its content.
 *
 * ZNIP_KILLS is the number of kills; `npm run faults -- --kills 500` sets it.
 */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ZNIP, znip } from '../support/run.ts';
import { describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const KILLS = Number(process.env['ZNIP_KILLS'] ?? 24);
const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGINT'] as const;
const STATUS = { SIGKILL: 137, SIGTERM: 143, SIGINT: 130 } as const;

const CHUNKS = ['--chunk-size', '1M'];

/** A run that has not ended so long after its signal hangs. */
const DEADLINE_MS = 30_000;

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const old = Buffer.from('what the name held before');
let archive: Buffer;
let source: ReturnType<typeof describeTree>;

beforeAll(() => {
  mkdirSync(at('tree/large'), { recursive: true });
  mkdirSync(at('tree/small'));
  for (let i = 0; i < 3; i++) writeFileSync(at(`tree/large/${i}`), noise(3_000_000, i + 1));
  for (let i = 0; i < 300; i++) writeFileSync(at(`tree/small/${i}`), prose(i * 9));
  for (let i = 0; i < 20; i++) writeFileSync(at(`tree/small/noise-${i}`), noise(100_000, i + 7));
  source = describeTree(at('tree'));
  expect(znip(['pack', '-q', ...CHUNKS, 'tree', '-o', 'tree.znip'], { cwd: directory }).status).toBe(0);
  archive = readFileSync(at('tree.znip'));
});

interface Trial {
  args: string[];
  input?: string;
}

interface Killed {
  status: number;
  /** It ended by itself before the signal came. */
  finished: boolean;
  /** The program had begun to listen to signals, and ended by itself when it heard this one. */
  heard: boolean;
}

/** Runs znip and sends a signal after `delay` milliseconds. */
async function kill(
  { args, input }: Trial,
  signal: (typeof SIGNALS)[number],
  delay: number,
): Promise<Killed> {
  const script = `exec "$0" "$@" ${input === undefined ? '</dev/null' : `<'${input}'`}`;
  const child = spawn('bash', ['-c', script, process.execPath, ZNIP, ...args], {
    cwd: directory,
    stdio: 'ignore',
  });
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('exit', (status, by) => resolve([status, by]));
  });
  const timer = setTimeout(() => child.kill(signal), delay);
  const deadline = setTimeout(() => child.kill('SIGKILL'), delay + DEADLINE_MS);
  const [status, by] = await ended;
  clearTimeout(timer);
  clearTimeout(deadline);
  expect(by === null || by === signal, `${signal} after ${delay} ms: it hangs`).toBe(true);
  return { status: status ?? STATUS[signal], finished: status === 0, heard: by === null && status !== 0 };
}

async function soundTime(trial: Trial): Promise<number> {
  const start = performance.now();
  await kill(trial, 'SIGKILL', DEADLINE_MS);
  return performance.now() - start;
}

/** Runs `check` after kills at moments that are spread over the run at random. */
async function trials(
  makeTrial: (number: number) => Trial,
  count: number,
  check: (killed: Killed, signal: (typeof SIGNALS)[number], number: number) => void,
): Promise<{ finished: number; heard: number }> {
  const time = await soundTime(makeTrial(-1));
  const tally = { finished: 0, heard: 0 };
  for (let number = 0; number < count; number++) {
    const signal = SIGNALS[number % SIGNALS.length] as (typeof SIGNALS)[number];
    // The first third of a run is Node.js starting: nothing can be half done there.
    const delay = time * (0.15 + 0.95 * Math.random());
    const killed = await kill(makeTrial(number), signal, delay);
    if (killed.finished) tally.finished += 1;
    else expect(killed.status, `${signal} after ${delay} ms`).toBe(STATUS[signal]);
    if (killed.heard) tally.heard += 1;
    check(killed, signal, number);
  }
  return tally;
}

/** Kills take a second or so each, on a slow disk more. */
const TIMEOUT_MS = 120_000 + KILLS * 5000;

const share = (part: number): number => Math.max(3, Math.round(KILLS * part));

test.each([
  ['pack with threads', ['-j', '3'], ['pack', ...CHUNKS, 'tree']],
  ['pack without', ['-j', '1'], ['pack', ...CHUNKS, 'tree']],
  ['pack with a base', ['-j', '2'], ['pack', ...CHUNKS, 'tree', '--base', 'tree.znip']],
  ['repack', ['-j', '1'], ['repack', 'tree.znip', '--level', '3']],
])(
  '%s, killed: the name holds the old archive or the new one',
  async (what, threads, args) => {
    const output = at(`output of ${what}`);
    mkdirSync(output);
    const name = join(output, 'x.znip');
    const count = share(0.2);
    const tally = await trials(
      (number) => {
        writeFileSync(name, number % 2 === 0 ? old : archive);
        return { args: [...args, '-q', ...threads, '-o', name] };
      },
      count,
      ({ finished, heard }, signal, number) => {
        const now = readFileSync(name);
        const isOld = now.equals(number % 2 === 0 ? old : archive);
        expect(isOld || now.equals(archive), `${signal}: a third thing of ${now.length} bytes`).toBe(true);
        if (finished) expect(now.equals(archive)).toBe(true);
        const others = readdirSync(output).filter((other) => other !== 'x.znip');
        if (heard) expect(others, `left by ${signal}`).toEqual([]);
        for (const other of others) unlinkSync(join(output, other));
      },
    );
    console.log(`${what}: ${count} kills, ${tally.finished} too late, ${tally.heard} heard`);
  },
  TIMEOUT_MS,
);

test.each([
  ['by the index, with threads', ['-j', '3'], false],
  ['by the index, without', ['-j', '1'], false],
  ['from a pipe, with threads', ['-j', '3'], true],
  ['from a pipe, without', ['-j', '1'], true],
  ['over old files', ['-j', '3', '--overwrite'], false],
])(
  'unpack %s, killed: what looks finished is whole',
  async (name, options, piped) => {
    const target = at(`target ${name}`);
    const overwrites = options.includes('--overwrite');
    const count = share(0.12);
    const tally = await trials(
      () => {
        rmSync(target, { recursive: true, force: true });
        if (overwrites) placeOldFiles(target);
        const args = ['unpack', '-q', ...options, piped ? '-' : 'tree.znip', '-C', target];
        return piped ? { args, input: 'tree.znip' } : { args };
      },
      count,
      ({ finished, heard }, signal) => {
        const found = describeTree(target.startsWith(directory) ? ensure(target) : target);
        for (const [path, is] of found) {
          if (is.kind !== 'file') continue;
          const was = source.get(path.slice('tree/'.length));
          const temporary = path.slice(path.lastIndexOf('/') + 1).startsWith('.znip-');
          if (temporary) {
            expect(heard || finished, `'${path}' left by ${signal}`).toBe(false);
            continue;
          }
          const size = lstatSync(join(target, path)).size;
          const whole = is.content === was?.content;
          const isOld = overwrites && readFileSync(join(target, path)).equals(old);
          const looksFinished =
            size === lstatSync(at(path)).size &&
            is.mtime / 1_000_000_000n === (was?.mtime ?? 0n) / 1_000_000_000n;
          expect(whole || isOld || !looksFinished, `${signal}: '${path}' looks finished and is not`).toBe(
            true,
          );
          // Whoever hears the signal ends what he has begun; and a name that was taken never holds less than a whole.
          if (heard || finished || overwrites)
            expect(whole || isOld, `${signal}: '${path}' is half written`).toBe(true);
        }
        if (finished) expect([...found.keys()].length).toBe(source.size + 1);
      },
    );
    console.log(`unpack ${name}: ${count} kills, ${tally.finished} too late, ${tally.heard} heard`);
  },
  TIMEOUT_MS,
);

test(
  'an update, killed: every name has the old content or the new, and the next run ends it',
  async () => {
    const target = at('updated');
    const args = ['unpack', '-q', '-j', '3', '--changed', '--delete', 'tree.znip', '-C', target];
    const count = share(0.12);
    const tally = await trials(
      () => {
        rmSync(target, { recursive: true, force: true });
        placeOldFiles(target);
        mkdirSync(join(target, 'tree/gone'));
        // These have no name yet.
        for (let i = 0; i < 300; i += 2) rmSync(join(target, `tree/small/${i}`));
        return { args };
      },
      count,
      ({ heard, finished }, signal) => {
        for (const [path, is] of describeTree(join(target, 'tree'))) {
          if (is.kind !== 'file') continue;
          if (path.slice(path.lastIndexOf('/') + 1).startsWith('.znip-')) {
            expect(heard || finished, `'${path}' left by ${signal}`).toBe(false);
            continue;
          }
          const isOld = readFileSync(join(target, 'tree', path)).equals(old);
          expect(isOld || is.content === source.get(path)?.content, `'${path}' after ${signal}`).toBe(true);
        }
        expect(znip(args, { cwd: directory }).status).toBe(0);
        expect(describeTree(join(target, 'tree'))).toEqual(source);
      },
    );
    console.log(`update: ${count} kills, ${tally.finished} too late, ${tally.heard} heard`);
  },
  TIMEOUT_MS,
);

function ensure(target: string): string {
  mkdirSync(target, { recursive: true });
  return target;
}

/** A file of other content under each file's name. */
function placeOldFiles(target: string): void {
  const first = at('old');
  writeFileSync(first, old);
  for (const [path, { kind }] of source) {
    const name = join(target, 'tree', path);
    if (kind === 'directory') mkdirSync(name, { recursive: true });
  }
  for (const [path, { kind }] of source) {
    if (kind === 'file') copyFileSync(first, join(target, 'tree', path));
  }
}
