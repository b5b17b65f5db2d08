/**
 * What hard links mean: in the order of the archive, by the index and from a stream, whatever has the names later.
 */
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { znip } from '../support/run.ts';
import { tarStream } from '../support/tar.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
let number = 0;

const file = (path: string, content: string): ForgedMember => ({ path, content });
const link = (path: string, linkTarget: string): ForgedMember => ({ path, kind: 'hardlink', linkTarget });
const directoryAt = (path: string): ForgedMember => ({ path, kind: 'directory' });

/** Content of each name by each way of reading; names of one file have the same number behind it. */
function meanings(members: ForgedMember[], ...args: string[]): Record<string, Record<string, string>> {
  const archive = join(directory, `${number++}.znip`);
  writeFileSync(archive, forgeArchive(members));
  const ways: [string, string[], Buffer | undefined][] = [
    ['index', ['unpack', archive], undefined],
    ['stream', ['unpack', '-'], readFileSync(archive)],
    ['keep going', ['unpack', '--keep-going', '-'], readFileSync(archive)],
    ['recover', ['recover', archive], undefined],
  ];
  return Object.fromEntries(
    ways.map(([way, command, input]) => {
      const target = join(directory, `${number++}`);
      const options = input === undefined ? {} : { input };
      const { status, stderr } = znip([...command, '-q', '-C', target, ...args], options);
      expect({ way, status, stderr }).toEqual({ way, status: 0, stderr: '' });
      const names = [...new Set(members.map(({ path }) => path))].sort();
      const inodes = [...new Set(names.map((name) => lstatSync(join(target, name)).ino))];
      const described = names.map((name) => {
        const at = join(target, name);
        return [name, `${readFileSync(at, 'utf8')} ${inodes.indexOf(lstatSync(at).ino)}`];
      });
      return [way, Object.fromEntries(described)];
    }),
  );
}

function everyWay(tree: Record<string, string>): Record<string, Record<string, string>> {
  return Object.fromEntries(['index', 'stream', 'keep going', 'recover'].map((way) => [way, tree]));
}

describe('a hard link', () => {
  test.each<[string, ForgedMember[], Record<string, string>]>([
    ['to a link', [file('a', '1'), link('b', 'a'), link('c', 'b')], { a: '1 0', b: '1 0', c: '1 0' }],
    ['to itself', [file('a', '1'), link('a', 'a')], { a: '1 0' }],
    [
      'to itself, before the file that it waits for',
      [link('a', 'b'), link('a', 'a'), link('x', 'a'), file('b', '1')],
      { a: '1 0', b: '1 0', x: '1 0' },
    ],
    ['before its file', [link('b', 'a'), file('a', '1')], { a: '1 0', b: '1 0' }],
    [
      'before a link before its file',
      [link('c', 'b'), link('b', 'a'), file('a', '1')],
      { a: '1 0', b: '1 0', c: '1 0' },
    ],
    ['to a file that is replaced', [file('a', '1'), link('b', 'a'), file('a', '2')], { a: '2 0', b: '1 1' }],
    [
      'with others, to a file that is replaced',
      [file('a', '1'), link('b', 'a'), link('c', 'a'), file('a', '2'), link('d', 'a')],
      { a: '2 0', b: '1 1', c: '1 1', d: '2 0' },
    ],
    [
      'to a file that is replaced twice',
      [file('a', '1'), link('b', 'a'), file('a', '2'), link('c', 'a'), file('a', '3')],
      { a: '3 0', b: '1 1', c: '2 2' },
    ],
    [
      'that takes the name of its file’s other name',
      [file('a', '1'), link('b', 'a'), link('a', 'b')],
      { a: '1 0', b: '1 0' },
    ],
    ['that replaces a file', [file('a', '1'), file('b', '2'), link('b', 'a')], { a: '1 0', b: '1 0' }],
    ['that is replaced', [file('a', '1'), link('b', 'a'), file('b', '2')], { a: '1 0', b: '2 1' }],
  ])('%s', (_name, members, tree) => {
    expect(meanings(members)).toEqual(everyWay(tree));
  });

  test('means the same where leading components are taken off and names meet', () => {
    const members = [file('x/a', '1'), link('x/b', 'x/a'), file('y/a', '2')];
    const archive = join(directory, 'strip.znip');
    writeFileSync(archive, forgeArchive(members));
    for (const input of [undefined, readFileSync(archive)]) {
      const target = join(directory, `${number++}`);
      const command = [
        'unpack',
        input === undefined ? archive : '-',
        '--strip-components',
        '1',
        '-C',
        target,
      ];
      expect(znip(command, input === undefined ? {} : { input }).status).toBe(0);
      expect(readFileSync(join(target, 'a'), 'utf8')).toBe('2');
      expect(readFileSync(join(target, 'b'), 'utf8')).toBe('1');
    }
  });
});

describe('a member that is refused changes nothing of what links mean', () => {
  test.each<[string, ForgedMember[], Record<string, string>]>([
    [
      'a link to a directory that only a name implies',
      [file('c', '1'), file('e/y', '2'), link('c', 'e'), link('x', 'c')],
      { c: '1', e: 'directory', 'e/y': '2', x: '1' },
    ],
    [
      'a link to a directory that is refused leads nowhere, as any to nothing does',
      [
        file('c', '1'),
        link('d', 'nothing'),
        directoryAt('d/b'),
        link('c', 'd/b'),
        link('x', 'c'),
        file('z', '3'),
      ],
      { z: '3' },
    ],
    [
      'a link below a link',
      [link('e', 'e/y'), file('c', '1'), link('e/y', 'c'), link('c', 'e/y'), link('x', 'c'), file('z', '3')],
      { z: '3' },
    ],
    [
      'a file below a file',
      [file('c', '1'), file('c/y', '2'), link('x', 'c/y'), file('z', '3'), link('z', 'x'), link('w', 'c')],
      { c: '1', w: '1' },
    ],
  ])('%s', (_name, members, tree) => {
    const archive = join(directory, `${number++}.znip`);
    writeFileSync(archive, forgeArchive(members));
    for (const way of ['index', 'stream']) {
      const target = join(directory, `${number++}`);
      const args = ['unpack', '--keep-going', '-q', '-C', target, way === 'index' ? archive : '-'];
      const { status } = znip(args, way === 'index' ? {} : { input: readFileSync(archive) });
      const names = readdirSync(target, { recursive: true }) as string[];
      const found = names.map((name) => {
        const at = join(target, name);
        return [name, lstatSync(at).isDirectory() ? 'directory' : readFileSync(at, 'utf8')];
      });
      expect({ way, status, tree: Object.fromEntries(found) }).toEqual({ way, status: 4, tree });
    }
  });
});

test('a file that is replaced keeps its nanoseconds under the names of its links', () => {
  const stream = tarStream(
    { name: 'a', content: '1', pax: { mtime: '1500000000.25' } },
    { name: 'b', typeFlag: '1', linkName: 'a' },
    { name: 'c', typeFlag: '1', linkName: 'a' },
    { name: 'a', content: '2' },
  );
  const archive = join(directory, 'nanoseconds');
  writeFileSync(`${archive}.tar`, stream);
  expect(znip(['pack', '-q', '--tar', `${archive}.tar`, '-o', `${archive}.znip`]).status).toBe(0);
  const args = ['unpack', '-q', '-C', archive, '-'];
  const { status, stderr } = znip(args, { input: readFileSync(`${archive}.znip`) });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [b, c] = ['b', 'c'].map((name) => lstatSync(join(archive, name), { bigint: true }));
  expect([b?.mtimeNs, c?.ino]).toEqual([1_500_000_000_250_000_000n, b?.ino]);
});

describe('a circle of links leads to nothing', () => {
  test.each([[['a', 'b']], [['a', 'b', 'c']]])('%j', (names) => {
    const members = names.map((name, i) => link(name, names[(i + 1) % names.length] ?? ''));
    const archive = join(directory, `${number++}.znip`);
    writeFileSync(archive, forgeArchive(members));
    for (const input of [undefined, readFileSync(archive)]) {
      const command = ['unpack', input === undefined ? archive : '-', '-C', join(directory, `${number++}`)];
      const { status, stderr } = znip(command, input === undefined ? {} : { input });
      expect(status).toBe(4);
      expect(stderr).toContain('its target is not a file of the archive');
    }
  });
});
