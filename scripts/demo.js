#!/usr/bin/env node
/**
 * `npm run demo`: znip at work on a real tree, in a temporary directory that is removed at the end. Every
 * command is shown before it runs, and runs as if it had been typed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatBytes, formatCount, formatSeconds, shellCommand } from '../bench/text.js';
import { summarizeTree } from '../bench/tree.js';
import { runMain, withWorkspace } from '../bench/workspace.js';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const ZNIP = join(PROJECT, 'bin/znip.cjs');
const NAMES_SHOWN = 8;

/**
 * Shows a command, runs it and times it. Rejects when it fails.
 *
 * @param {string[]} argv `znip` is this project's; a pipeline is given to `sh -c`
 * @param {{ cwd: string, signal: AbortSignal, capture?: boolean }} options capture: stdout is returned, not shown
 * @returns {Promise<{ seconds: number, stdout: string }>}
 */
async function show(argv, { cwd, signal, capture = false }) {
  signal.throwIfAborted();
  console.log(`\n$ ${argv[0] === 'sh' ? argv[2] : shellCommand(argv)}`);
  const [program = '', ...words] = argv[0] === 'znip' ? [process.execPath, ZNIP, ...argv.slice(1)] : argv;
  const start = performance.now();
  const child = spawn(program, words, { cwd, stdio: ['inherit', capture ? 'pipe' : 'inherit', 'inherit'] });
  // Ctrl-C reaches the command by itself; a signal sent to this process alone does not.
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (stdout += text));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, killedBy) => resolve(code ?? killedBy));
  });
  signal.removeEventListener('abort', stop);
  signal.throwIfAborted();
  if (status !== 0) throw new Error(`${program} failed with ${status}`);
  return { seconds: (performance.now() - start) / 1000, stdout };
}

/**
 * @param {string[]} argv
 * @returns {boolean} whether the program is here and understands these options
 */
function works([program = '', ...words]) {
  return spawnSync(program, words, { stdio: 'ignore' }).status === 0;
}

/**
 * @param {string} source the tree to show it on
 * @param {string} work
 * @param {AbortSignal} signal
 */
async function demonstrate(source, work, signal) {
  const parent = dirname(source);
  const name = basename(source);
  const archive = join(work, `${name}.znip`);
  const copy = join(work, 'copy');
  const tree = summarizeTree(source);
  console.log(`${source}: ${formatCount(tree.members)} members, ${formatBytes(tree.bytes)}`);

  const packing = await show(['znip', 'pack', name, '-o', archive], { cwd: parent, signal });

  const listing = await show(['znip', 'ls', archive], { cwd: parent, signal, capture: true });
  const names = listing.stdout.trimEnd().split('\n');
  console.log(names.slice(0, NAMES_SHOWN).join('\n'));
  if (names.length > NAMES_SHOWN) console.log(`... and ${formatCount(names.length - NAMES_SHOWN)} more`);

  mkdirSync(copy);
  const unpacking = await show(['znip', 'unpack', archive, '-C', copy], { cwd: parent, signal });

  const compares = works(['diff', '--no-dereference', '/dev/null', '/dev/null']);
  if (compares) {
    await show(['diff', '-r', '--no-dereference', name, join(copy, name)], { cwd: parent, signal });
    console.log('No difference.');
  }

  const probe = ['tar', '--zstd', '-cf', join(work, 'probe.tar.zst'), '-C', PROJECT, 'package.json'];
  const opensWithTar = works(probe);
  if (opensWithTar) {
    const line = `${shellCommand(['tar', '--zstd', '-tf', archive])} | wc -l`;
    await show(['sh', '-c', line], { cwd: parent, signal });
  }

  const archiveBytes = statSync(archive).size;
  const share =
    tree.bytes === 0 ? '' : `, ${((archiveBytes / tree.bytes) * 100).toFixed(0)} % of the content`;
  const lines = [
    `packed    ${formatBytes(tree.bytes)} into ${formatBytes(archiveBytes)}${share}, in ${formatSeconds(packing.seconds)}`,
    `listed    ${formatCount(names.length)} members in ${formatSeconds(listing.seconds)}`,
    `unpacked  in ${formatSeconds(unpacking.seconds)}${compares ? ', the same as the original' : ''}`,
    opensWithTar
      ? 'opened    with plain tar and zstd: whoever gets a .znip file needs nothing else'
      : 'tar with zstd support is not installed here; where it is, it opens the archive as well',
  ];
  console.log(`\n${lines.join('\n')}`);
}

await runMain(async () => {
  const source = resolve(process.argv[2] ?? join(PROJECT, 'node_modules'));
  if (!existsSync(source)) throw new Error(`${source} does not exist: name a directory, npm run demo -- DIR`);
  await withWorkspace(tmpdir(), (work, signal) => demonstrate(source, work, signal));
});
