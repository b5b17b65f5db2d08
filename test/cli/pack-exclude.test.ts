/**
 * What `pack` leaves out: patterns, directories of version control, caches, other file systems.
 */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { run, type RunOptions, znip, ZNIP } from '../support/run.ts';
import { selectedNames } from '../support/selected.ts';
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

const without = (list: readonly string[], ...left: string[]): string[] =>
  list.filter((name) => !left.includes(name));

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
    const { status, stdout } = znip(['pack', '--dry-run', '-q', 't', '-x', '*.log'], here);
    const listed = without(ALL, 't/a.log', 't/deep/b.log');
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${listed.join('\n')}\n` });
    expect(archived(['t', '-x', '*.log'])).toEqual(listed);
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
    writeFileSync(at('list'), 't/build/tmp/x\nt/deep/build/keep\nt/keep\n');
    expect(names(['-x', 'build/', '-T', 'list'])).toEqual(['t/keep']);
  });

  test('--exclude-from takes patterns from a file', () => {
    writeFileSync(at('patterns'), '# comment\n\n*.log\r\n  \n/t/build\n\\#odd\ntmp');
    write('t/#odd');
    const left = ['t/a.log', 't/deep/b.log', 't/build', 't/build/tmp', 't/build/tmp/x', 't/deep/tmp'];
    expect(names(['--exclude-from', 'patterns', 't'])).toEqual(without(ALL, ...left));
    rmSync(at('t/#odd'));
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
    const all = asNobody();
    expect(all).toMatchObject({ status: 3, stdout: 'closed\nclosed/file\nclosed/in\n' });
    expect(all.stderr).toContain('closed/in: cannot read the directory: permission denied');
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

  test.skipIf(!root)('--one-file-system packs a mount point, not what is in it', ({ skip }) => {
    write('mounts/a', 'mounts/m/under');
    const { status, stderr } = run('mount', ['-t', 'tmpfs', 'tmpfs', at('mounts/m')]);
    skip(status !== 0, `nothing can be mounted here: ${stderr}`);
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

describe('what would be misread', () => {
  test('an --exclude-from with a byte-order mark, blanks and CR LF', () => {
    writeFileSync(at('marked'), '\ufeffa.log  \r\nb.log\t\r\n  \r\nends\\ \r\n');
    write('marks/a.log', 'marks/b.log', 'marks/c', 'marks/ends ');
    expect(names(['--exclude-from', 'marked', 'marks'])).toEqual(['marks', 'marks/c']);
  });

  test('an --exclude-from with exceptions is refused', () => {
    writeFileSync(at('negated'), '*.log\n!keep.log\n');
    const { status, stderr } = znip(['pack', '--dry-run', '--exclude-from', 'negated', 'marks'], here);
    expect(stderr).toMatch(/^znip: '!keep\.log' in 'negated' begins with !/);
    expect(status).toBe(2);
    writeFileSync(at('escaped'), '\\!keep\n');
    write('marks/!keep');
    expect(names(['--exclude-from', 'escaped', 'marks'])).not.toContain('marks/!keep');
  });

  test.each([
    [['-T', '-', '--exclude-from', '-'], '-T and --exclude-from'],
    [['-T', '-', '-T', '-'], '-T and -T'],
    [['--name', 'x', '-', '-T', '-'], '-T and --name'],
    [['--tar', '-', '--exclude-from', '-'], '--exclude-from and --tar'],
  ])('two readers of standard input are a usage error: %j', (args, flags) => {
    expect(znip(['pack', '-o', 'x.znip', ...args], { ...here, input: 'marks\n' })).toMatchObject({
      status: 2,
      stderr: `znip: ${flags} both read standard input: only one can, put the other into a file\n`,
    });
  });

  test('an --include that matched nothing is named, with status 3', () => {
    const args = [
      'pack',
      '--dry-run',
      '-x',
      '*.log',
      '--include',
      'a.log',
      '--include',
      'none/such',
      'marks',
    ];
    const { status, stderr, stdout } = znip(args, here);
    expect(stdout).toContain('marks/a.log\n');
    expect(stderr).toContain('znip: none/such: --include matched nothing');
    expect(stderr).not.toContain('znip: a.log');
    expect(status).toBe(3);
    // What is below a directory that stays out stays out.
    const below = znip(['pack', '--dry-run', '-x', 'build', '--include', 'build/keep', 't/deep'], here);
    expect(below.stdout).not.toContain('build');
    expect(below.status).toBe(3);
  });

  test('a CACHEDIR.TAG that is a symlink does not count', () => {
    write('linked/tag', 'linked/c/kept');
    writeFileSync(at('linked/tag'), 'Signature: 8a477f597d28d172789f06886806bc55');
    symlinkSync('../tag', at('linked/c/CACHEDIR.TAG'));
    expect(names(['--exclude-caches', 'linked'])).toContain('linked/c/kept');
  });
});
