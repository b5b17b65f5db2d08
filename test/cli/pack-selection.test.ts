/**
 * What `pack` takes in and leaves out, and what it records: real trees, real processes.
 */
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lacks, hasProgram, run, type RunOptions, znip, ZNIP } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const root = process.getuid?.() === 0;

function write(...files: string[]): void {
  for (const file of files) {
    mkdirSync(dirname(at(file)), { recursive: true });
    writeFileSync(at(file), file);
  }
}

/** Names that these arguments mean, which must go without a word. */
function names(args: readonly string[], options: RunOptions = here): string[] {
  const { status, stderr, output } = znip(['pack', '--dry-run', '-q', ...args], options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return output.toString('latin1').split('\n').slice(0, -1);
}

/** Names in the archive that these arguments make. */
function archived(args: readonly string[], options: RunOptions = here): string[] {
  const { status, stderr } = znip(['pack', '-q', '-o', at('names.znip'), ...args], options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return znip(['ls', '-0', at('names.znip')])
    .output.toString('latin1')
    .split('\0')
    .slice(0, -1);
}

/** As somebody for whom permissions count, who is not root. */
const asNobody = (...args: string[]): ReturnType<typeof run> =>
  run(
    'setpriv',
    [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      process.execPath,
      ZNIP,
      'pack',
      'closed',
      '--dry-run',
      ...args,
    ],
    here,
  );

const long = (archive: string): string[] =>
  znip(['ls', '--json', archive], here)
    .stdout.trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map(({ path, mode, mtimeNs, uid, gid }) => [path, mode, mtimeNs, uid, gid].join(' '));

const lines = (mtime: string, owner = ' '): string[] =>
  ['r 0755', 'r/link 0777', 'r/private 0644', 'r/run 0755'].map((line) => `${line} ${mtime} ${owner}`);

const git = (cwd: string, ...args: string[]): string => {
  const { status, stdout, stderr } = run('git', args, {
    cwd,
    env: { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
  });
  expect(status, stderr).toBe(0);
  return stdout;
};

const writeIgnore = (path: string, ...lines: string[]): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), lines.join('\n'));
};

/** Names of what is no directory, in the archive of `.`. */
const packed = (cwd: string, ...args: string[]): string[] => {
  const all = names(['--gitignore', ...args, '.'], { cwd });
  return all.filter((name) => !lstatSync(join(cwd, name)).isDirectory()).sort();
};

function failure(args: readonly string[], options: RunOptions = here): [number | null, string] {
  const { status, stdout, stderr } = znip(['pack', ...args], options);
  expect(stdout).toBe('');
  return [status, stderr];
}

const without = (list: readonly string[], ...left: string[]): string[] =>
  list.filter((name) => !left.includes(name));

/** What is recorded of the members of `r`: name, mode, mtime, owner. */
const record = (args: readonly string[], env: Record<string, string> = {}): string[] => {
  expect(znip(['pack', '-q', 'r', '-o', 'r.znip', ...args], { ...here, env })).toMatchObject({
    status: 0,
    stderr: '',
  });
  return long('r.znip');
};

/** What git would add below a directory: files, without those it ignores. */
const files = (cwd: string): string[] =>
  git(cwd, 'ls-files', '-co', '--exclude-standard', '-z').split('\0').slice(0, -1).sort();

const owners = (args: string[]): string[] => record(args).map((line) => line.split(' ').slice(3).join(' '));

describe('patterns', () => {
  const ALL = [
    't',
    't/.hidden',
    't/a.log',
    't/build',
    't/build/tmp',
    't/build/tmp/x',
    't/deep',
    't/deep/b.log',
    't/deep/build',
    't/deep/build/keep',
    't/deep/tmp',
    't/keep',
  ];

  beforeAll(() => {
    write(
      't/.hidden',
      't/a.log',
      't/build/tmp/x',
      't/deep/b.log',
      't/deep/build/keep',
      't/deep/tmp',
      't/keep',
    );
  });

  test('hidden files are in, and --dry-run lists what is packed', () => {
    expect(names(['t'])).toEqual(ALL);
    expect(archived(['t'])).toEqual(ALL);
  });

  test.each<[string[], string[]]>([
    [
      ['-x', '*.log'],
      ['t/a.log', 't/deep/b.log'],
    ],
    [
      ['-x', 'build'],
      ['t/build', 't/build/tmp', 't/build/tmp/x', 't/deep/build', 't/deep/build/keep'],
    ],
    [['-x', '/build'], []],
    [
      ['-x', '/t/build'],
      ['t/build', 't/build/tmp', 't/build/tmp/x'],
    ],
    [
      ['--exclude', 'build/tmp'],
      ['t/build/tmp', 't/build/tmp/x'],
    ],
    [
      ['-x', 'tmp/'],
      ['t/build/tmp', 't/build/tmp/x'],
    ],
    [
      ['-xtmp', '-x', 'keep', '--exclude=.h*'],
      ['t/build/tmp', 't/build/tmp/x', 't/deep/tmp', 't/deep/build/keep', 't/keep', 't/.hidden'],
    ],
    [['-x', '*.log', '--include', 'b.log'], ['t/a.log']],
    [['--include', 'b.log', '-x', '*.log'], ['t/a.log']],
    // What is below a directory that stays out stays out.
    [
      ['-x', 'build', '--include', 'build/keep'],
      ['t/build', 't/build/tmp', 't/build/tmp/x', 't/deep/build', 't/deep/build/keep'],
    ],
    [
      ['-x', 'build', '--include', 'deep/build'],
      ['t/build', 't/build/tmp', 't/build/tmp/x'],
    ],
    [
      ['-x', '*', '--include', '*/', '--include', 'keep'],
      ['t/.hidden', 't/a.log', 't/build/tmp/x', 't/deep/b.log', 't/deep/tmp'],
    ],
  ])('%j', (args, left) => {
    expect(names([...args, 't'])).toEqual(without(ALL, ...left));
  });

  test('named paths are left out, too', () => {
    expect(names(['-x', 'build', 't/build/tmp', 't/keep'])).toEqual(['t/keep']);
    expect(
      names(['-x', 'build/', '-T', '-'], { ...here, input: 't/build/tmp/x\nt/deep/build/keep\nt/keep\n' }),
    ).toEqual(['t/keep']);
  });

  test('--exclude-from takes patterns from a file', () => {
    writeFileSync(at('patterns'), '# comment\n\n*.log\r\n  \n/t/build\n\\#odd\ntmp');
    write('t/#odd');
    const left = ['t/a.log', 't/deep/b.log', 't/build', 't/build/tmp', 't/build/tmp/x', 't/deep/tmp'];
    expect(names(['--exclude-from', 'patterns', 't'])).toEqual(without(ALL, ...left));
    rmSync(at('t/#odd'));
    expect(failure(['--exclude-from', 'missing', 't', '-o', 'x.znip'])).toEqual([
      1,
      "znip: cannot read 'missing': no such file or directory\n",
    ]);
    expect(failure(['-x', '/', 't', '-o', 'x.znip'])).toEqual([
      2,
      "znip: '/' is not a pattern: it names nothing\n",
    ]);
  });

  test('names that are not UTF-8 match by their text', () => {
    mkdirSync(at('bytes'));
    for (const name of ['f\xff.b', 'g\xff.b'])
      writeFileSync(Buffer.from(`${at('bytes')}/${name}`, 'latin1'), '');
    expect(names(['bytes', '-x', 'f\ufffd.b'])).toEqual(['bytes', 'bytes/g\xff.b']);
    expect(names(['bytes', '-x', 'f?.b'])).toEqual(['bytes', 'bytes/g\xff.b']);
  });

  test.skipIf(!root)('a directory that is left out is not read', () => {
    write('closed/in/file', 'closed/file');
    chmodSync(directory, 0o755);
    chmodSync(at('closed/in'), 0);
    expect(asNobody()).toMatchObject({ status: 3, stdout: 'closed\nclosed/file\nclosed/in\n' });
    expect(asNobody().stderr).toContain('closed/in: cannot read the directory: permission denied');
    expect(asNobody('-q', '-x', 'in')).toMatchObject({
      status: 0,
      stdout: 'closed\nclosed/file\n',
      stderr: '',
    });
  });
});

describe('directories of a kind', () => {
  test('--exclude-vcs leaves out directories of version control, not control files', () => {
    write(
      'vcs/.git/HEAD',
      'vcs/sub/.git',
      'vcs/.svn/x',
      'vcs/CVS/x',
      'vcs/.jj/x',
      'vcs/_darcs/x',
      'vcs/.bzr/x',
      'vcs/.hg/x',
      'vcs/.gitignore',
      'vcs/sub/.hg',
      'vcs/cvs/x',
    );
    expect(names(['vcs', '--exclude-vcs'])).toEqual([
      'vcs',
      'vcs/.gitignore',
      'vcs/cvs',
      'vcs/cvs/x',
      'vcs/sub',
      'vcs/sub/.hg',
    ]);
  });

  test('--exclude-caches keeps a cache directory and its tag', () => {
    write('caches/a/x', 'caches/b/x', 'caches/b/d/y', 'caches/c/x');
    writeFileSync(at('caches/b/CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n# more');
    writeFileSync(at('caches/c/CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc5');
    const kept = [
      'caches',
      'caches/a',
      'caches/a/x',
      'caches/b',
      'caches/b/CACHEDIR.TAG',
      'caches/c',
      'caches/c/CACHEDIR.TAG',
      'caches/c/x',
    ];
    expect(names(['caches', '--exclude-caches'])).toEqual(kept);
    expect(run('tar', ['--exclude-caches', '-cf', 'caches.tar', 'caches'], here).status).toBe(0);
    const tar = run('tar', ['-tf', 'caches.tar'], here).stdout.trim().split('\n');
    expect(tar.map((name) => name.replace(/\/$/, '')).sort()).toEqual(kept);
    expect(names(['caches/b', '--exclude-caches', '--include', 'x'])).toEqual([
      'caches/b',
      'caches/b/CACHEDIR.TAG',
      'caches/b/x',
    ]);
  });

  test.skipIf(!root)('--one-file-system packs a mount point, not what is in it', () => {
    write('mounts/a', 'mounts/m/under');
    if (run('mount', ['-t', 'tmpfs', 'tmpfs', at('mounts/m')]).status !== 0) return;
    try {
      write('mounts/m/inside');
      expect(names(['mounts'])).toEqual(['mounts', 'mounts/a', 'mounts/m', 'mounts/m/inside']);
      expect(names(['mounts', '--one-file-system'])).toEqual(['mounts', 'mounts/a', 'mounts/m']);
      expect(names(['-C', 'mounts', '.', '--one-file-system'])).toEqual(['a', 'm']);
      expect(names(['mounts/m', '--one-file-system'])).toEqual(['mounts/m', 'mounts/m/inside']);
    } finally {
      run('umount', [at('mounts/m')]);
    }
  });
});

describe('--dereference', () => {
  beforeAll(() => {
    write('deref/tree/file', 'deref/tree/sub/x', 'deref/outside/o');
    symlinkSync('file', at('deref/tree/link'));
    symlinkSync('../outside', at('deref/tree/out'));
  });

  test.each(['-h', '--dereference'])('%s packs what links point to', (option) => {
    expect(archived(['-C', 'deref', 'tree', option])).toEqual([
      'tree',
      'tree/file',
      'tree/link',
      'tree/out',
      'tree/out/o',
      'tree/sub',
      'tree/sub/x',
    ]);
    expect(znip(['unpack', '-q', 'names.znip', '-C', `deref${option}`], here).status).toBe(0);
    expect(lstatSync(at(`deref${option}/tree/link`)).isFile()).toBe(true);
    expect(readFileSync(at(`deref${option}/tree/link`), 'utf8')).toBe('deref/tree/file');
    expect(readFileSync(at(`deref${option}/tree/out/o`), 'utf8')).toBe('deref/outside/o');
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

  test('after the paths it is an error, not ignored', () => {
    const message = "znip: -C 'c' has no effect: put it before the paths that it is for\n";
    expect(failure(['w', '-C', 'c', '-o', 'x.znip'])).toEqual([2, message]);
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
    expect(
      archived(['-C', 'l', '-T', '-'], { ...here, input: Buffer.from('\xff\n\n sp\nd\n./a', 'latin1') }),
    ).toEqual(['\xff', ' sp', 'd', 'a']);
    expect(archived(['-0T-', 'l/a'], { ...here, input: 'w\0' })).toEqual(['w', 'l/a']);
  });

  test('a directory in a list is packed alone, and whole when it is a path as well', () => {
    expect(names(['-T', '-'], { ...here, input: 'l/d\n' })).toEqual(['l/d']);
    expect(names(['-T', '-', 'l/d'], { ...here, input: 'l/d\n' })).toEqual(['l/d', 'l/d/b']);
    expect(names(['l/d', '-T', '-'], { ...here, input: 'l/d/b\nl/d\n' })).toEqual(['l/d', 'l/d/b']);
  });

  test.skipIf(lacks('zstd'))('find and an empty list', () => {
    expect(
      run('sh', ['-c', `find . -print0 | sort -z | node ${ZNIP} pack -q -T - -0 -o ../find.znip`], {
        cwd: at('l'),
      }).status,
    ).toBe(0);
    const expected = archived(['-C', 'l', '.']);
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

  test.each<[string[], string, number, string]>([
    [['-T', 'missing'], '', 1, "cannot read 'missing': no such file or directory"],
    [['-T', 'l'], '', 1, "cannot read 'l': it is a directory"],
    [['-T', '-'], 'a\0b\0', 2, "the names in '-' are separated by NUL: use -0"],
    [['w', '-0'], '', 2, '-0 has no effect without -T: it is about the names in a list'],
    [[], '', 2, 'nothing to pack: name at least one file or directory'],
  ])('%j is an error', (args, input, status, message) => {
    expect(failure([...args, '-o', 'x.znip'], { ...here, input })).toEqual([status, `znip: ${message}\n`]);
  });
});

describe('what is recorded', () => {
  beforeAll(() => {
    write('r/run', 'r/private');
    chmodSync(at('r/run'), 0o710);
    chmodSync(at('r/private'), 0o600);
    chmodSync(at('r'), 0o2700);
    symlinkSync('run', at('r/link'));
  });

  test('--reproducible', () => {
    expect(record(['--reproducible'], { SOURCE_DATE_EPOCH: '' })).toEqual(lines('315532800000000000'));
    const first = readFileSync(at('r.znip'));
    chmodSync(at('r/private'), 0o664);
    utimesSync(at('r/run'), 5, 5);
    record(['--reproducible'], { SOURCE_DATE_EPOCH: '' });
    expect(readFileSync(at('r.znip')).equals(first)).toBe(true);
    chmodSync(at('r/private'), 0o600);
    expect(record(['--reproducible'], { SOURCE_DATE_EPOCH: '1700000000' })).toEqual(
      lines('1700000000000000000'),
    );
    expect(record(['--reproducible', '--mtime', '@7'], { SOURCE_DATE_EPOCH: '1700000000' })).toEqual(
      lines('7000000000'),
    );
    expect(record(['--reproducible', '--owner', '0:0', '--mtime', '@7'])).toEqual(lines('7000000000', '0 0'));
  });

  test.each([
    ['@0', '0'],
    ['@-1.5', '-1500000000'],
    ['2024-02-29', '1709164800000000000'],
    ['2024-02-29T12:34', '1709210040000000000'],
    ['2024-02-29 12:34:56.123456789Z', '1709210096123456789'],
    ['2024-02-29T12:34:56+02:00', '1709202896000000000'],
  ])('--mtime %s', (when, nanoseconds) => {
    expect(record(['--mtime', when], { TZ: 'Asia/Tokyo' }).map((line) => line.split(' ')[2])).toEqual(
      Array(4).fill(nanoseconds),
    );
  });

  test('large files and threads record it, too, and see no change', () => {
    mkdirSync(at('big'));
    for (let i = 0; i < 5; i++) writeFileSync(at(`big/${i}`), Buffer.alloc(3 << 20, String(i)));
    expect(
      znip(['pack', 'big', '-q', '-o', 'big.znip', '--mtime', '@1', '--chunk-size', '2M', '-j2'], here),
    ).toMatchObject({ status: 0, stderr: '' });
    for (const line of long('big.znip')) expect(line.split(' ')[2]).toBe('1000000000');
  });

  test('--owner', () => {
    const own = `${process.getuid?.()} ${process.getgid?.()}`;
    expect(owners([])).toEqual(Array(4).fill(' '));
    expect(owners(['--owner'])).toEqual(Array(4).fill(own));
    expect(owners(['--owner', '12:34'])).toEqual(Array(4).fill('12 34'));
    expect(owners(['--owner=12'])).toEqual(Array(4).fill(`12 ${process.getgid?.()}`));
    expect(names(['--owner', 'r/run'])).toEqual(['r/run']);
  });

  test.each<[string[], Record<string, string>, string]>([
    [
      ['--mtime', 'yesterday'],
      {},
      "'yesterday' is not a time: write @SECONDS since 1970, or a date as in 2026-01-31 or 2026-01-31T12:00:00Z",
    ],
    [
      ['--mtime', '2023-02-29'],
      {},
      "'2023-02-29' is not a time: write @SECONDS since 1970, or a date as in 2026-01-31 or 2026-01-31T12:00:00Z",
    ],
    [
      ['--mtime', '@99999999999'],
      {},
      "the time '@99999999999' is out of range: it must be from 1677 to 2262",
    ],
    [
      ['--reproducible'],
      { SOURCE_DATE_EPOCH: 'now' },
      "SOURCE_DATE_EPOCH is 'now': it must be whole seconds since 1970",
    ],
    [['--owner=me'], {}, "--owner takes numbers as UID or UID:GID, not 'me'"],
    [
      ['--owner', '--reproducible'],
      {},
      "the files' own owners are not reproducible: give one as UID:GID, or none",
    ],
  ])('%j is a usage error', (args, env, message) => {
    expect(failure(['r', '-o', 'x.znip', ...args], { ...here, env })).toEqual([2, `znip: ${message}\n`]);
  });

  test('--dry-run has no result in JSON', () => {
    const [status, stderr] = failure(['r', '--dry-run', '--json'], here);
    expect([status, JSON.parse(stderr)]).toEqual([
      2,
      {
        command: 'pack',
        event: 'error',
        code: 'usage',
        message: '--dry-run prints names: it does not go with --json',
        status: 2,
      },
    ]);
  });
});

describe('--dry-run', () => {
  test('needs no output, writes none, and leaves out the archive as pack does', () => {
    write('dry/a');
    const first = znip(['pack', 'dry', '--dry-run'], here);
    expect(first).toMatchObject({ status: 0, stdout: 'dry\ndry/a\n', stderr: 'would pack 2 members, 5 B\n' });
    writeFileSync(at('dry/x.znip'), 'old');
    const second = znip(['pack', 'dry', '--dry-run', '-o', 'dry/x.znip'], here);
    expect(second.stdout).toBe('dry\ndry/a\n');
    expect(second.stderr).toContain('dry/x.znip: it is the archive itself, left out');
    expect(readFileSync(at('dry/x.znip'), 'utf8')).toBe('old');
    expect(failure(['missing', '--dry-run'])).toEqual([
      1,
      "znip: cannot pack 'missing': no such file or directory\n",
    ]);
  });
});

describe.skipIf(!hasProgram('git'))('--gitignore', () => {
  test('takes what git would add, from a nasty nested set', () => {
    mkdirSync(at('g'));
    git(at('g'), 'init', '-q');
    writeIgnore(
      'g/.gitignore',
      '# comment',
      '*.log',
      '!important.log',
      'build/',
      '/root-only',
      'doc/*.txt',
      '**/deep/x',
      'a/**/z',
      'trailing\\ ',
      'sp  ',
      '\\!bang',
      '\\#hash',
      'dir-only/',
      '*.tmp',
      '!sub/*.tmp',
      'cache/*',
      '!cache/keep',
      'q?',
      '[0-9]n',
      'excluded',
      '!excluded/inside',
      'foo**/bar',
      'x/',
      '!y/x/',
    );
    writeIgnore(
      'g/sub/.gitignore',
      '!*.log',
      'build',
      '!/build',
      '/only-here',
      'nested/*',
      '!nested/ok',
      'cr\r',
      '*',
      '!*.txt',
      '!*.tmp',
      '!*.log',
      '!*/',
      '!only-here',
      '/only-here',
    );
    writeIgnore('g/sub/inner/.gitignore', '*.log', '!*', 'never/');
    writeIgnore('g/y/.gitignore', '!x/', '!build/');
    writeIgnore('g/.git/info/exclude', 'private', '*.secret', '!a.log', 'from-info/');
    write(
      'g/a.log',
      'g/important.log',
      'g/build/out',
      'g/root-only',
      'g/deeper/root-only',
      'g/doc/a.txt',
      'g/doc/sub/a.txt',
      'g/q/deep/x/f',
      'g/deep/x',
      'g/a/z',
      'g/a/b/c/z',
      'g/a/b/zz',
      'g/trailing ',
      'g/sp',
      'g/!bang',
      'g/#hash',
      'g/dir-only',
      'g/k/dir-only/f',
      'g/t.tmp',
      'g/sub/t.tmp',
      'g/cache/junk',
      'g/cache/keep',
      'g/cache/d/keep',
      'g/q1',
      'g/q12',
      'g/5n',
      'g/an',
      'g/excluded/inside',
      'g/foobar',
      'g/foox/bar',
      'g/foo/y/bar',
      'g/x/f',
      'g/y/x/f',
      'g/y/build/f',
      'g/z/x/f',
      'g/sub/a.log',
      'g/sub/build/f.txt',
      'g/sub/only-here',
      'g/sub/nested/no.txt',
      'g/sub/nested/ok',
      'g/sub/cr',
      'g/sub/plain',
      'g/sub/a.txt',
      'g/sub/inner/a.log',
      'g/sub/inner/b',
      'g/sub/inner/never/f',
      'g/private',
      'g/k/x.secret',
      'g/from-info/f',
      'g/sub/private',
    );
    symlinkSync('build', at('g/k/build'));
    symlinkSync('nowhere', at('g/k/gone.log'));
    writeFileSync(Buffer.from(`${at('g')}/caf\xe9.tmp`, 'latin1'), '');
    const expected = files(at('g'));
    expect(expected.length).toBeGreaterThan(20);
    expect(packed(at('g'))).toEqual(expected);
    // Rules above what is packed count, up to the repository's root.
    for (const below of ['sub', 'y', 'sub/inner', 'k'])
      expect(packed(at(join('g', below))), below).toEqual(files(at(join('g', below))));
    const sub = names(['--gitignore', '-C', 'g', 'sub']).filter(
      (name) => !lstatSync(at(`g/${name}`)).isDirectory(),
    );
    expect(sub.sort()).toEqual(files(at('g/sub')).map((name) => `sub/${name}`));
  });

  test('what is named is taken, and an include brings back', () => {
    write('n/dist/a', 'n/dist/b.log', 'n/src');
    git(at('n'), 'init', '-q');
    writeIgnore('n/.gitignore', 'dist/', '*.log');
    expect(names(['--gitignore', '.'], { cwd: at('n') })).toEqual(['.gitignore', 'src']);
    expect(names(['--gitignore', 'dist'], { cwd: at('n') })).toEqual(['dist', 'dist/a']);
    expect(names(['--gitignore', '--include', '/dist', '.'], { cwd: at('n') })).toEqual([
      '.gitignore',
      'dist',
      'dist/a',
      'src',
    ]);
    expect(names(['--gitignore', '-x', 'src', '.'], { cwd: at('n') })).toEqual(['.gitignore']);
  });

  test('repositories within have rules of their own; a work tree uses the shared info/exclude', () => {
    write('w1/a', 'w1/b.o', 'w1/module/b.o', 'w1/module/c');
    git(at('w1'), 'init', '-q');
    writeIgnore('w1/.gitignore', '*.o');
    writeIgnore('w1/.git/info/exclude', 'private');
    git(at('w1/module'), 'init', '-q');
    writeIgnore('w1/module/.gitignore', 'c');
    expect(packed(at('w1'))).toEqual(['.gitignore', 'a', 'module/.gitignore', 'module/b.o']);
    expect(packed(at('w1/module'))).toEqual(files(at('w1/module')));
    git(
      at('w1'),
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@example.org',
      'commit',
      '-q',
      '--allow-empty',
      '-m',
      'x',
    );
    git(at('w1'), 'worktree', 'add', '-q', '../w2');
    write('w2/private', 'w2/public');
    expect(packed(at('w2'))).toEqual(['public']);
  });

  test('without a repository the .gitignore files below the path count, those above it do not', () => {
    write('plain/sub/a.o', 'plain/sub/a.c', 'plain/sub/in/b.c');
    writeIgnore('plain/.gitignore', '*.c');
    writeIgnore('plain/sub/.gitignore', '*.o');
    expect(names(['--gitignore', '-C', 'plain/sub', '.'])).toEqual(['.gitignore', 'a.c', 'in', 'in/b.c']);
    expect(names(['--gitignore', 'plain'])).toEqual([
      'plain',
      'plain/.gitignore',
      'plain/sub',
      'plain/sub/.gitignore',
      'plain/sub/in',
    ]);
  });
});
