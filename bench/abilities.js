#!/usr/bin/env node
/**
 * `npm run abilities`: asks every program for every ability, by running it, prints the table and writes it into
 * docs/comparison.md. `npm run abilities -- --why` prints what every way that failed has said, and writes nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ABILITIES } from './abilities/abilities.js';
import { TOOLS } from './abilities/tools.js';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENT = join(PROJECT, 'docs/comparison.md');
const BEGIN = '<!-- begin of what `npm run abilities` writes -->\n';
const END = '<!-- end of what `npm run abilities` writes -->\n';

const NO = 'no';
export const NOT_ASKED = 'not installed';
/** The status of a preparation on a machine where it cannot be made. */
const CANNOT_ASK = 77;
/** A way takes seconds; a program that waits for ever has failed. */
const TIMEOUT_MS = 60_000;
/** Scripts that run at a time: most of them wait for processes to start. */
const AT_A_TIME = 2;

const PRELUDE = `
exec < /dev/null
CANNOT_ASK=${CANNOT_ASK}
fails() { if "$@"; then return 1; else return 0; fi; }`;

/** @param {readonly string[]} programs */
function areInstalled(programs) {
  return programs.every((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0);
}

/** A folder in memory, where directories are in order of age: whatever does not sort them is seen. */
function makeRoot() {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'znip-abilities-'));
}

/** A folder with this project's `znip`, to be on the PATH. @param {string} root */
function makeBin(root) {
  const bin = join(root, 'bin');
  mkdirSync(bin);
  const znip = join(bin, 'znip');
  writeFileSync(znip, `#!/bin/sh\nexec '${process.execPath}' '${join(PROJECT, 'bin/znip.cjs')}' "$@"\n`);
  chmodSync(znip, 0o755);
  return bin;
}

/**
 * Runs bash in a folder of its own.
 *
 * @param {string} script
 * @param {string} root
 * @returns {Promise<{ status: number | null, said: string }>}
 */
async function bash(script, root) {
  const folder = mkdtempSync(join(root, 'folder-'));
  const path = `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`;
  const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd: folder,
    env: { PATH: path, HOME: folder, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that what it started ends with it.
    detached: true,
  });
  const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), TIMEOUT_MS);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (said += String(piece)));
  /** @type {number | null} */
  const status = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  rmSync(folder, { recursive: true, force: true });
  return { status, said };
}

/**
 * The answer of one program: that of the first way that works. Throws when a preparation fails: then there is none.
 *
 * @param {string} key
 * @param {import('./abilities/abilities.js').Ability} ability
 * @param {string} root
 * @param {(message: string) => void} explain
 */
async function askOne(key, { name, setup = '', ways, programs = [] }, root, explain) {
  const tool = TOOLS[key];
  if (tool === undefined || !areInstalled([...tool.programs, ...programs])) return NOT_ASKED;
  for (const way of ways[key] ?? ways['all'] ?? []) {
    const [script, answer] = typeof way === 'string' ? [way, 'yes'] : way;
    // What was said before the mark is the preparation's.
    const whole = `${PRELUDE}\n${tool.functions}\n${setup}\necho "ready"\n${script}`;
    const { status, said } = await bash(whole, root);
    if (!/^ready$/m.test(said)) {
      if (status === CANNOT_ASK) return NOT_ASKED;
      throw new Error(`${tool.name}, "${name}": the preparation failed: ${said}`);
    }
    if (status === 0) return answer;
    explain(`${tool.name}, "${name}": ${script}\n  status ${status}: ${said.slice(-400)}`);
  }
  return NO;
}

/**
 * Answers to all questions, of all programs or of some.
 *
 * @param {readonly string[]} keys of TOOLS
 * @param {(message: string) => void} explain is told why a way failed
 * @returns {Promise<{ ability: string, answers: Record<string, string> }[]>}
 */
export async function ask(keys = Object.keys(TOOLS), explain = () => {}) {
  const root = makeRoot();
  try {
    makeBin(root);
    /** @type {{ ability: string, answers: Record<string, string> }[]} */
    const rows = ABILITIES.map(({ name }) => ({ ability: name, answers: {} }));
    const questions = ABILITIES.flatMap((ability, row) => keys.map((key) => ({ ability, row, key })));
    const askNext = async () => {
      for (let next = questions.shift(); next !== undefined; next = questions.shift()) {
        const { ability, row, key } = next;
        const answer = await askOne(key, ability, root, explain);
        const { answers } = rows[row] ?? { answers: {} };
        answers[key] = answer;
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, askNext));
    return rows;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The answers in the document, as `ask` gives them. */
export function readDocument() {
  const text = readFileSync(DOCUMENT, 'utf8');
  const table = text.slice(text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END));
  const rows = table.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) => {
    const [, ability = '', ...cells] = row.split('|').map((cell) => cell.trim());
    return {
      ability,
      answers: Object.fromEntries(Object.keys(TOOLS).map((key, i) => [key, cells[i] ?? ''])),
    };
  });
}

/** @param {Awaited<ReturnType<typeof ask>>} rows */
function tableOf(rows) {
  const keys = Object.keys(TOOLS);
  const cells = [
    ['', ...keys.map((key) => TOOLS[key]?.name ?? key)],
    ...rows.map(({ ability, answers }) => [ability, ...keys.map((key) => answers[key] ?? '')]),
  ];
  const widths = keys
    .concat('')
    .map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |\n`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |\n`);
  return lines.join('');
}

function versions() {
  return Object.values(TOOLS)
    .filter(({ programs }) => programs.length > 0 && areInstalled(programs))
    .map(({ version }) => spawnSync('bash', ['-c', version], { encoding: 'utf8' }).stdout)
    .flatMap((text) => text.trim().split('\n'))
    .join(', ');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const why = process.argv.includes('--why');
  const rows = await ask(undefined, why ? (message) => process.stdout.write(`${message}\n\n`) : undefined);
  const table = tableOf(rows);
  process.stdout.write(table);
  if (!why) {
    const text = readFileSync(DOCUMENT, 'utf8');
    const [before = ''] = text.split(BEGIN);
    const [, after = ''] = text.split(END);
    writeFileSync(DOCUMENT, `${before}${BEGIN}\n${table}\nAsked of ${versions()}.\n\n${END}${after}`);
  }
}
