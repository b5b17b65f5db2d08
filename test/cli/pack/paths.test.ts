/**
 * Which paths `pack` takes: `-C` in order, lists of names, what links point to.
 */
import { linkSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lacks, run, type RunOptions, znip, ZNIP } from '../../support/run.ts';
import { selectedNames } from '../../support/selected.ts';
import { temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

function write(...files: string[]): void {
  for (const file of files) {
    mkdirSync(dirname(at(file)), { recursive: true });
    writeFileSync(at(file), file);
  }
}

/** Names that these arguments mean, which must go without a word. */
const names = (args: readonly string[], cwd = directory): string[] => selectedNames(args, cwd);

/** Names in the archive that these arguments make. */
function archived(args: readonly string[], options: RunOptions = here): string[] {
  const { status, stderr } = znip(['pack', '-q', '-o', at('names.znip'), ...args], options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return znip(['ls', '-0', at('names.znip')])
    .output.toString('latin1')
    .split('\0')
    .slice(0, -1);
}

describe('-C', () => {
  beforeAll(() => write('c/one/x', 'c/two/y', 'c/two/three/z', 'w'));

  test.each<[string[], string[]]>([
    [
      ['-C', 'c/one', 'x', '-C', '../two', 'y', '-C', 'three', '.'],
      ['x', 'y', 'z'],
    ],
    [
      ['w', '-C', 'c/one', 'x'],
      ['w', 'x'],
    ],
    [
      ['w', '-Cc/two', 'y', '--directory=three', 'z'],
      ['w', 'y', 'z'],
    ],
    [
      ['-C', 'c', 'one', '-C', at('c/two'), 'y'],
      ['one', 'one/x', 'y'],
    ],
    [['-C', 'c/one', '--', 'x'], ['x']],
    [['-qC', 'c/one', 'x'], ['x']],
    [['-x', '-C', '-C', 'c/one', 'x'], ['x']],
  ])('%j', (args, expected) => {
    expect(names(args)).toEqual(expected);
  });

  test('two files with one name: the second is named, and the status is 3; directories are merged', () => {
    write('m1/d/a', 'm1/d/same', 'm2/d/b', 'm2/d/same');
    linkSync(at('m1/d/a'), at('m2/d/a'));
    const { status, stdout, stderr } = znip(['pack', '--dry-run', '-C', 'm1', 'd', '-C', '../m2', 'd'], here);
    expect({ status, stdout }).toEqual({ status: 3, stdout: 'd\nd/a\nd/same\nd/b\n' });
    expect(stderr).toContain(
      "znip: m1/../m2/d/same: left out: 'm1/d/same' has the same name in the archive\n",
    );
  });
});

describe('-T', () => {
  beforeAll(() => {
    write('l/a', 'l/d/b', 'l/-x', 'l/*', 'l/ sp', 'l/#c', 'l/new\nline');
    writeFileSync(Buffer.from(`${at('l')}/\xff`, 'latin1'), '');
  });

  test('names are taken as they are, byte by byte, in their order, each once', () => {
    const input = Buffer.from('\xff\0new\nline\0-x\0*\0 sp\0#c\0d\0d/b\0a\0a\0', 'latin1');
    expect(archived(['-C', 'l', '-T', '-', '-0'], { ...here, input })).toEqual([
      '\xff',
      'new\nline',
      '-x',
      '*',
      ' sp',
      '#c',
      'd',
      'd/b',
      'a',
    ]);
    writeFileSync(at('list'), Buffer.from('\xff\n\n sp\nd\n./a', 'latin1'));
    expect(names(['-C', 'l', '-T', at('list')])).toEqual(['\xff', ' sp', 'd', 'a']);
    writeFileSync(at('list'), 'w\0');
    expect(names(['-0Tlist', 'l/a'])).toEqual(['w', 'l/a']);
  });

  test('a directory in a list is packed alone, and whole when it is a path as well', () => {
    writeFileSync(at('list'), 'l/d\n');
    expect(names(['-T', 'list'])).toEqual(['l/d']);
    expect(names(['-T', 'list', 'l/d'])).toEqual(['l/d', 'l/d/b']);
    writeFileSync(at('list'), 'l/d/b\nl/d\n');
    expect(names(['l/d', '-T', 'list'])).toEqual(['l/d', 'l/d/b']);
  });

  test.skipIf(lacks('zstd'))('find and an empty list', () => {
    expect(
      run('sh', ['-c', `find . -print0 | sort -z | node ${ZNIP} pack -q -T - -0 -o ../find.znip`], {
        cwd: at('l'),
      }).status,
    ).toBe(0);
    const expected = names(['-C', 'l', '.']);
    expect(
      znip(['ls', '-0', 'find.znip'], here).output.toString('latin1').split('\0').slice(0, -1).sort(),
    ).toEqual(expected.sort());
    expect(archived(['-T', '-'], { ...here, input: '' })).toEqual([]);
    expect(run('tar', ['--zstd', '-tf', 'names.znip'], here)).toMatchObject({ status: 0, stdout: '' });
  });

  test('a missing name is a warning, and the status is 3', () => {
    const { status, stdout, stderr } = znip(['pack', '-T', '-', '--dry-run'], {
      ...here,
      input: 'l/a\nnope\nl/d/b\n',
    });
    expect({ status, stdout }).toEqual({ status: 3, stdout: 'l/a\nl/d/b\n' });
    expect(stderr).toBe('znip: nope: no such file or directory\nwould pack 2 members, 8 B\n');
  });
});

describe('--dereference', () => {
  beforeAll(() => {
    write('deref/tree/file', 'deref/tree/sub/x', 'deref/outside/o');
    symlinkSync('file', at('deref/tree/link'));
    symlinkSync('../outside', at('deref/tree/out'));
  });

  test('packs what links point to', () => {
    const linked = ['tree', 'tree/file', 'tree/link', 'tree/out', 'tree/out/o', 'tree/sub', 'tree/sub/x'];
    expect(names(['-C', 'deref', 'tree', '--dereference'])).toEqual(linked);
    expect(archived(['-C', 'deref', 'tree', '-h'])).toEqual(linked);
    expect(znip(['unpack', '-q', 'names.znip', '-C', 'deref-out'], here).status).toBe(0);
    expect(lstatSync(at('deref-out/tree/link')).isFile()).toBe(true);
    expect(readFileSync(at('deref-out/tree/link'), 'utf8')).toBe('deref/tree/file');
    expect(readFileSync(at('deref-out/tree/out/o'), 'utf8')).toBe('deref/outside/o');
  });

  test('large files and threads follow links, too', () => {
    writeFileSync(at('deref/large'), Buffer.alloc(20 << 20, 'large'));
    mkdirSync(at('deref/l'));
    symlinkSync('../large', at('deref/l/link'));
    symlinkSync('../outside/o', at('deref/l/small'));
    expect(
      znip(['pack', '-qh', '-C', 'deref', 'l', '-o', 'l.znip', '-j', '2', '--chunk-size', '1M'], here),
    ).toMatchObject({ status: 0, stderr: '' });
    expect(znip(['unpack', '-q', 'l.znip', '-C', 'l-out'], here).status).toBe(0);
    expect(readFileSync(at('l-out/l/link')).equals(readFileSync(at('deref/large')))).toBe(true);
    expect(readFileSync(at('l-out/l/small'), 'utf8')).toBe('deref/outside/o');
  });

  test('links that lead nowhere or in circles are named, and the status is 3', () => {
    write('loop/a/file', 'loop/b/file');
    symlinkSync('..', at('loop/a/up'));
    symlinkSync('.', at('loop/b/self'));
    symlinkSync('circle', at('loop/circle'));
    symlinkSync('nothing', at('loop/dangling'));
    const { status, stdout, stderr } = znip(['pack', 'loop', '-h', '--dry-run'], here);
    expect(status).toBe(3);
    expect(stdout).toBe('loop\nloop/a\nloop/a/file\nloop/b\nloop/b/file\n');
    expect(stderr).toBe(
      'znip: loop/a/up: left out: the link leads back to a directory that it is in\n' +
        'znip: loop/b/self: left out: the link leads back to a directory that it is in\n' +
        'znip: loop/circle: the link cannot be followed: it leads back to itself\n' +
        'znip: loop/dangling: the link cannot be followed: no such file or directory\n' +
        'would pack 5 members, 22 B\n',
    );
  });
});
