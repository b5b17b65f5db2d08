/**
 * Somebody else changes the target while it is unpacked into: a directory is exchanged for a symlink that
 * leads out of the target, and back, again and again. Fails only when something lands outside.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startExchanging } from '../support/exchange.ts';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { startZnip, ZNIP } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);

const members: ForgedMember[] = [
  { path: 'd', kind: 'directory' },
  ...Array.from({ length: 600 }, (_, i): ForgedMember => ({
    path: `d/${i % 20}/${i}`,
    content: `content ${i}`,
  })),
  ...Array.from({ length: 60 }, (_, i): ForgedMember => ({
    path: `d/links/${i}`,
    kind: 'symlink',
    linkTarget: '/x',
  })),
  // With this much content, both ways of unpacking start threads.
  { path: 'd/zz-ballast', content: Buffer.alloc(8 * 1024 * 1024 + 1) },
];

test.each([
  ['by the index', ['attack.znip']],
  ['from a pipe', ['-']],
])('nothing lands where a symlink leads that is swapped in (%s)', async (_name, archive) => {
  writeFileSync(at('attack.znip'), forgeArchive(members));
  mkdirSync(at('target/d'), { recursive: true });
  symlinkSync('../outside', at('target/link'));
  // The same directories, so that a way through the symlink leads somewhere.
  for (const name of [...Array(20).keys(), 'links']) mkdirSync(at(`outside/${name}`), { recursive: true });
  const attacker = startExchanging([['d', 'link']], at('target'));
  try {
    for (const threads of ['1', '3', '3']) {
      const args = ['unpack', '-q', '--overwrite', '-j', threads, ...archive, '-C', 'target'];
      const child =
        archive[0] === '-'
          ? spawn('sh', ['-c', `exec "$0" "$@" <attack.znip`, process.execPath, ZNIP, ...args], {
              cwd: directory,
              stdio: 'ignore',
            })
          : startZnip(args, { cwd: directory });
      child.stderr?.resume();
      // Most runs end with an error: a directory was not there when it was needed.
      await new Promise((resolve) => child.once('exit', resolve));
      const landed = readdirSync(at('outside'), { recursive: true, withFileTypes: true }).filter(
        (entry) => !entry.isDirectory(),
      );
      expect(
        landed.map(({ name }) => name),
        `-j ${threads}`,
      ).toEqual([]);
    }
  } finally {
    attacker.kill('SIGKILL');
    await new Promise((resolve) => attacker.once('exit', resolve));
    rmSync(at('target'), { recursive: true, force: true });
  }
});
