#!/usr/bin/env node
/**
 * `npm run bench`: packs, unpacks, lists and reads trees with znip and its peers in turns, and prints the
 * medians as Markdown. Turns, because a machine's speed drifts: a ratio only holds between neighbours in time, and
 * hyperfine, which times one command after the other, has none.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { peersNamed, whoIsInstalled } from './contenders.js';
import { PEERS } from './families.js';
import { formatConditions, measuredOn } from './machine.js';
import { TITLES, readsArchives } from './operations.js';
import { ZNIP, znipPeer, znipSettings } from './peers.js';
import { reportTree } from './report.js';
import { runRounds, SLOW } from './rounds.js';
import { formatBytes, formatCount, formatSeconds, positiveNumber } from './text.js';
import { selectMembers, summarizeTree } from './tree.js';
import { chooseBase, parseOptions, runMain, withWorkspace } from './workspace.js';

const QUICK = ['tar+zstd -3'];

const HELP = `Compare znip with other archivers on your own files.

  npm run bench -- node_modules
  npm run bench -- --quick node_modules
  npm run bench -- --rounds 9 --json result.json ~/src/linux ~/photos
  npm run bench -- --peer tar+zstd --peer 'zip -1' --setting='-15 --long' DIR

Every round packs, unpacks (from a file and from a pipe), lists, extracts one
member and reads a range of the largest, with znip and every peer that is
installed, in turn. What comes out is compared with the source the first time.
Times and sizes are multiples of znip's with its default settings, the median
over the rounds: above 1, znip is faster or smaller. Of each family, the first
setting does everything and the others only pack.

Usage: npm run bench -- [options] DIR...

  --rounds N       how often each is run (default 5)
  --limit SECONDS  fewer rounds, and at least one, for what takes more than
                   ${SLOW} times as long as znip's default and longer than this in
                   all of them (default 20)
  --quick          compare znip's default with ${QUICK.join(', ')} alone
  --peer NAME      compare with this one or this family; may be repeated
  --without NAME   leave this one or this family out; may be repeated
  --setting=WORDS  measure 'znip pack WORDS', too; may be repeated
  --work DIR       where archives and unpacked trees go for the time being
                   (default /dev/shm if it has room, else the temporary directory)
  --json FILE      write every single measurement
  --znip FILE      measure another build: its bin/znip.cjs
  --help

Peers:
${PEERS.map(({ name, about }) => `  ${name.padEnd(19)}  ${about}`).join('\n')}
`;

/** @param {{ znip: string, quick: boolean, peer: string[], without: string[], setting: string[] }} options */
function chooseContenders({ znip, quick, peer, without, setting }) {
  if (quick && peer.length > 0) throw new Error('--quick and --peer: choose one of them');
  const named = quick ? QUICK : peer;
  const leftOut = peersNamed(without);
  const wanted = named.length > 0 ? peersNamed(named) : PEERS;
  const { installed, versions, missing } = whoIsInstalled(wanted.filter((one) => !leftOut.includes(one)));
  if (named.length > 0 && missing.length > 0) throw new Error(`${missing.join(', ')}: not installed here`);
  const default_ = znipPeer(znip);
  const settings = setting.map((words) => words.trim().split(/\s+/));
  return {
    contenders: [default_, ...(quick ? [] : znipSettings(znip, settings)), ...installed],
    versions: { ...whoIsInstalled([default_]).versions, ...versions },
    notInstalled: missing,
  };
}

/**
 * @param {number} rounds
 * @returns {(run: import('./statistics.js').Run) => void} a line for each operation of a round, as it goes on
 */
function showRun(rounds) {
  let line = '';
  return ({ round, operation, contender, wallSeconds }) => {
    const begin = `\n  round ${round} of ${rounds}, ${TITLES[operation]}: `;
    process.stderr.write(`${begin === line ? ', ' : begin}${contender} ${formatSeconds(wallSeconds)}`);
    line = begin;
  };
}

await runMain(async () => {
  const options = parseOptions(HELP, {
    options: {
      rounds: { type: 'string', default: '5' },
      limit: { type: 'string', default: '20' },
      quick: { type: 'boolean', default: false },
      peer: { type: 'string', multiple: true, default: [] },
      without: { type: 'string', multiple: true, default: [] },
      setting: { type: 'string', multiple: true, default: [] },
      work: { type: 'string' },
      json: { type: 'string' },
      znip: { type: 'string', default: ZNIP },
    },
    operands: [1, Infinity],
  });
  if (options === undefined) return;
  const { values, positionals } = options;
  const rounds = positiveNumber('--rounds', values.rounds);
  const limitSeconds = positiveNumber('--limit', values.limit);
  const { contenders, versions, notInstalled } = chooseContenders(values);
  const trees = positionals.map((path) => {
    const directory = resolve(path);
    return { directory, ...summarizeTree(directory), selection: selectMembers(directory) };
  });
  // At the worst archives as large as their source, one of each contender that reads, another one, and an unpacked tree.
  const copies = contenders.filter(readsArchives).length + 2;
  const needed = Math.max(...trees.map(({ allocatedBytes }) => allocatedBytes)) * copies;

  await withWorkspace(values.work ?? chooseBase(needed), async (work, signal) => {
    const conditions = { ...measuredOn(work), versions, notInstalled };
    /** @type {import('./report.js').TreeResult[]} */
    const results = [];
    for (const { allocatedBytes: _, ...tree } of trees) {
      const { directory, members, bytes, selection } = tree;
      process.stderr.write(`${directory}: ${formatCount(members)} members, ${formatBytes(bytes)}`);
      const { runs, failures } = await runRounds(directory, contenders, {
        rounds,
        limitSeconds,
        work,
        signal,
        selection,
        onRun: showRun(rounds),
      });
      process.stderr.write('\n\n');
      const result = { ...tree, contenders: contenders.map(({ name }) => name), runs, failures };
      results.push(result);
      console.log(reportTree(result, formatConditions(conditions, runs)));
      if (values.json === undefined) continue;
      const written = { ...conditions, rounds, limitSeconds, trees: results };
      writeFileSync(values.json, `${JSON.stringify(written, null, 2)}\n`);
    }
  });
});
