/**
 * `znip diff`: each way in which a directory can differ, where members belong, statuses.
 */
import {
  chmodSync,
  cpSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { forgeArchive } from '../support/forge.ts';
import { run, znip, ZNIP } from '../support/run.ts';
import { makeTree, noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const LARGE = noise(3_000_000);
/** A copy of what was packed, as `t`, with the archive beside it; a new one for each test. */
let place = '';
const at = (name: string): string => join(place, name);
const diff = (...args: string[]): { status: number | null; stdout: string; stderr: string } => {
  const { status, stdout, stderr } = znip(['diff', ...args], { cwd: place });
  return { status, stdout, stderr };
};
const SAME = { status: 0, stdout: '', stderr: '' };

beforeAll(() => {
  const source = join(directory, 'source/t');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'a'), 'alpha');
  writeFileSync(join(source, 'large'), LARGE);
  writeFileSync(join(source, 'sub/b'), 'beta');
  symlinkSync('a', join(source, 'link'));
  linkSync(join(source, 'a'), join(source, 'sub/hard'));
  expect(znip(['pack', '-q', 't', '-o', '../t.znip'], { cwd: join(directory, 'source') }).status).toBe(0);
});

beforeEach(() => {
  place = mkdtempSync(join(directory, 'place-'));
  cpSync(join(directory, 't.znip'), at('t.znip'));
  expect(run('cp', ['-a', join(directory, 'source/t'), at('t')]).status).toBe(0);
});

describe('differences', () => {
  test('none', () => {
    expect(diff('t.znip', 't')).toEqual(SAME);
    expect(diff('t.znip', 't', '--mtime')).toEqual(SAME);
    expect(diff('t.znip', 't', '--json')).toEqual(SAME);
  });

  test('every kind, sorted by name, one line for each', () => {
    writeFileSync(at('t/a'), 'ALPHA');
    chmodSync(at('t/a'), 0o600);
    rmSync(at('t/link'));
    symlinkSync('b', at('t/link'));
    rmSync(at('t/sub/b'));
    mkdirSync(at('t/sub/b'));
    writeFileSync(at('t/sub/b/inside'), '');
    rmSync(at('t/large'));
    writeFileSync(at('t/new'), '');
    chmodSync(at('t/sub'), 0o700);
    // The hard link is a copy of `a` no longer: both names have the new content.
    expect(diff('t.znip', 't')).toEqual({
      status: 1,
      stdout: 'MP a\n- large\nL link\n+ new\nP sub\nT sub/b\n+ sub/b/inside\nMP sub/hard\n',
      stderr: '',
    });
    expect(diff('t.znip', 't', '-q')).toEqual({ status: 1, stdout: '', stderr: '' });
    const { stdout } = diff('t.znip', 't', '--json');
    expect(
      stdout
        .split('\n')
        .slice(0, 3)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { path: 'a', change: 'changed', aspects: ['content', 'mode'] },
      { path: 'large', change: 'removed', aspects: [] },
      { path: 'link', change: 'changed', aspects: ['target'] },
    ]);
  });

  test('one byte in a large file of the same size and time', () => {
    const changed = Buffer.from(LARGE);
    changed[2_500_000] = (changed[2_500_000] ?? 0) ^ 1;
    run('touch', ['-r', 't/large', 'time'], { cwd: place });
    writeFileSync(at('t/large'), changed);
    run('touch', ['-r', 'time', 't/large'], { cwd: place });
    expect(diff('t.znip', 't')).toMatchObject({ status: 1, stdout: 'M large\n' });
  });

  test('times, with --mtime only; a time cut to whole seconds is the same', () => {
    run('touch', ['-d', '2020-01-01T00:00:00Z', 't/a'], { cwd: place });
    expect(diff('t.znip', 't')).toEqual(SAME);
    expect(diff('t.znip', 't', '--mtime')).toMatchObject({ status: 1, stdout: 't a\nt sub/hard\n' });
    const { mtimeNs } = JSON.parse(znip(['ls', '--json', 't.znip', 't/a'], { cwd: place }).stdout) as {
      mtimeNs: string;
    };
    const seconds = Number(BigInt(mtimeNs) / 1_000_000_000n);
    utimesSync(at('t/a'), seconds, seconds);
    expect(diff('t.znip', 't', '--mtime')).toEqual(SAME);
    for (const wrong of [seconds + 1, seconds - 1]) {
      utimesSync(at('t/a'), wrong, wrong);
      expect(diff('t.znip', 't', '--mtime')).toMatchObject({ status: 1, stdout: 't a\nt sub/hard\n' });
    }
  });

  test('hard links that are copies are the same; a symlink in place of a file is not followed', () => {
    rmSync(at('t/sub/hard'));
    writeFileSync(at('t/sub/hard'), 'alpha');
    expect(diff('t.znip', 't')).toEqual(SAME);
    rmSync(at('t/a'));
    symlinkSync('sub/hard', at('t/a'));
    expect(diff('t.znip', 't')).toMatchObject({ status: 1, stdout: 'T a\n' });
  });

  test('a symlink in place of a directory: what lies below counts as removed', () => {
    renameSync(at('t/sub'), at('elsewhere'));
    symlinkSync('../elsewhere', at('t/sub'));
    expect(diff('t.znip', 't')).toMatchObject({
      status: 1,
      stdout: 'T sub\n- sub/b\n- sub/hard\n',
    });
  });

  test('what no archive can hold is a warning, or another kind where a member has its name', () => {
    run('mkfifo', ['t/fifo'], { cwd: place });
    const stderr = 'znip: t/fifo: not compared: an archive holds files, directories and links\n';
    expect(diff('t.znip', 't')).toEqual({ status: 3, stdout: '', stderr });
    expect(diff('t.znip', 't', '-q')).toEqual({ status: 3, stdout: '', stderr });
    rmSync(at('t/a'));
    renameSync(at('t/fifo'), at('t/a'));
    expect(diff('t.znip', 't')).toEqual({ status: 1, stdout: 'T a\n', stderr: '' });
  });

  test('names in any bytes', () => {
    const name = Buffer.concat([Buffer.from(at('t/n')), Buffer.from([0xff])]);
    writeFileSync(name, '');
    expect(znip(['diff', 't.znip', 't'], { cwd: place }).output).toEqual(
      Buffer.from([0x2b, 0x20, 0x6e, 0xff, 0x0a]),
    );
    expect(diff('t.znip', 't', '--json').stdout).toBe(
      '{"path":"n\ufffd","change":"added","aspects":[],"pathBytes":"bv8="}\n',
    );
  });

  test('a tree with one of everything, after unpacking it', () => {
    makeTree(at('everything'));
    expect(znip(['pack', '-q', 'everything', '-o', 'e.znip'], { cwd: place }).status).toBe(0);
    expect(znip(['unpack', '-q', 'e.znip', '-C', 'out'], { cwd: place }).status).toBe(0);
    expect(diff('e.znip', 'everything', '--mtime')).toEqual(SAME);
    expect(diff('e.znip', 'out', '--mtime')).toEqual(SAME);
    expect(diff('e.znip', 'out/everything', '--mtime')).toEqual(SAME);
  });
});

describe('where members belong', () => {
  test('below the directory, or in it when it has their name', () => {
    expect(diff('t.znip', 't')).toEqual(SAME);
    expect(diff('t.znip', './t/')).toEqual(SAME);
    expect(diff('t.znip', at('t'))).toEqual(SAME);
    mkdirSync(at('parent'));
    renameSync(at('t'), at('parent/t'));
    expect(diff('t.znip', 'parent')).toEqual(SAME);
    expect(znip(['diff', '../../t.znip', '.'], { cwd: at('parent/t') }).status).toBe(0);
    symlinkSync('parent/t', at('t'));
    expect(diff('t.znip', 't')).toEqual(SAME);
  });

  test('names of several components', () => {
    mkdirSync(at('x/y'), { recursive: true });
    renameSync(at('t'), at('x/y/t'));
    expect(znip(['pack', '-q', 'x/y/t', '-o', 'deep.znip'], { cwd: place }).status).toBe(0);
    for (const name of ['x/y/t', 'x/y', 'x', '.']) {
      const { status, stdout } = diff('deep.znip', name);
      const expected = name === '.' ? { status: 1, stdout: '+ t.znip\n' } : { status: 0, stdout: '' };
      // The directories above are no members, and no differences; the other archive is one.
      expect({ name, status, stdout }).toEqual({ name, ...expected });
    }
  });

  test('--strip-components', () => {
    renameSync(at('t'), at('other'));
    expect(diff('t.znip', 'other', '--strip-components', '1')).toEqual(SAME);
    const lines = diff('t.znip', 'other').stdout.split('\n');
    expect(lines).toContain('- t/a');
    expect(lines).toContain('+ a');
    expect(diff('t.znip', 'other', '--strip-components=x')).toMatchObject({ status: 2, stdout: '' });
    writeFileSync(at('two.znip'), forgeArchive([{ path: 'a/x' }, { path: 'b/x' }]));
    expect(diff('two.znip', 'other', '--strip-components', '1')).toEqual({
      status: 2,
      stdout: '',
      stderr: "znip: --strip-components 1 gives 'a/x' and 'b/x' the same name\n",
    });
  });

  test('the mode of the directory itself, where the archive has it', () => {
    chmodSync(at('t'), 0o700);
    expect(diff('t.znip', 't')).toMatchObject({ status: 1, stdout: 'P .\n' });
  });

  test('what may be meant in two ways is refused', () => {
    mkdirSync(at('t/t'));
    expect(diff('t.znip', 't')).toEqual({
      status: 2,
      stdout: '',
      stderr: "znip: all members lie below 't': that may be 't' or 't/t'; say --strip-components 1 or 0\n",
    });
    expect(diff('t.znip', 't', '--strip-components', '1').stdout).toBe('+ t\n');
  });

  test('the archive itself, in the directory that it was made of', () => {
    expect(znip(['pack', '-q', '.', '-o', 'self.znip'], { cwd: place }).status).toBe(0);
    expect(diff('self.znip', '.')).toEqual(SAME);
  });
});

describe('what goes wrong', () => {
  test('a damaged index is status 4', () => {
    const info = JSON.parse(znip(['info', '--json', 't.znip'], { cwd: place }).stdout) as {
      sections: { offset: number }[];
    };
    const bytes = readFileSync(at('t.znip'));
    const offset = (info.sections[0]?.offset ?? 0) + 40;
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    writeFileSync(at('t.znip'), bytes);
    expect(diff('t.znip', 't')).toMatchObject({ status: 4, stdout: '' });
  });

  test('names that leave the directory are looked for nowhere', () => {
    writeFileSync(at('hostile.znip'), forgeArchive([{ path: '../t.znip' }, { path: '/etc/hostname' }]));
    mkdirSync(at('empty'));
    expect(diff('hostile.znip', 'empty')).toEqual({
      status: 1,
      stdout: '- ../t.znip\n- /etc/hostname\n',
      stderr: '',
    });
  });

  test.skipIf(process.getuid?.() !== 0)('what cannot be read is named, and the status is 3', () => {
    chmodSync(at('t/a'), 0o000);
    chmodSync(at('t/sub'), 0o700);
    for (const name of [directory, place]) chmodSync(name, 0o755);
    // As somebody who is not root, for whom permissions count.
    const { status, stdout, stderr } = run(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, ZNIP, 'diff', 't.znip', 't'],
      { cwd: place },
    );
    expect({ status, stdout, stderr }).toEqual({
      status: 3,
      stdout: 'P a\nP sub\n',
      stderr: 'znip: t/sub: cannot read the directory: permission denied\nznip: t/a: permission denied\n',
    });
  });

  test('--help ends with its own statuses', () => {
    const { stdout } = diff('--help');
    expect(stdout).toMatch(/^Examples:\n {2}znip pack build/);
    expect(stdout).toContain('Exit status:\n  0  no difference\n  1  different');
  });
});

function packed(name: string, ...args: string[]): void {
  expect(znip(['pack', '-q', '-o', name, ...args], { cwd: place }).status).toBe(0);
}

describe('two archives', () => {
  test('of the same tree do not differ, whatever packed them', () => {
    packed('other.znip', '-9', '--chunk-size', '64K', '--repo', 'r', 't');
    expect(diff('t.znip', 'other.znip')).toEqual(SAME);
    expect(diff('t.znip', 'other.znip', '--mtime')).toEqual(SAME);
    expect(diff('t.znip', 't.znip')).toEqual(SAME);
  });

  test('differ in every way in which a directory does, and in owners', () => {
    writeFileSync(at('t/sub/b'), 'BETA');
    chmodSync(at('t/large'), 0o600);
    rmSync(at('t/link'));
    symlinkSync('sub', at('t/link'));
    rmSync(at('t/sub/hard'));
    mkdirSync(at('t/sub/hard'));
    writeFileSync(at('t/new'), '');
    packed('later.znip', '--owner', '1:2', 't');
    packed('owned.znip', '--owner', '1:3', 't');
    const lines = ['P t/large', 'L t/link', '+ t/new', 'M t/sub/b', 'T t/sub/hard'];
    expect(diff('t.znip', 'later.znip')).toEqual({ status: 1, stdout: `${lines.join('\n')}\n`, stderr: '' });
    expect(diff('later.znip', 't.znip').stdout).toContain('- t/new\n');
    const owners = diff('later.znip', 'owned.znip').stdout;
    expect(owners.split('\n').filter((line) => line.startsWith('O '))).toHaveLength(8);
    expect(diff('-q', 't.znip', 'later.znip')).toEqual({ status: 1, stdout: '', stderr: '' });
    const asJson = diff('--json', 'later.znip', 'owned.znip').stdout.split('\n')[0] ?? '';
    expect(JSON.parse(asJson)).toEqual({ path: 't', change: 'changed', aspects: ['owner'] });
  });

  test('a hard link is the file that it leads to, whichever name came first', () => {
    packed('turned.znip', 't/sub', 't/a', 't');
    expect(diff('t.znip', 'turned.znip')).toEqual(SAME);
  });

  test('what is no archive, a damaged one, and options for directories', () => {
    expect(diff('t.znip', 't/a').stderr).toContain("'t/a' is neither a directory nor a znip archive");
    expect(diff('t/a', 't.znip').status).toBe(4);
    writeFileSync(at('cut.znip'), readFileSync(at('t.znip')).subarray(0, -9));
    expect(diff('t.znip', 'cut.znip').status).toBe(4);
    expect(diff('t.znip', 'cut.znip', '--strip-components', '1')).toMatchObject({ status: 2, stdout: '' });
    expect(diff('t.znip', 'missing').status).toBe(2);
  });
});
