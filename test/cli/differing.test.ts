/**
 * Members that tar programs read differently, on the command line: each is named, the status is 3, and nothing is
 * called whole that is not the same to all.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { znip } from '../support/run.ts';
import { tarStream } from '../support/tar.ts';
import { describeTree, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

const TAR = tarStream(
  { name: 'plain', content: 'p' },
  { name: 'device', typeFlag: '3' },
  { name: 'odd', typeFlag: 'Q', content: 'o' },
  { name: 'nobody', content: 'n', pax: { uid: '-2' } },
);

beforeAll(() => {
  writeFileSync(at('x.tar'), TAR);
  znip(['pack', '-q', '--tar', 'x.tar', '-o', 'x.znip'], here);
  znip(['pack', '-q', '--tar', 'x.tar', '-o', 'cut.znip'], here);
});

/** The members that lines of warnings are about. */
function namedIn(stderr: string): string[] {
  const names = stderr
    .split('\n')
    .map((line) => /^znip: (device|odd|nobody|plain): /.exec(line)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)];
}

test('ls names what it cannot list', () => {
  const { status, stdout, stderr } = znip(['ls', 'x.znip'], here);
  expect({ status, stdout, named: namedIn(stderr) }).toEqual({
    status: 3,
    stdout: 'plain\nodd\nnobody\n',
    named: ['device'],
  });
  expect(znip(['ls', 'x.znip', 'plain'], here)).toMatchObject({ status: 0, stderr: '' });
});

test('pack --tar names them', () => {
  const { status, stderr } = znip(['pack', '--tar', 'x.tar', '-o', 'again.znip'], here);
  expect({ status, named: namedIn(stderr) }).toEqual({ status: 3, named: ['device', 'odd', 'nobody'] });
});

describe('whoever unpacks is told', () => {
  test.each([
    ['a tar file', ['unpack', 'x.tar', '-C', 'out'], undefined],
    ['a tar stream', ['unpack', '-', '-C', 'out'], 'x.tar'],
    ['an archive by its index', ['unpack', 'x.znip', '-C', 'out'], undefined],
    [
      'an archive by its index, whatever is damaged',
      ['unpack', '--keep-going', 'x.znip', '-C', 'out'],
      undefined,
    ],
    ['an archive that is recovered', ['recover', 'x.znip', '-C', 'out'], undefined],
  ])('%s', (_, args, input) => {
    rmSync(at('out'), { recursive: true, force: true });
    const { status, stderr } = znip(args, input === undefined ? here : { ...here, input: TAR });
    expect({ status, named: namedIn(stderr) }).toEqual({ status: 3, named: ['device', 'odd'] });
    expect([...describeTree(at('out')).keys()]).toEqual(['nobody', 'odd', 'plain']);
  });

  test('but not of members that nobody chose', () => {
    for (const [i, file] of ['x.tar', 'x.znip'].entries()) {
      const { status, stderr } = znip(['unpack', file, 'plain', '-C', `chosen-${i}`], here);
      expect({ status, named: namedIn(stderr) }).toEqual({ status: 0, named: [] });
    }
  });
});

describe('verify', () => {
  test.each([[[]], [['--quick']]])('counts them apart, and calls nothing whole: %j', (more) => {
    const { status, stdout, stderr } = znip(['verify', 'x.znip', ...more], here);
    expect({ status, named: namedIn(stderr) }).toEqual({ status: 3, named: ['device', 'odd', 'nobody'] });
    expect(stderr).toContain('nothing is damaged, but 3 members that tar programs read differently');
    expect(stdout + stderr).not.toContain('whole');
  });

  test('says them to programs', () => {
    const { status, stdout } = znip(['verify', '--json', 'x.znip'], here);
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      differingCount: 3,
      differing: [
        { member: 'device', about: 'absent', streamOffset: 1024 },
        { member: 'odd', about: 'differs' },
        { member: 'nobody', about: 'owner' },
      ],
    });
  });

  test('a repaired archive keeps its remarks', () => {
    const bytes = Buffer.from(znip(['pack', '-q', '--tar', 'x.tar', '-o', '-'], here).output);
    writeFileSync(at('cut.znip'), bytes.subarray(0, -1));
    expect(znip(['repair', '-q', 'cut.znip', '-o', 'mended.znip'], here).status).not.toBe(1);
    const { status, stderr } = znip(['unpack', 'mended.znip', '-C', 'mended'], here);
    expect({ status, named: namedIn(stderr) }).toEqual({ status: 3, named: ['device', 'odd'] });
  });
});

describe('names that are made plain', () => {
  const tar = tarStream({ name: '/d/f', content: 'f' }, { name: '/d//g', content: 'g' });

  test('are told once for the slash in front, which is no fault', () => {
    const packed = znip(['pack', '--tar', '-', '-o', 'slash.znip'], { ...here, input: tar });
    const unpacked = znip(['unpack', '-', '-C', 'slash'], { ...here, input: tar });
    for (const { status, stderr } of [packed, unpacked]) {
      expect(status).toBe(0);
      expect(stderr.match(/is taken away/g)).toHaveLength(1);
    }
    expect(znip(['ls', 'slash.znip'], here).stdout).toBe('d/f\nd/g\n');
  });

  test('below a symlink are told when they are packed', () => {
    const { status, stderr } = znip(['pack', '--tar', '-', '-o', 'below.znip'], {
      ...here,
      input: tarStream({ name: 'l', typeFlag: '2', linkName: 'u' }, { name: 'l/x', content: 'x' }),
    });
    expect(status).toBe(3);
    expect(stderr).toContain("znip: l/x: kept, but znip unpack refuses it: 'l', above it, is a symlink");
  });
});
