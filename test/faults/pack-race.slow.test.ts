/**
 * Somebody else changes a tree while it is packed: a directory is exchanged for a symlink that leads out of it, a
 * file for a symlink, a FIFO and a hard link, and back, again and again. Fails only when something of outside is in
 * an archive, when an archive is not whole, or when a run does not end.
 */
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { startExchanging } from '../support/exchange.ts';
import { run, ZNIP, znip } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

const SECRET = 'what is outside of the tree';

beforeAll(() => {
  for (const place of ['tree/d', 'outside']) {
    for (let i = 0; i < 10; i++) {
      mkdirSync(at(`${place}/${i}`), { recursive: true });
      for (let j = 0; j < 40; j++) {
        writeFileSync(at(`${place}/${i}/${j}`), place === 'outside' ? SECRET : 'what belongs in an archive.');
      }
    }
  }
  // With this much content, threads are started.
  writeFileSync(at('tree/e-ballast'), Buffer.alloc(9 * 1024 * 1024));
  writeFileSync(at('tree/f'), 'a file');
  writeFileSync(at('large'), Buffer.alloc(600_000, SECRET));
  writeFileSync(at('tree/g-large'), Buffer.alloc(600_000, 'large'));
  mkdirSync(at('side'));
  symlinkSync(at('outside'), at('side/d'));
  symlinkSync(at('outside/0/0'), at('side/f'));
  run('mkfifo', [at('side/fifo')]);
  linkSync(at('tree/f'), at('side/hard'));
  symlinkSync(at('large'), at('side/g-large'));
  // Another user may read all of it.
  chmodSync(directory, 0o777);
});

const PAIRS: readonly [string, string][] = [
  ['tree/d', 'side/d'],
  ['tree/f', 'side/f'],
  ['tree/f', 'side/fifo'],
  ['tree/f', 'side/hard'],
  ['tree/g-large', 'side/g-large'],
];

const AS_ANOTHER = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

test.each([
  ['this user', []],
  ['a plain user', process.getuid?.() === 0 ? AS_ANOTHER : []],
])(
  'nothing gets into an archive through a symlink that is swapped in (%s)',
  { timeout: 240_000 },
  async (_, as) => {
    const attacker = startExchanging(PAIRS, directory, 3);
    try {
      for (let i = 0; i < 12; i++) {
        const output = `${as.length}-${i}.znip`;
        const threads = i % 2 === 0 ? '1' : '3';
        const chunks = ['--chunk-size', i % 4 < 2 ? '64K' : '1M'];
        const command = [
          ...as,
          process.execPath,
          ZNIP,
          'pack',
          '-j',
          threads,
          ...chunks,
          'tree',
          '-o',
          output,
        ];
        const { status, signal, stderr } = run(command[0] ?? '', command.slice(1), {
          ...here,
          timeout: 30_000,
        });
        expect({ signal, stderr: stderr.includes('defect') }).toEqual({ signal: null, stderr: false });
        // Status 1 where the tree itself is not there for a moment, without renameat2.
        expect([0, 3], stderr).toContain(status);
        expect(znip(['verify', '-q', output], here).status).toBe(0);
        const tar = znip(['unpack', '--tar', '-', output], here).output;
        expect(tar.includes(SECRET), `run ${i}`).toBe(false);
      }
    } finally {
      attacker.kill('SIGKILL');
      await new Promise((resolve) => attacker.once('exit', resolve));
    }
  },
);
