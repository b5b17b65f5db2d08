/**
 * What the file system refuses of one member costs that member, or that attribute, and no other; permissions under
 * the umask; holes.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { pack } from 'znip/internal';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { lacks, run, ZNIP, znip } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

/** As a plain user, with this umask, in this directory. */
function asNobody(cwd: string, umask: string, ...args: string[]): { status: number | null; stderr: string } {
  const command = `umask ${umask}; exec "$0" "$@"`;
  const { status, stderr } = spawnSync('sh', ['-c', command, process.execPath, ZNIP, ...args], {
    cwd,
    uid: NOBODY,
    gid: NOBODY,
    encoding: 'utf8',
  });
  return { status, stderr };
}

function place(name: string, ...directories: string[]): string {
  for (const path of ['', ...directories]) {
    mkdirSync(at(join(name, path)), { recursive: true });
    chownSync(at(join(name, path)), NOBODY, NOBODY);
  }
  return at(name);
}

const members: ForgedMember[] = [
  { path: 'd', kind: 'directory', mode: 0o777 },
  { path: 'd/f', content: 'content', mode: 0o666 },
  { path: 'x', content: 'content', mode: 0o777 },
];

beforeAll(() => {
  chmodSync(directory, 0o755);
  writeFileSync(at('a.znip'), forgeArchive(members));
});

const modeOf = (...path: string[]): string => (statSync(join(...path)).mode & 0o7777).toString(8);

describe.skipIf(!isRoot)('a plain user', () => {
  test.each([
    ['index', [at('a.znip')]],
    ['stream', ['-']],
  ])('gets modes less the umask, and all of them with -p (%s)', (way, source) => {
    const plain = place(`plain-${way}`);
    const whole = place(`whole-${way}`);
    const unpack = (cwd: string, ...args: string[]): unknown =>
      way === 'index'
        ? asNobody(cwd, '027', 'unpack', ...source, ...args)
        : spawnSync(
            'sh',
            ['-c', 'umask 027; exec "$0" "$@" < "$ARCHIVE"', process.execPath, ZNIP, 'unpack', '-', ...args],
            {
              cwd,
              uid: NOBODY,
              gid: NOBODY,
              env: { ...process.env, ARCHIVE: at('a.znip') },
              encoding: 'utf8',
            },
          );
    expect(unpack(plain)).toMatchObject({ status: 0 });
    expect([modeOf(plain, 'd'), modeOf(plain, 'd/f'), modeOf(plain, 'x')]).toEqual(['750', '640', '750']);
    expect(unpack(whole, '-p')).toMatchObject({ status: 0 });
    expect([modeOf(whole, 'd'), modeOf(whole, 'd/f'), modeOf(whole, 'x')]).toEqual(['777', '666', '777']);
  });

  test('who may not write in a directory gets everything else, and status 3', () => {
    const target = place('closed', 'd');
    chmodSync(join(target, 'd'), 0o555);
    const { status, stderr } = asNobody(target, '022', 'unpack', at('a.znip'));
    expect(status).toBe(3);
    expect(stderr).toContain('d/f: left out: it cannot be created: permission denied');
    expect(readFileSync(join(target, 'x'), 'utf8')).toBe('content');
    expect(existsSync(join(target, 'd/f'))).toBe(false);
  });

  test('a directory of his own that is read-only is written in with --overwrite, as tar does', () => {
    const target = place('own', 'd', 'implied');
    for (const name of ['d', 'implied']) chmodSync(join(target, name), 0o555);
    writeFileSync(at('implied.znip'), forgeArchive([...members, { path: 'implied/f', content: 'content' }]));
    expect(asNobody(target, '022', 'unpack', '--overwrite', at('implied.znip'))).toEqual({
      status: 0,
      stderr: expect.any(String) as string,
    });
    expect(readFileSync(join(target, 'd/f'), 'utf8')).toBe('content');
    expect(readFileSync(join(target, 'implied/f'), 'utf8')).toBe('content');
    expect([modeOf(target, 'd'), modeOf(target, 'implied')]).toEqual(['755', '555']);
  });
});

const REFUSED: [string, string, ForgedMember, RegExp][] = [
  ['fchmod', 'fchmod', { path: 'm', content: 'x', mode: 0o4777 }, /^$/],
  [
    'futimens',
    'utimensat',
    { path: 'm', content: 'x', mtime: 1_000_000_000_500_000_000n },
    /m: its time is not set/,
  ],
  ['symlink', 'symlink,symlinkat', { path: 'm', kind: 'symlink', linkTarget: 'x' }, /m: cannot link/],
  ['link', 'link,linkat', { path: 'm', kind: 'hardlink', linkTarget: 'first' }, /m: cannot link/],
];

describe.skipIf(lacks('strace'))('a call that is refused', () => {
  test.each(REFUSED)('%s', (name, calls, member, said) => {
    const archive = at(`${name}.znip`);
    writeFileSync(
      archive,
      forgeArchive([{ path: 'first', content: 'a' }, member, { path: 'last', content: 'z' }]),
    );
    for (const input of [undefined, readFileSync(archive)]) {
      const target = at(`refused-${name}-${input === undefined ? 'index' : 'stream'}`);
      const { status, stderr } = run(
        'strace',
        [
          '-f',
          '-qq',
          '-o',
          '/dev/null',
          '-e',
          `inject=${calls}:error=EPERM`,
          process.execPath,
          ZNIP,
          'unpack',
          '-p',
          input === undefined ? archive : '-',
          '-C',
          target,
        ],
        input === undefined ? {} : { input },
      );
      for (const file of ['first', 'last']) expect(existsSync(join(target, file)), file).toBe(true);
      const isSaid = said.source !== '^$';
      expect({ status, stderr }).toEqual({
        status: isSaid ? 3 : status,
        stderr: expect.stringMatching(isSaid ? said : /.*/) as string,
      });
    }
  });
});

describe('holes', () => {
  const LENGTH = 4 * 1024 * 1024;
  const content = Buffer.alloc(LENGTH);
  content.write('DATA', 1_500_000);

  test.each([
    [[], true],
    [['--no-sparse'], false],
  ])('are made of long runs of zeros, whole or in parts (%j)', async (options, expected) => {
    mkdirSync(at('zeros'), { recursive: true });
    writeFileSync(at('zeros/f'), content);
    for (const chunkSize of [1024 * 1024, 8 * 1024 * 1024]) {
      const archive = at(`zeros-${chunkSize}.znip`);
      await pack(['zeros'], { directory, output: archive, chunkSize });
      for (const input of [undefined, readFileSync(archive)]) {
        const target = at(`zeros-${chunkSize}-${options.length}-${input === undefined ? 'index' : 'stream'}`);
        const source = input === undefined ? archive : '-';
        const { status } = znip(
          ['unpack', source, '-C', target, ...options],
          input === undefined ? {} : { input },
        );
        expect(status).toBe(0);
        const file = join(target, 'zeros/f');
        expect(readFileSync(file).equals(content)).toBe(true);
        expect(lstatSync(file).blocks * 512 < LENGTH / 4).toBe(expected);
      }
    }
  });

  test('of a file that ends in zeros, or is nothing else, have the file’s length', async () => {
    mkdirSync(at('ends'), { recursive: true });
    for (const length of [64 * 1024, 64 * 1024 + 1, 3 * 64 * 1024]) {
      writeFileSync(at(`ends/${length}`), Buffer.alloc(length));
      writeFileSync(at(`ends/${length}-x`), Buffer.concat([Buffer.from('x'), Buffer.alloc(length)]));
    }
    await pack(['ends'], { directory, output: at('ends.znip') });
    expect(znip(['unpack', at('ends.znip'), '-C', at('ends-out')]).status).toBe(0);
    expect(run('diff', ['-r', at('ends'), at('ends-out/ends')]).status).toBe(0);
  });
});
