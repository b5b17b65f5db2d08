/**
 * What `unpack` is told on the command line, by the index and from a pipe: the results must be the same.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { lacks, run, type RunResult, ZNIP, znip } from '../support/run.ts';
import { describeTree, kept, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const root = process.getuid?.() === 0;
let number = 0;

const T = 1_700_000_000_000_000_000n;
const MEMBERS: ForgedMember[] = [
  { path: 'p', kind: 'directory' },
  { path: 'p/a.txt', content: 'alpha', mtime: T + 123_456_789n },
  { path: 'p/b.js', content: 'beta' },
  { path: 'p/node_modules/x/c.js', content: 'gamma' },
  { path: 'p/z-hard', kind: 'hardlink', linkTarget: 'p/a.txt' },
  { path: 'p/z-link', kind: 'symlink', linkTarget: 'a.txt' },
  { path: 'top', content: 'top' },
];
const archive = forgeArchive(MEMBERS);
writeFileSync(at('a.znip'), archive);

interface Unpacked extends RunResult {
  target: string;
  names: string[];
}

/** Both ways of unpacking an archive. `prepare` may put things into the target first. */
const WAYS = [
  ['by index', "'a.znip'", (args: string[]) => znip(['unpack', 'a.znip', ...args], here)],
  [
    'from a pipe',
    'standard input',
    (args: string[]) => znip(['unpack', '-', ...args], { ...here, input: archive }),
  ],
] as const;

describe.each(WAYS)('%s', (_name, archiveName, way) => {
  const unpack = (args: string[], prepare?: (target: string) => void): Unpacked => {
    const target = at(`target-${number++}`);
    if (prepare !== undefined) {
      mkdirSync(target);
      prepare(target);
    }
    const result = way([...args, '-C', target]);
    return { ...result, target, names: existsSync(target) ? [...describeTree(target).keys()] : [] };
  };

  test('names, directories and globs choose members', () => {
    expect(unpack(['-q', 'top']).names).toEqual(['top']);
    expect(unpack(['-q', 'p/node_modules', 'top']).names).toEqual([
      'p',
      'p/node_modules',
      'p/node_modules/x',
      'p/node_modules/x/c.js',
      'top',
    ]);
    expect(unpack(['-q', '**/*.js']).names.filter((name) => name.endsWith('.js'))).toEqual([
      'p/b.js',
      'p/node_modules/x/c.js',
    ]);
  });

  test('patterns that match nothing', () => {
    const none = unpack(['nothing', '*.nope']);
    expect(none).toMatchObject({
      status: 3,
      stdout: '',
      stderr: `znip: nothing in ${archiveName} matches 'nothing', '*.nope'\n`,
      names: [],
    });
    const some = unpack(['-q', 'nothing', 'top']);
    expect(some).toMatchObject({
      status: 3,
      stderr: `znip: nothing in ${archiveName} matches 'nothing'\n`,
      names: ['top'],
    });
  });

  test('--exclude leaves out what matches and all below it', () => {
    const { status, names } = unpack(['-q', '-x', 'node_modules', '--exclude', '*.txt', '-x', 'z-hard']);
    expect({ status, names }).toEqual({ status: 0, names: ['p', 'p/b.js', 'p/z-link', 'top'] });
  });

  test('--strip-components', () => {
    const one = unpack(['-q', '--strip-components', '1']);
    expect(one).toMatchObject({ status: 0, stderr: '' });
    expect(one.names).toEqual([
      'a.txt',
      'b.js',
      'node_modules',
      'node_modules/x',
      'node_modules/x/c.js',
      'z-hard',
      'z-link',
    ]);
    const tree = describeTree(one.target);
    expect(tree.get('a.txt')).toMatchObject({ links: ['a.txt', 'z-hard'], mtime: kept(T + 123_456_789n) });
    expect(unpack(['-q', '--strip-components', '9']).names).toEqual([]);
  });

  test('--keep-newer replaces what is older, and only that', () => {
    const { status, stderr, target } = unpack(['--keep-newer'], (to) => {
      mkdirSync(join(to, 'p'));
      for (const name of ['p/a.txt', 'p/b.js', 'top']) writeFileSync(join(to, name), 'mine');
      utimesSync(join(to, 'p/a.txt'), 1_600_000_000, 1_600_000_000);
      utimesSync(join(to, 'p/b.js'), 1_800_000_000, 1_800_000_000);
      utimesSync(join(to, 'top'), 1_700_000_000, 1_700_000_000);
    });
    expect(status).toBe(0);
    expect(stderr).toContain('; 2 names kept as they were\n');
    const read = (name: string): string => readFileSync(join(target, name), 'utf8');
    expect([read('p/a.txt'), read('p/b.js'), read('top')]).toEqual(['alpha', 'mine', 'mine']);
  });

  test('--no-mtime leaves times alone', () => {
    const before = Date.now() - 5000;
    const { target, names } = unpack(['-q', '--no-mtime']);
    for (const name of names) expect(lstatSync(join(target, name)).mtimeMs).toBeGreaterThan(before);
  });

  test('limits', () => {
    const more = ': allow more if you trust who made the archive\n';
    const size = unpack(['--max-size', '10']);
    expect(size.status).toBe(4);
    expect(size.stderr).toBe(
      archiveName === 'standard input'
        ? `znip: with member 'p/node_modules/x/c.js' the content comes to 14 bytes, expected at most 10 (--max-size)${more}`
        : `znip: the selected members have 17 bytes of content, expected at most 10 (--max-size)${more}`,
    );
    expect(size.names.some((name) => name.endsWith('c.js') || name === 'top')).toBe(false);
    expect(unpack(['-q', '--max-size', '17']).status).toBe(0);
    expect(unpack(['-q', '--max-size', '3', 'top']).status).toBe(0);

    const members = unpack(['--max-members', '6']);
    expect(members).toMatchObject({
      status: 4,
      stderr: `znip: the archive has 7 members or more, expected at most 6 (--max-members)${more}`,
    });
    expect(members.names).not.toContain('top');
    expect(unpack(['-q', '--max-members', '7']).status).toBe(0);
    expect(unpack(['-q', '--max-ratio', '1']).status).toBe(0);
  });

  test('--dry-run prints names and writes nothing', () => {
    const dry = unpack(['--dry-run', '-x', 'node_modules']);
    expect(dry).toMatchObject({
      status: 0,
      stdout: 'p\np/a.txt\np/b.js\np/z-hard\np/z-link\ntop\n',
      stderr: 'would unpack 6 members, 12 B\n',
    });
    expect(existsSync(dry.target)).toBe(false);

    const kept = unpack(['-n', '-k', 'top', 'p/a.txt'], putTop);
    expect(kept).toMatchObject({
      status: 0,
      stdout: 'p/a.txt\n',
      stderr:
        'znip: top: exists already and would be left as it is\nwould unpack 1 member, 8 B; 1 name kept as they were\n',
      names: ['top'],
    });
    const replaced = unpack(['-n', '--overwrite', 'top'], putTop);
    expect(replaced).toMatchObject({
      status: 0,
      stdout: 'top\n',
      stderr: 'znip: top: exists already and would be replaced\nwould unpack 1 member, 3 B\n',
    });
    expect(readFileSync(join(replaced.target, 'top'), 'utf8')).toBe('mine');
    // Its status is that of the run that it stands for.
    expect(unpack(['-n', 'top'], putTop).status).toBe(1);
  });

  test.skipIf(!root)('--same-owner restores recorded owners and what goes with them', () => {
    mkdirSync(at('owned'), { recursive: true });
    writeFileSync(at('owned/f'), 'x');
    run(
      'sh',
      ['-c', 'ln -sf f owned/l && chown -h 1234:2345 owned owned/f owned/l && chmod 6755 owned/f'],
      here,
    );
    for (const [owner, uid, mode] of [
      [['--owner'], 1234, 0o6755],
      [[], 0, 0o755],
    ] as const) {
      expect(znip(['pack', '-q', 'owned', '-o', 'owned.znip', ...owner], here).status).toBe(0);
      const target = at(`owned-${number++}`);
      const args = ['-q', '--same-owner', '-C', target];
      const { status, stderr } =
        archiveName === 'standard input'
          ? znip(['unpack', '-', ...args], { ...here, input: readFileSync(at('owned.znip')) })
          : znip(['unpack', 'owned.znip', ...args], here);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      for (const name of ['owned', 'owned/f', 'owned/l']) {
        expect(lstatSync(join(target, name)).uid, name).toBe(uid);
      }
      expect(statSync(join(target, 'owned/f')).mode & 0o7777).toBe(mode);
      if (uid === 1234) expect(describeTree(target)).toEqual(describeTreeOf('owned'));
    }
  });
});

function putTop(target: string): void {
  writeFileSync(join(target, 'top'), 'mine');
}

function describeTreeOf(name: string): Map<string, unknown> {
  const everything = describeTree(directory);
  return new Map([...everything].filter(([path]) => path === name || path.startsWith(`${name}/`)));
}

describe('what the two ways cannot do alike', () => {
  test('a hard link to a file that is not selected: by index a file, from a pipe left out', () => {
    const index = znip(['unpack', '-q', 'a.znip', 'p/z-hard', '-C', 'lone'], here);
    expect(index).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(at('lone/p/z-hard'), 'utf8')).toBe('alpha');
    const piped = znip(['unpack', '-', 'p/z-hard', 'top', '-C', 'lost'], { ...here, input: archive });
    expect(piped.status).toBe(3);
    expect(piped.stderr).toMatch(
      /^znip: p\/z-hard: left out: it is a hard link to 'p\/a\.txt', which is not selected and has already passed; select it, too, or unpack from a file\nunpacked 1 member, 3 B in \d\.\d\d s\n$/,
    );
    expect([...describeTree(at('lost')).keys()]).toEqual(['top']);
  });

  test('a stripped hard link is never tied to another member that got the name', () => {
    const members: ForgedMember[] = [
      { path: 'f', content: 'right' },
      { path: 'd/f', content: 'wrong' },
      { path: 'd/h', kind: 'hardlink', linkTarget: 'f' },
    ];
    writeFileSync(at('tied.znip'), forgeArchive(members));
    expect(znip(['unpack', '-q', 'tied.znip', '--strip-components', '1', '-C', 'tied'], here).status).toBe(0);
    expect(readFileSync(at('tied/h'), 'utf8')).toBe('right');
  });
});

function ratioMessage(archiveBytes: string): RegExp {
  return new RegExp(
    `^znip: ${archiveBytes} bytes of archive hold \\d+ bytes of content, expected at most 100 for each \\(--max-ratio\\): allow more`,
  );
}

test('what a bomb comes to is refused by its ratio', () => {
  run('truncate', ['-s', '8M', 'zeros'], here);
  expect(znip(['pack', '-q', 'zeros', '-o', 'zeros.znip'], here).status).toBe(0);
  const bytes = readFileSync(at('zeros.znip'));
  const index = znip(['unpack', 'zeros.znip', '--max-ratio', '100', '-C', 'bomb'], here);
  expect(index.status).toBe(4);
  expect(index.stderr).toMatch(ratioMessage(`${bytes.byteLength}`));
  const piped = znip(['unpack', '-', '--max-ratio', '100', '-C', 'bomb-piped'], { ...here, input: bytes });
  expect(piped.status).toBe(4);
  expect(piped.stderr).toMatch(ratioMessage('\\d+'));
  expect(existsSync(at('bomb')) || existsSync(at('bomb-piped/zeros'))).toBe(false);
});

test('a name that comes twice does not replace what was kept', () => {
  mkdirSync(at('twice'));
  writeFileSync(at('twice/f'), 'first');
  run('tar', ['-cf', 'twice.tar', 'twice/f'], here);
  writeFileSync(at('twice/f'), 'second');
  run('tar', ['-rf', 'twice.tar', 'twice/f'], here);
  writeFileSync(at('twice/f'), 'mine');
  expect(znip(['unpack', '-q', '-k', 'twice.tar'], here).status).toBe(0);
  expect(readFileSync(at('twice/f'), 'utf8')).toBe('mine');
});

test('options work on the archives of others', () => {
  run('sh', ['-c', 'mkdir -p o/q && echo x > o/q/f && echo y > o/g && tar -czf o.tgz o'], here);
  expect(znip(['unpack', '-q', 'o.tgz', 'o/q', '--strip-components', '1', '-C', 'other'], here).status).toBe(
    0,
  );
  expect([...describeTree(at('other')).keys()]).toEqual(['q', 'q/f']);
  expect(znip(['unpack', 'o.tgz', 'none', '-C', 'other'], here)).toMatchObject({
    status: 3,
    stderr: "znip: nothing in 'o.tgz' matches 'none'\n",
  });
});

test.skipIf(lacks('strace')).each(['a.znip', '-'])(
  '--fsync waits for every file and directory: %s',
  (from) => {
    const log = at(`fsync-${from}.log`);
    const calls = ['-f', '-qq', '-e', 'trace=fsync', '-o', log, process.execPath, ZNIP];
    const { status } = run('strace', [...calls, 'unpack', from, '--fsync', '-C', `fsync ${from}`], {
      ...here,
      input: archive,
    });
    // Four files, the directory of the archive and two that only names imply, and the target.
    const waits = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('= 0'));
    expect([status, waits.length]).toEqual([0, 8]);
  },
);
