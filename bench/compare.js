#!/usr/bin/env node
/**
 * `npm run bench`: packs, unpacks and lists trees with znip and its peers in turns, and prints the
 * medians. Turns, because a machine's speed drifts: a ratio only holds between neighbours in time.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, formatMachine, programVersion } from './machine.js';
import { measure, run } from './measure.js';
import { PEERS, znipPeer } from './peers.js';
import { OPERATIONS, formatContention, formatReport } from './report.js';
import { formatBytes, formatCount, formatSeconds } from './text.js';
import { summarizeTree } from './tree.js';
import { chooseBase, runMain, withWorkspace } from './workspace.js';

/**
 * @typedef {import('./peers.js').Peer} Peer
 * @typedef {import('./report.js').Run} Run
 * @typedef {{ directory: string, members: number, bytes: number, allocatedBytes: number }} Corpus
 */

const ZNIP = fileURLToPath(new URL('../bin/znip.js', import.meta.url));

const HELP = `Compare znip with other archivers on your own files.

  npm run bench -- node_modules
  npm run bench -- --rounds 9 --json result.json ~/src/linux ~/photos
  npm run bench -- --peer tar+zstd --peer zip DIR

Every round packs, unpacks and lists each directory with znip and each peer in turn.
Ratios are znip / peer, the median over the rounds: below 1, znip is faster or smaller.

Usage: npm run bench -- [options] DIR...

  --rounds N    how often each is run (default 5)
  --peer NAME   compare with this one; may be repeated (default tar+zstd)
  --work DIR    where archives and unpacked trees go for the time being
                (default /dev/shm if it has room, else the temporary directory)
  --json FILE   write every single measurement
  --znip FILE   measure another build: its bin/znip.js
  --help

Peers:
${PEERS.map(({ name, about }) => `  ${name.padEnd(12)}  ${about}`).join('\n')}
`;

/** @param {string[]} args */
function parseCommandLine(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      peer: { type: 'string', multiple: true, default: ['tar+zstd'] },
      work: { type: 'string' },
      json: { type: 'string' },
      znip: { type: 'string', default: ZNIP },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: not a positive number`);
  const peers = (values.peer ?? []).map((name) => {
    const peer = PEERS.find((candidate) => candidate.name === name);
    if (peer === undefined)
      throw new Error(`--peer ${name}: there are ${PEERS.map((p) => p.name).join(', ')}`);
    return peer;
  });
  return { ...values, rounds, peers, directories: positionals.map((path) => resolve(path)) };
}

/**
 * @param {readonly Peer[]} contenders
 * @returns {Record<string, string>} by program; throws when one is missing
 */
function programVersions(contenders) {
  const commands = contenders.flatMap(({ name, versions }) => versions.map((command) => ({ name, command })));
  return Object.fromEntries(
    commands.map(({ name, command }) => {
      const program = name === 'znip' ? name : (command[0] ?? '');
      const version = programVersion(command);
      if (version === undefined) throw new Error(`${program} does not run here, and ${name} needs it`);
      return [program, version];
    }),
  );
}

/**
 * All rounds on one directory.
 *
 * @param {Corpus} corpus
 * @param {readonly Peer[]} contenders znip first
 * @param {{ rounds: number, work: string, signal: AbortSignal }} options
 * @returns {Promise<Run[]>}
 */
async function compareOn({ directory }, contenders, { rounds, work, signal }) {
  const parent = dirname(directory);
  const source = basename(directory);
  const target = join(work, 'unpacked');
  const archives = contenders.map(({ extension }, index) => join(work, `${index}.${extension}`));
  /** @type {Run[]} */
  const runs = [];

  // Into the page cache, so that the first one to read does not pay for the disk. Through a pipe:
  // GNU tar does not read what it would write to /dev/null.
  await measure([['tar', '-c', '-f', '-', source], ['cat']], { cwd: parent, scratch: work, signal });

  for (let round = 1; round <= rounds; round += 1) {
    for (const operation of OPERATIONS) {
      for (const [index, peer] of contenders.entries()) {
        const archive = archives[index] ?? '';
        if (operation === 'pack') await run(['rm', '-f', archive], { signal });
        if (operation === 'unpack') mkdirSync(target);
        const pipeline = {
          pack: () => peer.pack(source, archive),
          unpack: () => peer.unpack(archive, target),
          list: () => peer.list(archive),
        }[operation]();
        await run(['sync', '-f', work], { signal }).catch(() => signal.throwIfAborted());
        const measurement = await measure(pipeline, { cwd: parent, scratch: work, signal });
        runs.push({
          round,
          operation,
          peer: peer.name,
          archiveBytes: statSync(archive).size,
          ...measurement,
        });
        if (operation !== 'unpack') continue;
        if (round === 1 && index === 0) {
          await run(['diff', '-r', '--no-dereference', directory, join(target, source)], { signal });
        }
        await run(['rm', '-rf', target], { signal });
      }
    }
    showRound(runs, round, rounds);
  }
  await run(['rm', '-f', ...archives], { signal });
  return runs;
}

/**
 * @param {readonly Run[]} runs
 * @param {number} round
 * @param {number} rounds
 */
function showRound(runs, round, rounds) {
  const times = OPERATIONS.map((operation) => {
    const turn = runs.filter((candidate) => candidate.round === round && candidate.operation === operation);
    return `${operation} ${turn.map(({ wallSeconds }) => formatSeconds(wallSeconds)).join(' / ')}`;
  });
  console.error(`  round ${round} of ${rounds}: ${times.join(', ')}`);
}

await runMain(async () => {
  const { rounds, peers, work, json, znip, help, directories } = parseCommandLine(process.argv.slice(2));
  if (help || directories.length === 0) {
    (help ? console.log : console.error)(HELP.trimEnd());
    process.exitCode = help ? 0 : 2;
    return;
  }
  if (znip === ZNIP && !existsSync(new URL('../dist/cli.js', import.meta.url))) {
    throw new Error('dist/cli.js is missing: run npm run build first');
  }
  const contenders = [znipPeer(resolve(znip)), ...peers];
  const versions = programVersions(contenders);
  const corpora = directories.map((directory) => ({ directory, ...summarizeTree(directory) }));
  // At the worst an archive of each contender as large as its source, and one unpacked tree.
  const needed = Math.max(...corpora.map(({ allocatedBytes }) => allocatedBytes)) * (contenders.length + 1);

  await withWorkspace(work ?? chooseBase(needed), async (workspace, signal) => {
    const machine = describeMachine(workspace);
    console.log(formatMachine(machine));
    console.log(
      Object.entries(versions)
        .map((pair) => pair.join(' '))
        .join(', '),
    );
    const results = [];
    for (const corpus of corpora) {
      const { directory, members, bytes } = corpus;
      console.log(`\n${directory}: ${formatCount(members)} members, ${formatBytes(bytes)}`);
      const runs = await compareOn(corpus, contenders, { rounds, work: workspace, signal });
      console.log(peers.map(({ name }) => `\n${formatReport(runs, name)}`).join('\n'));
      console.log(formatContention(runs));
      results.push({ directory, members, bytes, runs });
      if (json !== undefined) {
        writeFileSync(json, `${JSON.stringify({ machine, versions, rounds, corpora: results }, null, 2)}\n`);
      }
    }
  });
});
