/**
 * Archives that try to write where they must not: names, links, and what stands in the target already.
 * Each is refused with its own code and status 4, and nothing is written outside the target.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  lstatSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { run, znip } from '../support/run.ts';
import { describeTree, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
let number = 0;

interface Attempt {
  status: number | null;
  stderr: string;
  target: string;
  /** Everything below the directory that holds the target, but the archive itself. */
  outside: string[];
}

/**
 * Unpacks a forged archive into a target of its own, by its index or as a stream; `prepare` may put things
 * into the target first.
 */
function attempt(
  members: ForgedMember[],
  args: string[] = [],
  prepare?: (target: string) => void,
  asStream = false,
): Attempt {
  const place = join(directory, `attempt-${number++}`);
  const target = join(place, 'target');
  mkdirSync(target, { recursive: true });
  prepare?.(target);
  writeFileSync(join(place, 'a.znip'), forgeArchive(members));
  const { status, stderr } = asStream
    ? znip(['unpack', '-', '-C', target, ...args], { input: readFileSync(join(place, 'a.znip')) })
    : znip(['unpack', join(place, 'a.znip'), '-C', target, ...args]);
  const outside = readdirSync(place).filter((name) => name !== 'target' && name !== 'a.znip');
  return { status, stderr, target, outside };
}

const file = (path: string): ForgedMember => ({ path, content: 'content' });
const symlink = (path: string, linkTarget: string): ForgedMember => ({ path, kind: 'symlink', linkTarget });
const hardlink = (path: string, linkTarget: string): ForgedMember => ({ path, kind: 'hardlink', linkTarget });

describe('names that are refused', () => {
  test.each([
    ['../escape', "it has a component '..'"],
    ['a/../../escape', "it has a component '..'"],
    ['a/..', "it has a component '..'"],
    ['..', "it has a component '..'"],
    ['/absolute', 'it is absolute'],
    ['//double', 'it is absolute'],
    ['./a', "it has a component '.'"],
    ['a/./b', "it has a component '.'"],
    ['.', "it has a component '.'"],
    ['a//b', 'it has an empty component'],
    ['a/', 'it has an empty component'],
    ['a\0b', 'it contains a NUL byte'],
    ['x'.repeat(256), 'it has a component of more than 255 bytes'],
    [`${'y/'.repeat(2047)}yyy`, 'it is longer than 4095 bytes'],
  ])('%.20j', (path, reason) => {
    const { status, stderr, target, outside } = attempt([file('before'), file(path)]);
    expect(status).toBe(4);
    expect(stderr).toContain(`is refused: ${reason}`);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(readdirSync(target)).toEqual([]);
    expect(outside).toEqual([]);
    const streamed = attempt([file('before'), file(path)], [], undefined, true);
    expect(streamed.status).toBe(4);
    expect(streamed.outside).toEqual([]);
    expect(existsSync('/absolute') || existsSync('/double')).toBe(false);
  });

  test('an empty name', () => {
    const { status, stderr } = attempt([{ ...file('x'), indexed: { path: '' } }]);
    expect(status).toBe(4);
    expect(stderr).toContain('it is empty');
  });
});

describe('a member below one that is no directory', () => {
  test.each([
    ['a symlink', [symlink('link', '..'), file('link/escape')]],
    ['a symlink that comes later', [file('link/escape'), symlink('link', '..')]],
    ['a symlink further up', [symlink('link', '/tmp'), file('link/a/b/escape')]],
    ['a file', [file('plain'), file('plain/below')]],
    ['a hard link', [file('plain'), hardlink('hard', 'plain'), file('hard/below')]],
  ])('%s', (_name, members) => {
    const { status, stderr, target, outside } = attempt(members);
    expect(status).toBe(4);
    expect(stderr).toMatch(/above it, is a|other members lie below it/);
    expect(readdirSync(target)).toEqual([]);
    expect(outside).toEqual([]);
    const streamed = attempt(members, [], undefined, true);
    expect(streamed.status).toBe(4);
    expect(streamed.outside).toEqual([]);
  });

  test.each([
    ['directory and symlink', [{ path: 'same', kind: 'directory' }, symlink('same', '..')], 'symlink'],
    ['symlink and directory', [symlink('same', '..'), { path: 'same', kind: 'directory' }], 'directory'],
    ['directory and file', [{ path: 'same', kind: 'directory' }, file('same')], 'file'],
    ['file and directory', [file('same'), { path: 'same', kind: 'directory' }], 'directory'],
  ] as [string, ForgedMember[], string][])('the same name twice: %s', (_name, members, kind) => {
    for (const streamed of [false, true]) {
      const { status, target, outside } = attempt(members, [], undefined, streamed);
      expect({ status, outside }).toEqual({ status: 0, outside: [] });
      expect(describeTree(target).get('same')).toMatchObject({ kind });
    }
  });

  test.each([
    ['file', file('same')],
    ['symlink', symlink('same', '..')],
  ] as [string, ForgedMember][])(
    'a directory with members stays, and a %s of its name is refused',
    (_kind, member) => {
      const members: ForgedMember[] = [{ path: 'same', kind: 'directory' }, file('same/below'), member];
      const { status, stderr, target } = attempt(members);
      expect({ status, names: readdirSync(target) }).toEqual({ status: 4, names: [] });
      expect(stderr).toContain('other members lie below it');
      const streamed = attempt(members, [], undefined, true);
      expect(streamed.status).toBe(4);
      expect(describeTree(streamed.target).get('same/below')).toMatchObject({ kind: 'file' });
    },
  );

  test.each([false, true])(
    'a link in place of a file, and the other way round (streamed: %s)',
    (streamed) => {
      const link = attempt([file('same'), symlink('same', '../outside')], [], undefined, streamed);
      expect(link).toMatchObject({ status: 0, outside: [] });
      expect(readlinkSync(join(link.target, 'same'))).toBe('../outside');
      // The link never exists: what comes after it cannot be written through it.
      const content = attempt([symlink('same', '../outside'), file('same')], [], undefined, streamed);
      expect(content).toMatchObject({ status: 0, outside: [] });
      expect(lstatSync(join(content.target, 'same')).isFile()).toBe(true);
      const below = attempt(
        [file('same'), symlink('same', '..'), file('same/escape')],
        [],
        undefined,
        streamed,
      );
      expect(below).toMatchObject({ status: 4, outside: [] });
    },
  );

  test('a dry run takes nothing away that a link of the archive would replace', () => {
    const members = [
      file('same'),
      symlink('same', '..'),
      file('d'),
      { path: 'd', kind: 'directory' } as const,
    ];
    for (const streamed of [false, true]) {
      const { target } = attempt(
        members,
        ['-n', '--overwrite'],
        (at) => {
          for (const name of ['same', 'd']) writeFileSync(join(at, name), 'mine');
        },
        streamed,
      );
      for (const name of ['same', 'd']) expect(readFileSync(join(target, name), 'utf8')).toBe('mine');
    }
  });

  test('below a symlink a second time: refused a second time', () => {
    const members = [symlink('same', '..'), file('same/a/b'), file('same/a/b'), file('same/a/c')];
    for (const streamed of [false, true]) {
      const { status, target, outside } = attempt(members, ['--keep-going'], undefined, streamed);
      expect({ status, outside }).toEqual({ status: 4, outside: [] });
      expect(readdirSync(target)).toEqual(['same']);
      expect(readlinkSync(join(target, 'same'))).toBe('..');
    }
  });

  test('the same file twice: the last one counts, as tar has it', () => {
    const { status, target } = attempt([
      { path: 'f', content: 'first' },
      { path: 'f', content: 'second' },
    ]);
    expect(status).toBe(0);
    expect(readFileSync(join(target, 'f'), 'utf8')).toBe('second');
  });
});

describe('hard links', () => {
  test.each([
    ['outside', [hardlink('h', '../outside')], "it has a component '..'"],
    ['to an absolute path', [hardlink('h', '/etc/passwd')], 'it is absolute'],
    ['to itself', [hardlink('h', 'h')], 'it is a link to itself'],
    ['to nothing', [hardlink('h', 'nothing')], 'its target is not a file of the archive'],
    ['to a directory', [{ path: 'd', kind: 'directory' }, hardlink('h', 'd')], 'its target is a directory'],
  ] as [string, ForgedMember[], string][])('%s', (_name, members, reason) => {
    const { status, stderr, target } = attempt(members);
    expect(status).toBe(4);
    expect(stderr).toContain(reason);
    expect(readdirSync(target)).toEqual([]);
    const streamed = attempt(members, [], undefined, true);
    expect(streamed.status).toBe(4);
    expect(existsSync(join(streamed.target, 'h'))).toBe(false);
  });

  test('to a symlink: one symlink with two names', () => {
    const members = [symlink('s', '/etc/passwd'), hardlink('h', 's')];
    for (const streamed of [false, true]) {
      const { status, target } = attempt(members, [], undefined, streamed);
      expect(status).toBe(0);
      expect(readlinkSync(join(target, 'h'))).toBe('/etc/passwd');
      expect(lstatSync(join(target, 'h')).ino).toBe(lstatSync(join(target, 's')).ino);
    }
  });

  test.each([
    ['file', (at: string) => writeFileSync(join(at, 'f'), 'mine')],
    ['symlink', (at: string) => symlinkSync('/etc/hostname', join(at, 'f'))],
  ])('to a name that a %s has which is kept: never to that', (_kind, prepare) => {
    const members = [file('f'), hardlink('h', 'f'), hardlink('i', 'h')];
    const byIndex = attempt(members, ['-k'], prepare);
    expect(byIndex.status).toBe(0);
    expect(readFileSync(join(byIndex.target, 'h'), 'utf8')).toBe('content');
    expect(lstatSync(join(byIndex.target, 'i')).ino).toBe(lstatSync(join(byIndex.target, 'h')).ino);
    // From a stream the content has gone by.
    const streamed = attempt(members, ['-k'], prepare, true);
    expect(streamed.status).toBe(3);
    expect(streamed.stderr).toContain("it is a hard link to 'f', which was there before and is kept");
    expect(readdirSync(streamed.target)).toEqual(['f']);
  });
});

describe('what stands in the target already', () => {
  test('a symlink on the way to a member is not followed', () => {
    const { status, stderr, target, outside } = attempt([file('a/b/escape')], ['--overwrite'], (at) => {
      mkdirSync(join(at, '..', 'elsewhere'));
      symlinkSync('../elsewhere', join(at, 'a'));
    });
    expect(status).toBe(4);
    expect(stderr).toContain('is a symbolic link where the archive has a directory');
    expect(readdirSync(join(target, '..', 'elsewhere'))).toEqual([]);
    expect(outside).toEqual(['elsewhere']);
  });

  test.each([false, true])(
    'a hard link to a member that cannot be there is that member (stream: %s)',
    (asStream) => {
      const members = [symlink('d/b', 'e'), hardlink('h', 'd/b'), hardlink('i', 'd/b'), file('z')];
      const { status, stderr, target } = attempt(
        members,
        [],
        (at) => symlinkSync('nowhere', join(at, 'd')),
        asStream,
      );
      expect(status).toBe(4);
      expect(stderr).toContain('is a symbolic link where the archive has a directory');
      expect(stderr).not.toContain('something else changes the target');
      expect(readlinkSync(join(target, 'h'))).toBe('e');
      expect(lstatSync(join(target, 'i')).ino).toBe(lstatSync(join(target, 'h')).ino);
      expect(readdirSync(target).sort()).toEqual(['d', 'h', 'i', 'z']);
    },
  );

  test.each([['--overwrite'], ['-k'], []])(
    'a symlink where a file goes is not written through (%s)',
    (...args) => {
      const { target } = attempt([file('f')], args, (at) => {
        writeFileSync(join(at, '..', 'victim'), 'untouched');
        symlinkSync('../victim', join(at, 'f'));
      });
      expect(readFileSync(join(target, '..', 'victim'), 'utf8')).toBe('untouched');
      expect(lstatSync(join(target, 'f')).isSymbolicLink()).toBe(args[0] !== '--overwrite');
    },
  );

  test('a FIFO where a file goes does not block', () => {
    const { status, stderr, target } = attempt(
      [file('f'), file('g')],
      [],
      (at) => void run('mkfifo', [join(at, 'f')]),
    );
    expect(status).toBe(1);
    expect(stderr).toContain('already exists');
    expect(readFileSync(join(target, 'g'), 'utf8')).toBe('content');
  });

  test('two archives one after the other: the first’s symlink is not the second’s way out', () => {
    const place = join(directory, 'two');
    const target = join(place, 'target');
    mkdirSync(target, { recursive: true });
    writeFileSync(join(place, 'one.znip'), forgeArchive([symlink('d', '..')]));
    writeFileSync(join(place, 'two.znip'), forgeArchive([file('d/escape')]));
    expect(znip(['unpack', join(place, 'one.znip'), '-C', target]).status).toBe(0);
    expect(znip(['unpack', join(place, 'two.znip'), '-C', target]).status).toBe(4);
    expect(existsSync(join(place, 'escape'))).toBe(false);
  });

  test('a file where a directory goes is said so', () => {
    const { status, stderr } = attempt([file('d/f')], [], (at) => writeFileSync(join(at, 'd'), ''));
    expect(status).toBe(1);
    expect(stderr).toContain('exists and is not a directory');
  });
});

describe('modes', () => {
  test('set-user-id, set-group-id and sticky are not restored', () => {
    const { status, target } = attempt([
      { ...file('f'), mode: 0o6755 },
      { path: 'd', kind: 'directory', mode: 0o1777 },
    ]);
    expect(status).toBe(0);
    expect(lstatSync(join(target, 'f')).mode & 0o7777).toBe(0o755);
    expect(lstatSync(join(target, 'd')).mode & 0o7777).toBe(0o777);
  });
});

describe('oddities that are harmless', () => {
  test('extract', () => {
    const members: ForgedMember[] = [
      file('acorn/bin/acorn'),
      symlink('.bin/acorn', '../acorn/bin/acorn'),
      symlink('absolute', '/etc/hostname'),
      symlink('dangling', 'nowhere'),
      symlink('up', '../../..'),
      file('new\nline'),
      file('-rf'),
      file('...'),
      file('..hidden'),
      file('a b'),
      file('back\\slash'),
      file('C:'),
      file('z'.repeat(255)),
    ];
    const { status, stderr, target } = attempt(members);
    expect({ status, stderr: stderr.replace(/^unpacked .*\n/, '') }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(target, '.bin/acorn'), 'utf8')).toBe('content');
    // Eleven names at the top and the two directories above the other two members.
    expect(readdirSync(target)).toHaveLength(13);
  });
});

describe('control characters in names', () => {
  test('never reach a message as they are', () => {
    const evil = 'x\u001b[2Jy\u0007\u202e';
    const { stderr } = attempt([file(evil), file(`${evil}/below`)]);
    expect(stderr).toContain('x\\x1b[2Jy\\x07\\u202e');
    expect(stderr).not.toContain('\u001b');
  });
});
