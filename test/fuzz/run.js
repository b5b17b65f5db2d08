#!/usr/bin/env node
/**
 * `npm run fuzz -- [TARGET...] [--seconds N] [--seed N] [--input N]`: tries inputs for as long as it is told
 * and reports what breaks a property, hangs or dies. An input is made from seed, target and number alone, so
 * `--seed` and `--input` make it again; findings are kept in `.fuzz/`.
 */
import { fork } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OUTPUT = join(ROOT, '.fuzz');
/** An input that takes longer hangs: most take a few milliseconds. */
const HANG_MS = 30_000;
/** How long one process goes on: what it has leaked goes with it. */
const BATCH_MS = 60_000;

/** Millions of small files are made: where Linux has memory for them, no disk wears. */
const RAM_DISK = '/dev/shm';

/** @typedef {{ target: string, seed: number, input: number }} Place */
/** @typedef {{ at?: Place, finding?: Place & { error: string }, compared?: Record<string, number> }} Message */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_007) },
    input: { type: 'string' },
  },
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
if (!(seconds > 0) || !Number.isInteger(seed)) {
  process.stderr.write('Usage: npm run fuzz -- [TARGET...] [--seconds N] [--seed N] [--input N]\n');
  process.exit(2);
}

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** What starts threads is the built one. @type {import('esbuild').Plugin} */
const builtPipelines = {
  name: 'built-pipelines',
  setup(bundler) {
    const path = pathToFileURL(join(ROOT, 'dist/internal.js')).href;
    bundler.onResolve({ filter: /^znip\/internal$/ }, () => ({ path, external: true }));
  },
};
mkdirSync(OUTPUT, { recursive: true });
await build({
  entryPoints: [join(ROOT, 'test/fuzz/main.ts')],
  outfile: join(OUTPUT, 'main.mjs'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: Object.keys(dependencies),
  plugins: [builtPipelines],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

const scratch = mkdtempSync(join(existsSync(RAM_DISK) ? RAM_DISK : tmpdir(), 'znip-fuzz-run-'));
const end = Date.now() + 1000 * seconds;
let [tried, findings] = [0, 0];
/** @type {Map<string, number>} */
const perTarget = new Map();

/** By way of reading, how often what it gave was compared. @type {Map<string, number>} */
const compared = new Map();

/** @param {Place & { error: string }} finding */
function report(finding) {
  findings += 1;
  appendFileSync(join(OUTPUT, 'findings.jsonl'), `${JSON.stringify(finding)}\n`);
  const { target, input, error } = finding;
  process.stdout.write(
    `\n${target}: ${error}\n  again: npm run fuzz -- ${target} --seed ${seed} --input ${input}\n`,
  );
}

/** By target, the number of the next input. @type {Record<string, number>} */
const next = {};

/**
 * Tries inputs in a process of its own for so long, or one of each target.
 * @param {number | undefined} ms @returns {Promise<void>}
 */
function runBatch(ms) {
  const order = { names: positionals, seed, next, ms };
  const child = fork(join(OUTPUT, 'main.mjs'), [JSON.stringify(order)], {
    env: { ...process.env, ZNIP_FUZZ_ROOT: ROOT, ZNIP_FUZZ_SCRATCH: scratch },
    execArgv: ['--max-old-space-size=1024'],
  });
  /** @type {Place | undefined} */
  let at;
  let since = Date.now();
  let killed = false;
  const watch = setInterval(() => {
    if (at === undefined || Date.now() - since < HANG_MS) return;
    report({ ...at, error: `hangs: it takes more than ${HANG_MS / 1000} s` });
    killed = true;
    child.kill('SIGKILL');
  }, 500);
  child.on('message', (/** @type {Message} */ message) => {
    since = Date.now();
    if (message.finding !== undefined) report(message.finding);
    for (const [way, times] of Object.entries(message.compared ?? {})) {
      compared.set(way, (compared.get(way) ?? 0) + times);
    }
    if (message.at === undefined) return;
    at = message.at;
    next[at.target] = at.input + 1;
    tried += 1;
    perTarget.set(at.target, (perTarget.get(at.target) ?? 0) + 1);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status, signal) => {
      clearInterval(watch);
      if (status === 2) process.exit(2);
      if (status !== 0 && !killed && at !== undefined) {
        report({ ...at, error: `the process dies: ${signal ?? `status ${status}`}` });
      }
      resolve();
    });
  });
}

const started = Date.now();
if (values.input === undefined) {
  while (Date.now() < end) await runBatch(Math.min(BATCH_MS, end - Date.now()));
} else {
  for (const name of positionals) next[name] = Number(values.input);
  await runBatch(undefined);
}
rmSync(scratch, { recursive: true, force: true });
const table = [...perTarget].map(([name, count]) => `${name} ${count}`).join(', ');
process.stdout.write(
  `\n${tried} inputs in ${Math.round((Date.now() - started) / 1000)} s (seed ${seed}): ${findings} findings\n${table}\n`,
);
for (const [way, times] of compared) process.stdout.write(`  ${way}: compared ${times} times\n`);
process.exitCode = findings > 0 ? 1 : 0;
