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
import { MEMBERS, READERS } from './abilities/members.js';
import { TOOLS } from './abilities/tools.js';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENT = join(PROJECT, 'docs/comparison.md');

/**
 * A table of the document: a question for each row, and who is asked.
 *
 * @typedef {{ title: string, rows: readonly import('./abilities/abilities.js').Ability[], tools: Record<string, import('./abilities/tools.js').Tool> }} Table
 */

/** @type {Table} */
const OF_ABILITIES = { title: 'what `npm run abilities` writes', rows: ABILITIES, tools: TOOLS };
/** @type {Table} */
export const OF_MEMBERS = {
  title: 'what `npm run abilities` writes of members',
  rows: MEMBERS,
  tools: READERS,
};

/** @param {Table} table */
function marksOf({ title }) {
  return { begin: `<!-- begin of ${title} -->\n`, end: `<!-- end of ${title} -->\n` };
}

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
  const tarOf = join(bin, 'tar_of');
  writeFileSync(
    tarOf,
    `#!/bin/sh\nexec '${process.execPath}' '${join(PROJECT, 'scripts/abilities/tar-of.js')}' "$@"\n`,
  );
  chmodSync(tarOf, 0o755);
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
 * @param {import('./abilities/tools.js').Tool | undefined} tool
 * @param {string} key
 * @param {import('./abilities/abilities.js').Ability} ability
 * @param {string} root
 * @param {(message: string) => void} explain
 */
async function askOne(tool, key, { name, setup = '', ways, programs = [] }, root, explain) {
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
 * @param {readonly string[]} [keys] of the table's tools
 * @param {(message: string) => void} [explain] is told why a way failed
 * @param {Table} [table]
 * @returns {Promise<{ ability: string, answers: Record<string, string> }[]>}
 */
export async function ask(keys, explain = () => {}, table = OF_ABILITIES) {
  const { tools } = table;
  const root = makeRoot();
  try {
    makeBin(root);
    /** @type {{ ability: string, answers: Record<string, string> }[]} */
    const rows = table.rows.map(({ name }) => ({ ability: name, answers: {} }));
    const asked = keys ?? Object.keys(tools);
    const questions = table.rows.flatMap((ability, row) => asked.map((key) => ({ ability, row, key })));
    const askNext = async () => {
      for (let next = questions.shift(); next !== undefined; next = questions.shift()) {
        const { ability, row, key } = next;
        const answer = await askOne(tools[key], key, ability, root, explain);
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
export function readDocument(table = OF_ABILITIES) {
  const text = readFileSync(DOCUMENT, 'utf8');
  const { begin, end } = marksOf(table);
  const written = text.slice(text.indexOf(begin) + begin.length, text.indexOf(end));
  const rows = written.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) => {
    const [, ability = '', ...cells] = row.split('|').map((cell) => cell.trim());
    return {
      ability,
      answers: Object.fromEntries(Object.keys(table.tools).map((key, i) => [key, cells[i] ?? ''])),
    };
  });
}

/**
 * @param {Awaited<ReturnType<typeof ask>>} rows
 * @param {Table['tools']} tools
 */
function tableOf(rows, tools) {
  const keys = Object.keys(tools);
  const cells = [
    ['', ...keys.map((key) => tools[key]?.name ?? key)],
    ...rows.map(({ ability, answers }) => [ability, ...keys.map((key) => answers[key] ?? '')]),
  ];
  const widths = keys
    .concat('')
    .map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |\n`);
  lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |\n`);
  return lines.join('');
}

/** @param {Table['tools']} tools */
function versions(tools) {
  return Object.values(tools)
    .filter(({ programs }) => programs.length > 0 && areInstalled(programs))
    .map(({ version }) => spawnSync('bash', ['-c', version], { encoding: 'utf8' }).stdout)
    .flatMap((text) => text.trim().split('\n'))
    .join(', ');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const why = process.argv.includes('--why');
  const explain = why ? (/** @type {string} */ message) => process.stdout.write(`${message}\n\n`) : undefined;
  // `--members` asks the second table alone, which takes less time.
  for (const table of process.argv.includes('--members') ? [OF_MEMBERS] : [OF_ABILITIES, OF_MEMBERS]) {
    const text = tableOf(await ask(undefined, explain, table), table.tools);
    process.stdout.write(text);
    if (why) continue;
    const { begin, end } = marksOf(table);
    const document = readFileSync(DOCUMENT, 'utf8');
    const [before = ''] = document.split(begin);
    const [, after = ''] = document.split(end);
    writeFileSync(
      DOCUMENT,
      `${before}${begin}\n${text}\nAsked of ${versions(table.tools)}.\n\n${end}${after}`,
    );
  }
}
