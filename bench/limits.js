#!/usr/bin/env node
/**
 * How near packing and unpacking are to what they consist of: the codec, the hashes, and the file system, each measured
 * alone on one thread (bench/drivers/parts.js), beside the CPU time of the whole.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { whoIsInstalled } from './contenders.js';
import { describeMachine } from './machine.js';
import { measure, run } from './measure.js';
import { writeOutputs } from './outputs.js';
import { znipPeer } from './peers.js';
import { chaptersOf, formatConditions } from './result.js';
import { formatText } from './sections.js';
import { positiveNumber } from './text.js';
import { summarizeTree } from './tree.js';
import { chooseBase, runMain, withWorkspace } from './workspace.js';

const PARTS = fileURLToPath(new URL('drivers/parts.js', import.meta.url));

const HELP = `Show what packing and unpacking consist of: codec, hashes, file system, each alone.

  node bench/limits.js node_modules
  node bench/limits.js --rounds 9 --json limits.json ~/src/linux

Usage: node bench/limits.js [options] DIR

The tree, its tar stream and a copy have to fit in memory, and in the working directory.
Needs the fast codec: zstd-napi and @napi-rs/blake-hash.

  --rounds N       the median of so many rounds (default 5)
  --work DIR       where archives and copies go for the time being
                   (default /dev/shm if it has room, else the temporary directory)
  --json FILE      write every single measurement
  --markdown FILE  write the tables for a document
  --znip FILE      measure another build: its bin/znip.cjs
  --help
`;

await runMain(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      work: { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      znip: { type: 'string', default: fileURLToPath(new URL('../bin/znip.cjs', import.meta.url)) },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help || positionals.length !== 1) {
    (values.help ? console.log : console.error)(HELP.trimEnd());
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const rounds = positiveNumber('--rounds', values.rounds);
  const tree = resolve(positionals[0] ?? '');
  const peer = znipPeer(resolve(values.znip));
  const { versions, missing } = whoIsInstalled([peer]);
  const { members, bytes, allocatedBytes } = summarizeTree(tree);

  await withWorkspace(values.work ?? chooseBase(allocatedBytes * 4), async (work, signal) => {
    const conditions = {
      date: new Date().toISOString(),
      machine: describeMachine(work),
      versions,
      notInstalled: missing,
      rounds,
    };
    console.log(formatConditions(conditions).join('\n'));
    const cwd = dirname(tree);
    const source = basename(tree);
    const archive = join(work, 'tree.znip');
    const target = join(work, 'unpacked');
    const tar = join(work, 'tree.tar');
    await run(['tar', '-c', '-f', tar, source], { cwd, signal });
    /** @type {import('./report-limits.js').LimitsResult} */
    const limits = { name: source, members, bytes, parts: [], runs: [] };
    for (let round = 1; round <= rounds; round += 1) {
      mkdirSync(target);
      const printed = execFileSync(process.execPath, [PARTS, tree, tar, target], { encoding: 'utf8' });
      limits.parts.push(
        printed
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
      await run(['rm', '-rf', target], { signal });
      await run(['rm', '-f', archive], { signal });
      const pack = await measure(peer.pack(source, archive), { cwd, scratch: work, signal });
      limits.runs.push({ round, command: 'znip pack', ...pack });
      mkdirSync(target);
      const unpack = await measure(peer.unpack(archive, target, source), { cwd, scratch: work, signal });
      limits.runs.push({ round, command: 'znip unpack', ...unpack });
      await run(['rm', '-rf', target], { signal });
      console.error(`  round ${round} of ${rounds}`);
    }
    /** @type {import('./result.js').LimitsBenchmark} */
    const result = { benchmark: 'limits', ...conditions, ...limits };
    for (const chapter of chaptersOf(result)) console.log(`\n${formatText(chapter)}`);
    await writeOutputs(result, values);
  });
});
