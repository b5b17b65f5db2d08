/**
 * Command lines of other tools: the error has the command of znip to use, and that works.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { run, znip, ZNIP } from '../../support/run.ts';
import { temporaryDirectory } from '../../support/tree.ts';
import { runHere, workIn } from '../../support/world.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

workIn(directory);
beforeAll(() => {
  mkdirSync(at('d/deep'), { recursive: true });
  mkdirSync(at('there'));
  writeFileSync(at('d/a.txt'), 'alpha');
  writeFileSync(at('d/deep/b.txt'), 'beta');
  expect(znip(['pack', '-q', 'd', '-o', 'd.znip'], here).status).toBe(0);
});

const MEANT: [line: string, use: string][] = [
  ['x d.znip', 'znip unpack d.znip'],
  ['-xf d.znip', 'znip unpack d.znip'],
  ['-xvf d.znip -C there', 'znip unpack d.znip -C there'],
  ['xzf d.znip d/a.txt', 'znip unpack d.znip d/a.txt'],
  ['extract d.znip', 'znip unpack d.znip'],
  ['-d d.znip', 'znip unpack d.znip'],
  ['--extract d.znip', 'znip unpack d.znip'],
  ['-cf new.znip d', 'znip pack d -o new.znip'],
  ['-czf new.znip d', 'znip pack d -o new.znip'],
  ['create new.znip d', 'znip pack d -o new.znip'],
  ['add new.znip d', 'znip pack d -o new.znip'],
  ['a new.znip d', 'znip pack d -o new.znip'],
  ['-tf d.znip', 'znip ls d.znip'],
  ['tvf d.znip', 'znip ls d.znip'],
  ['l d.znip', 'znip ls d.znip'],
  ['test d.znip', 'znip verify d.znip'],
  ['version', 'znip --version'],
  ['pack d one.znip', 'znip pack d -o one.znip'],
  ['pack two.znip d', 'znip pack d -o two.znip'],
  ['unpack d.znip there', 'znip unpack d.znip -C there'],
  ['unpack d.znip new/', 'znip unpack d.znip -C new/'],
];

describe('what is meant', () => {
  test.each(MEANT)('znip %s: %s', async (line, use) => {
    const { status, stdout, stderr } = await runHere(line.split(' '));
    expect({ status, stdout }).toEqual({ status: line.startsWith('unpack') ? 3 : 2, stdout: '' });
    expect(/`([^`]+)`\n$/.exec(stderr)?.[1], stderr).toBe(use);
    const done = run('bash', ['-c', use.replace('znip', `node ${ZNIP}`).replace(/(pack \S+)/, '$1')], here);
    // What was unpacked by the one before is still there.
    expect(done.status === 0 || /exist/.test(done.stderr), done.stderr).toBe(true);
  });

  test.each([
    ['unpack d.znip -d there', "unpack has no option '-d': use -C DIR, the directory to unpack into"],
    ['unpack d.znip -o there', "unpack has no option '-o': use -C DIR, the directory to unpack into"],
    [
      'unpack d.znip --output=there',
      "unpack has no option '--output=there': use -C DIR, the directory to unpack into",
    ],
    [
      'pack -r d -o n.znip',
      "pack has no option '-r': use it without: directories are packed with all they hold",
    ],
    [
      'pack -czf n.znip d',
      "pack has no option '-czf': use no letters of tar: `znip pack PATH... -o ARCHIVE`",
    ],
    [
      'append d.znip d',
      "there is no command 'append': an archive is never changed: pack a new one with `znip pack d -o d.znip`",
    ],
    ['help nope', "there is no command 'nope' to help with: znip --help shows the commands"],
    ['pack --owner root d', "--owner takes numbers as UID or UID:GID, not 'root': write --owner 0:0"],
    ['pack --owner=root:0 d', "--owner takes numbers as UID or UID:GID, not 'root:0': write --owner 0:0"],
    ['verify -9 d.znip', "unknown option '-9': verify has no levels (./-9 is a file with this name)"],
    ['unpack -1 d.znip', "unknown option '-1': unpack has no levels (./-1 is a file with this name)"],
  ])('znip %s', async (line, message) => {
    const { status, stderr } = await runHere(line.split(' '));
    expect({ status, stderr }).toEqual({ status: 2, stderr: `znip: ${message}\n` });
  });

  test('pack -h alone asks for help, and --owner may stand before a path', () => {
    expect(znip(['pack', '-h'], here).stdout).toBe(znip(['pack', '--help'], here).stdout);
    mkdirSync(at('own/root'), { recursive: true });
    expect(znip(['pack', '-q', '--owner', 'root', '-o', 'r.znip'], { cwd: at('own') }).status).toBe(0);
  });
});

describe('listings', () => {
  test("'*.txt' finds at any depth, in ls as in unpack, cat and -x; with a slash before it, at the top alone", () => {
    expect(znip(['ls', 'd.znip', '*.txt'], here).stdout).toBe('d/a.txt\nd/deep/b.txt\n');
    expect(znip(['cat', 'd.znip', '*.txt'], here).stdout).toBe('alphabeta');
    expect(znip(['unpack', '-q', 'd.znip', '*.txt', '-C', 'texts'], here).status).toBe(0);
    expect(readFileSync(at('texts/d/deep/b.txt'), 'utf8')).toBe('beta');
    expect(znip(['ls', 'd.znip', '/*.txt'], here).status).toBe(3);
    expect(znip(['ls', 'd.znip', 'd/*.txt'], here).stdout).toBe('d/a.txt\n');
  });

  test('-1 is how it is, and -lh is -l', () => {
    expect(znip(['ls', '-1', 'd.znip'], here).stdout).toBe(znip(['ls', 'd.znip'], here).stdout);
    expect(znip(['ls', '-lh', 'd.znip'], here).stdout).toBe(znip(['ls', '-l', 'd.znip'], here).stdout);
  });
});

const listed = (args: readonly string[], input?: Buffer): string[] => {
  const { status, stderr, stdout } = znip(args, { ...here, ...(input === undefined ? {} : { input }) });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  return stderr.split('\n').slice(0, -2);
};

describe('-v lists members on standard error', () => {
  const names = ['d', 'd/a.txt', 'd/deep', 'd/deep/b.txt'];
  test('pack, of paths and of a tar', () => {
    expect(listed(['pack', '-v', 'd', '-o', 'v.znip'])).toEqual(names);
    expect(run('tar', ['--sort=name', '-cf', 'd.tar', 'd'], here).status).toBe(0);
    expect(listed(['pack', '-v', '--tar', 'd.tar', '-o', 'v.znip'])).toEqual(names);
    expect(listed(['pack', '-v', '--name', 'n', '-o', 'v.znip', '-'], Buffer.from('x'))).toEqual(['n']);
  });
  test('unpack, by the index and from a pipe, each once', () => {
    expect(listed(['unpack', '-v', 'd.znip', '-C', 'v1'])).toEqual(names);
    expect(listed(['unpack', '-v', '-', '-C', 'v2'], readFileSync(at('d.znip')))).toEqual(names);
    expect(listed(['unpack', '-v', 'd.znip', 'd/deep', '-C', 'v3'])).toEqual(names.slice(2));
  });
});
