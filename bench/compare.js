#!/usr/bin/env node
/**
 * `npm run bench`: packs, unpacks, lists and reads trees with znip and its peers in turns, and prints the
 * medians. Turns, because a machine's speed drifts: a ratio only holds between neighbours in time.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { peersNamed, whoIsInstalled } from './contenders.js';
import { PEERS } from './families.js';
import { describeMachine } from './machine.js';
import { TITLES, readsArchives } from './operations.js';
import { writeOutputs } from './outputs.js';
import { znipPeer, znipSettings } from './peers.js';
import { chaptersOf, formatConditions } from './result.js';
import { runRounds, SLOW } from './rounds.js';
import { formatText } from './sections.js';
import { formatBytes, formatCount, formatSeconds, positiveNumber } from './text.js';
import { selectMembers, summarizeTree } from './tree.js';
import { chooseBase, runMain, withWorkspace } from './workspace.js';

/**
 * @typedef {import('./peers.js').Peer} Peer
 * @typedef {import('./result.js').ComparisonResult} ComparisonResult
 */

const ZNIP = fileURLToPath(new URL('../bin/znip.cjs', import.meta.url));
const QUICK = ['tar+zstd -3'];

const HELP = `Compare znip with other archivers on your own files.

  npm run bench -- node_modules
  npm run bench -- --quick node_modules
  npm run bench -- --rounds 9 --json result.json --svg plot.svg ~/src/linux ~/photos
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
  --svg FILE       draw speed against size; of several directories, each its own
                   FILE-NAME.svg
  --markdown FILE  write the tables for a document
  --znip FILE      measure another build: its bin/znip.cjs
  --help

Peers:
${PEERS.map(({ name, about }) => `  ${name.padEnd(19)}  ${about}`).join('\n')}
`;

/** @param {string[]} args */
function parseCommandLine(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      limit: { type: 'string', default: '20' },
      quick: { type: 'boolean', default: false },
      peer: { type: 'string', multiple: true, default: [] },
      without: { type: 'string', multiple: true, default: [] },
      setting: { type: 'string', multiple: true, default: [] },
      work: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      markdown: { type: 'string' },
      znip: { type: 'string', default: ZNIP },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick, peer } = values;
  if (quick && peer.length > 0) throw new Error('--quick and --peer: choose one of them');
  return {
    ...values,
    rounds: positiveNumber('--rounds', values.rounds),
    limitSeconds: positiveNumber('--limit', values.limit),
    znip: resolve(values.znip),
    settings: values.setting.map((words) => words.trim().split(/\s+/)),
    directories: positionals.map((path) => resolve(path)),
  };
}

/**
 * @param {ReturnType<typeof parseCommandLine>} options
 * @returns {{ contenders: Peer[], versions: Record<string, string>, notInstalled: string[] }}
 */
function chooseContenders({ znip, quick, peer, without, settings }) {
  const named = quick ? QUICK : peer;
  const leftOut = peersNamed(without);
  const wanted = named.length > 0 ? peersNamed(named) : PEERS;
  const { installed, versions, missing } = whoIsInstalled(wanted.filter((one) => !leftOut.includes(one)));
  if (named.length > 0 && missing.length > 0) throw new Error(`${missing.join(', ')}: not installed here`);
  const own = [znipPeer(znip), ...(quick ? [] : znipSettings(znip, settings))];
  const ownVersion = whoIsInstalled(own).versions;
  if (ownVersion['znip'] === undefined) throw new Error(`${znip} does not run`);
  return {
    contenders: [...own, ...installed],
    versions: { ...ownVersion, ...versions },
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
  const options = parseCommandLine(process.argv.slice(2));
  const { help, directories, rounds, limitSeconds, znip } = options;
  if (help || directories.length === 0) {
    (help ? console.log : console.error)(HELP.trimEnd());
    process.exitCode = help ? 0 : 2;
    return;
  }
  if (znip === ZNIP && !existsSync(new URL('../dist/cli.cjs', import.meta.url))) {
    throw new Error('dist/cli.cjs is missing: run npm run build first');
  }
  const { contenders, versions, notInstalled } = chooseContenders(options);
  const corpora = directories.map((directory) => ({
    directory,
    ...summarizeTree(directory),
    selection: selectMembers(directory),
  }));
  // At the worst archives as large as their source, one of each contender that reads, another one, and an unpacked tree.
  const trees = contenders.filter(readsArchives).length + 2;
  const needed = Math.max(...corpora.map(({ allocatedBytes }) => allocatedBytes)) * trees;

  await withWorkspace(options.work ?? chooseBase(needed), async (work, signal) => {
    /** @type {ComparisonResult} */
    const result = {
      benchmark: 'compare',
      date: new Date().toISOString(),
      machine: describeMachine(work),
      versions,
      notInstalled,
      rounds,
      limitSeconds,
      corpora: [],
    };
    console.log(formatConditions(result).join('\n'));
    for (const corpus of corpora) {
      const { directory, members, bytes, selection } = corpus;
      process.stderr.write(`\n${directory}: ${formatCount(members)} members, ${formatBytes(bytes)}`);
      const { runs, failures } = await runRounds(directory, contenders, {
        rounds,
        limitSeconds,
        work,
        signal,
        selection,
        onRun: showRun(rounds),
      });
      process.stderr.write('\n');
      const described = contenders.map(({ name, family, label, about }) => ({ name, family, label, about }));
      result.corpora.push({ directory, members, bytes, selection, contenders: described, runs, failures });
      const [chapter] = chaptersOf({ ...result, corpora: result.corpora.slice(-1) });
      if (chapter !== undefined) console.log(`\n${formatText(chapter)}`);
      await writeOutputs(result, options);
    }
  });
});
