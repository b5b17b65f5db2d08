/**
 * `znip ls`: patterns, orders, formats, and what other programs make of its output.
 */
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import polars from 'nodejs-polars';
import { beforeAll, describe, expect, test } from 'vitest';
import { forgeArchive } from '../support/forge.ts';
import { lacks, hasProgram, run, znip } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory, env: { TZ: 'UTC' } };
const ls = (...args: string[]): string => {
  const { status, stdout, stderr } = znip(['ls', 't.znip', ...args], here);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
};
const lines = (text: string): string[] => text.split('\n').slice(0, -1);

const readTable = (...args: string[]): polars.DataFrame =>
  polars.readIPCStream(znip(['ls', ...args, '--format', 'arrow'], here).output);

const ALL = ['t', 't/big', 't/link', 't/small', 't/sub', 't/sub/hard', 't/sub/middle'];

beforeAll(() => {
  mkdirSync(at('t/sub'), { recursive: true });
  writeFileSync(at('t/small'), 'small');
  writeFileSync(at('t/big'), noise(5000));
  writeFileSync(at('t/sub/middle'), noise(300));
  symlinkSync('small', at('t/link'));
  linkSync(at('t/small'), at('t/sub/hard'));
  const times = { 't/big': '2020', 't/small': '2023', 't/link': '2022', 't/sub/middle': '2021' };
  for (const [name, year] of Object.entries(times)) {
    run('touch', ['-h', '-d', `${year}-01-02T03:04:05.006007008Z`, name], here);
  }
  for (const name of ['t/sub', 't']) run('touch', ['-d', '2024-01-02T03:04:05Z', name], here);
  expect(znip(['pack', '-q', 't', '-o', 't.znip'], here).status).toBe(0);
  const strange = forgeArchive([
    { path: 'a,b' },
    { path: 'quote"d' },
    { path: 'line\nbreak' },
    { path: 'esc\u001b[31m\u009b\u202e' },
  ]);
  writeFileSync(at('strange.znip'), strange);
});

describe('patterns', () => {
  test('a name, and a directory with all below it', () => {
    expect(lines(ls('t/big'))).toEqual(['t/big']);
    expect(lines(ls('t/sub', 't/big'))).toEqual(['t/big', 't/sub', 't/sub/hard', 't/sub/middle']);
  });

  test('one that matches nothing is named after the others were printed, and the status is 3', () => {
    expect(znip(['ls', 't.znip', 't/big', 'no', 'none'], here)).toMatchObject({
      status: 3,
      stdout: 't/big\n',
      stderr: "znip: nothing in 't.znip' matches 'no'\nznip: nothing in 't.znip' matches 'none'\n",
    });
  });

  test('when none matches, nothing is printed and the status is 3', () => {
    expect(znip(['ls', 't.znip', 'no', 'none'], here)).toMatchObject({
      status: 3,
      stdout: '',
      stderr: "znip: nothing in 't.znip' matches 'no', 'none'\n",
    });
  });
});

describe('order', () => {
  test.each([
    [[], ALL],
    [['--sort', 'none'], ALL],
    [['-r'], ALL.toReversed()],
    [['--sort', 'name'], ALL],
    [
      ['--sort', 'size'],
      ['t/big', 't/sub/middle', 't/small', 't', 't/link', 't/sub', 't/sub/hard'],
    ],
    [
      ['--sort', 'mtime'],
      ['t', 't/sub', 't/small', 't/sub/hard', 't/link', 't/sub/middle', 't/big'],
    ],
    [
      ['--sort', 'mtime', '-r', 't/big', 't/link'],
      ['t/big', 't/link'],
    ],
  ])('%j', (args, expected) => {
    expect(lines(ls(...args))).toEqual(expected);
  });

  test('a key that does not exist is a usage error', () => {
    const { status, stdout, stderr } = znip(['ls', 't.znip', '--sort', 'colour'], here);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('Allowed choices are name, size, mtime, none');
  });
});

describe('formats', () => {
  test('-l has sizes for people, aligned to the right; -b has them exactly', () => {
    expect(lines(ls('-l', 't/big', 't/link', 't/small', 't/sub/hard'))).toEqual([
      '-rw-r--r-- 4.88 KiB 2020-01-02 03:04 t/big',
      'lrwxrwxrwx        - 2022-01-02 03:04 t/link -> small',
      '-rw-r--r--      5 B 2023-01-02 03:04 t/small',
      'hrw-r--r--        - 2023-01-02 03:04 t/sub/hard link to t/small',
    ]);
    expect(lines(ls('-lb', 't/big', 't/small'))).toEqual([
      '-rw-r--r-- 5000 2020-01-02 03:04 t/big',
      '-rw-r--r--    5 2023-01-02 03:04 t/small',
    ]);
    expect(ls('--format', 'long')).toBe(ls('-l'));
  });

  test('--total goes to standard error, so that output stays data', () => {
    expect(znip(['ls', 't.znip', '--total'], here)).toMatchObject({
      status: 0,
      stdout: `${ALL.join('\n')}\n`,
      stderr: '7 members, 5.18 KiB\n',
    });
    expect(znip(['ls', 't.znip', '--total', '-lb', 't/sub'], here).stderr).toBe('3 members, 300 B\n');
  });

  test('--tree draws directories, named in the archive or not', () => {
    expect(ls('--tree')).toBe(`t/
├── big
├── link -> small
├── small
└── sub/
    ├── hard link to t/small
    └── middle
`);
    expect(ls('--tree', 't/sub/middle', 't/big')).toBe('t/\n├── big\n└── sub/\n    └── middle\n');
  });

  test('--tree and -l cannot be made to act on a terminal by a name', () => {
    const tree = znip(['ls', 'strange.znip', '--tree'], here);
    expect(tree.stdout).toBe('a,b\nquote"d\nline\\nbreak\nesc\\x1b[31m\\x9b\\u202e\n');
    expect(znip(['ls', 'strange.znip', '-l'], here).stdout).toContain('esc\\x1b[31m\\x9b\\u202e\n');
  });

  test('--json escapes such names in JSON’s own way', () => {
    const { stdout } = znip(['ls', 'strange.znip', '--json'], here);
    expect(stdout).toContain('"esc\\u001b[31m\\u009b\\u202e"');
    const paths = lines(stdout).map((line) => (JSON.parse(line) as { path: string }).path);
    expect(paths).toEqual(['a,b', 'quote"d', 'line\nbreak', 'esc\u001b[31m\u009b\u202e']);
    expect(ls('--format', 'json')).toBe(ls('--json'));
  });

  test.skipIf(lacks('b3sum'))('csv is as RFC 4180 has it', () => {
    const csv = ls('--format', 'csv', 't/link', 't/small');
    const checksum = run('b3sum', ['--no-names', 't/small'], here).stdout.trim();
    expect(csv).toBe(
      [
        'path,kind,mode,mtime,size,linkTarget,uid,gid,checksum,packageType,repo,changed,pathBytes,linkTargetBytes',
        't/link,symlink,0777,2022-01-02T03:04:05.006007008Z,0,small,,,,plain,,false,,',
        `t/small,file,0644,2023-01-02T03:04:05.006007008Z,5,,,,${checksum},plain,,false,,`,
        '',
      ].join('\r\n'),
    );
    const strange = znip(['ls', 'strange.znip', '--format', 'csv'], here).stdout;
    expect(strange).toMatch(/\r\n"a,b",file,.*\r\n"quote""d",file,.*\r\n"line\nbreak",file,/);
    const table = polars.readCSV(strange);
    expect(table.getColumn('path').toArray().slice(0, 3)).toEqual(['a,b', 'quote"d', 'line\nbreak']);
  });

  test('a name that is not UTF-8 keeps its bytes in every format for programs', () => {
    const raw = Buffer.from([0x6e, 0xff]);
    mkdirSync(at('raw'));
    writeFileSync(Buffer.concat([Buffer.from(`${at('raw')}/`), raw]), '');
    symlinkSync(raw, at('raw/z'));
    expect(znip(['pack', '-q', '-C', 'raw', '.', '-o', 'raw.znip'], here).status).toBe(0);
    expect(znip(['ls', 'raw.znip'], here).output).toEqual(Buffer.concat([raw, Buffer.from('\nz\n')]));
    const base64 = raw.toString('base64');
    const [file, link] = lines(znip(['ls', 'raw.znip', '--json'], here).stdout);
    expect(file).toContain(`"pathBytes":"${base64}"`);
    expect(link).toContain(`"linkTargetBytes":"${base64}"`);
    const csv = znip(['ls', 'raw.znip', '--format', 'csv'], here).stdout;
    expect(csv).toContain(`,${base64},\r\n`);
    expect(csv).toContain(`,,${base64}\r\n`);
  });
});

describe('--format arrow', () => {
  test('is a table that Polars reads, with the groups beside the entries', () => {
    const table = readTable('t.znip');
    expect(table.columns).toEqual([
      'path',
      'kind',
      'mode',
      'mtime',
      'uid',
      'gid',
      'size',
      'streamOffset',
      'linkTarget',
      'checksum',
      'changed',
      'pathBytes',
      'linkTargetBytes',
      'packageType',
      'repo',
      'repoBytes',
    ]);
    expect(table.getColumn('path').toArray()).toEqual(ALL);
    expect(table.getColumn('size').toArray().map(Number)).toEqual([0, 5000, 0, 5, 0, 0, 300]);
    expect(table.getColumn('linkTarget').toArray()).toEqual([
      null,
      null,
      'small',
      null,
      null,
      't/small',
      null,
    ]);
    expect(table.getColumn('kind').cast(polars.Utf8).toArray()).toEqual([
      'directory',
      'file',
      'symlink',
      'file',
      'directory',
      'hardlink',
      'file',
    ]);
    expect(table.getColumn('packageType').toArray()).toEqual(ALL.map(() => 'plain'));
  });

  test('has the chosen entries in the chosen order, and several groups in one table', () => {
    mkdirSync(at('mirror/a'), { recursive: true });
    mkdirSync(at('mirror/b'));
    writeFileSync(at('mirror/a/x.tgz'), 'x');
    writeFileSync(at('mirror/b/y.jar'), 'yy');
    const pack = ['pack', '-q', '-C', 'mirror', 'a', 'b', '-o', 'mirror.znip', '--repo-from-dir'];
    expect(znip(pack, here).status).toBe(0);
    const table = readTable('mirror.znip', '--sort', 'size', 'a/x.tgz', 'b/y.jar');
    expect(table.getColumn('path').toArray()).toEqual(['b/y.jar', 'a/x.tgz']);
    expect(table.getColumn('packageType').toArray()).toEqual(['maven', 'npm']);
    expect(table.getColumn('repo').toArray()).toEqual(['b', 'a']);
    expect(readTable('mirror.znip', '--type', 'npm').height).toBe(1);
  });

  test('more rows than a record batch holds, and none at all', () => {
    const members = Array.from({ length: 70_000 }, (_, i) => ({
      path: `f${i}`,
      kind: 'directory' as const,
    }));
    writeFileSync(at('many.znip'), forgeArchive(members));
    const table = readTable('many.znip');
    expect(table.height).toBe(70_000);
    expect(table.getColumn('path').toArray().at(-1)).toBe('f69999');
    expect(table.getColumn('kind').cast(polars.Utf8).unique().toArray()).toEqual(['directory']);
    writeFileSync(at('none.znip'), forgeArchive([]));
    expect(readTable('none.znip').shape).toEqual({ height: 0, width: 16 });
  });

  test.skipIf(!hasProgram('script'))('is not written to a terminal', () => {
    const { stdout } = run(
      'script',
      ['-qec', 'node "$ZNIP" ls t.znip --format arrow; echo "= $?"', '/dev/null'],
      {
        ...here,
        env: { ZNIP: new URL('../../bin/znip.cjs', import.meta.url).pathname },
      },
    );
    expect(stdout.replaceAll('\r', '')).toBe(
      'znip: an Arrow table is not written to a terminal: use a file, a pipe, or --force\n= 2\n',
    );
  });
});
