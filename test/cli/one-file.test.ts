/**
 * A name is opened once: what a command tells or writes is of one file, whoever replaces it meanwhile.
 */
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openArchive, repair, verify } from 'znip/internal';
import { lacks, run, ZNIP } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

beforeAll(() => {
  mkdirSync(at('t'));
  writeFileSync(at('t/file'), noise(300_000));
  const znip = (...args: string[]): void =>
    expect(run(process.execPath, [ZNIP, ...args], here).status, args.join(' ')).toBe(0);
  znip('pack', '-q', 't', '-o', 'named.znip', '--chunk-size', '64K');
  const bytes = readFileSync(at('named.znip'));
  bytes[100_000] = (bytes[100_000] ?? 0) ^ 1;
  writeFileSync(at('broken.znip'), bytes);
  writeFileSync(at('cut.znip'), bytes.subarray(0, 200_000));
  expect(run('tar', ['-cf', 'named.tar', 't'], here).status).toBe(0);
});

const COMMANDS: [line: string, name: string][] = [
  ['ls named.znip', 'named.znip'],
  ['info named.znip', 'named.znip'],
  ['cat named.znip t/file', 'named.znip'],
  ['diff named.znip .', 'named.znip'],
  ['verify named.znip', 'named.znip'],
  ['verify broken.znip', 'broken.znip'],
  ['verify cut.znip', 'cut.znip'],
  ['unpack named.znip -C by-index', 'named.znip'],
  ['unpack --keep-going broken.znip -C going', 'broken.znip'],
  ['unpack named.tar -C tar', 'named.tar'],
  ['unpack --keep-going named.tar -C tar-going', 'named.tar'],
  ['unpack --tar a.tar named.znip', 'named.znip'],
  ['unpack --tar b.tar named.tar', 'named.tar'],
  ['recover named.znip -C recovered', 'named.znip'],
  ['recover cut.znip -C recovered-cut', 'cut.znip'],
  ['repair named.znip -o copied.znip', 'named.znip'],
  ['repair broken.znip -o repaired.znip', 'broken.znip'],
  ['pack --tar named.tar -o packed.znip', 'named.tar'],
];

describe.skipIf(lacks('strace'))('system calls that open the name', () => {
  test.concurrent.each(COMMANDS)('%s: one', { timeout: 120_000 }, async (line, name) => {
    const log = at(`${line.replace(/\W/g, '-')}.log`);
    const args = ['-f', '-qq', '-e', 'trace=open,openat,openat2', '-o', log, process.execPath, ZNIP];
    run('strace', [...args, ...line.split(' ')], here);
    const opens = readFileSync(log, 'utf8')
      .split('\n')
      .filter((call) => call.includes(`"${name}"`));
    expect(opens).toHaveLength(1);
  });
});

/** Has the name lead to another file at the first progress, and tells how what was begun ended. */
async function swapped<T>(
  begin: (path: string, onProgress: () => void) => Promise<T>,
  from: string,
  to: string,
): Promise<T> {
  symlinkSync(from, at('link.tmp'));
  renameSync(at('link.tmp'), at('link.znip'));
  let done = false;
  return begin(at('link.znip'), () => {
    if (done) return;
    done = true;
    symlinkSync(to, at('link.tmp'));
    renameSync(at('link.tmp'), at('link.znip'));
  });
}

describe('a symlink that leads elsewhere meanwhile', () => {
  test('verify tells of the file that it led to first', async () => {
    const whole = await swapped(
      (path, onProgress) => verify(path, { onProgress }),
      'named.znip',
      'broken.znip',
    );
    expect(whole.ok).toBe(true);
    const bad = await swapped(
      (path, onProgress) => verify(path, { onProgress }),
      'broken.znip',
      'named.znip',
    );
    expect(bad.damage.map(({ code }) => code)).toEqual(['damaged-blob']);
  });

  test('repair copies the file that it verified', async () => {
    writeFileSync(at('other.znip'), readFileSync(at('cut.znip')));
    const { rootHash, copied } = await swapped(
      (path, onProgress) => repair(path, { output: at('swapped.znip'), onProgress }),
      'named.znip',
      'other.znip',
    );
    const archive = await openArchive(at('named.znip'));
    expect({ rootHash, copied }).toEqual({ rootHash: archive.rootHash, copied: true });
    archive.close();
  });
});
