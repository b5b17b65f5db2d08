/**
 * Hard links in every order, to links, to symlinks and to themselves: a link is the file that its target's name was at
 * that moment of the stream.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HandmadeMember, tarStream } from '../support/tar.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { expectEveryWay, readEveryWay } from './ways.ts';

const place = temporaryDirectory();

const A = 'hello\n';
const hard = (name: string, linkName: string): HandmadeMember => ({ name, linkName, typeFlag: '1' });
const soft = (name: string, linkName: string): HandmadeMember => ({ name, linkName, typeFlag: '2' });
const directory = (name: string): HandmadeMember => ({ name, typeFlag: '5', mode: 0o755 });

describe('hard links', () => {
  test('to a link: three names of one file', () => {
    const reading = readEveryWay(place, tarStream({ name: 'a', content: A }, hard('b', 'a'), hard('c', 'b')));
    expectEveryWay(reading, {
      tree: { a: `file ${A} = b c`, b: `file ${A} = a c`, c: `file ${A} = a b` },
    });
  });

  test('before their file: the one that comes', () => {
    const reading = readEveryWay(place, tarStream(hard('b', 'a'), { name: 'a', content: A }));
    expectEveryWay(reading, { tree: { a: `file ${A} = b`, b: `file ${A} = a` }, orNamed: 'b' });
    // One rule for all ways.
    expect(new Set(reading.outcomes.map(({ tree }) => JSON.stringify(tree))).size).toBe(1);
  });

  test('to themselves: ignored', () => {
    const reading = readEveryWay(place, tarStream({ name: 'd/f', content: A }, hard('d/f', 'd/f')));
    expectEveryWay(reading, { tree: { d: 'directory', 'd/f': `file ${A}` } });
  });

  test('to a file that is replaced later: they keep what it was', () => {
    const reading = readEveryWay(
      place,
      tarStream({ name: 'a', content: A }, hard('b', 'a'), { name: 'a', content: '2\n' }),
    );
    expectEveryWay(reading, { tree: { a: 'file 2\n', b: `file ${A}` }, orNamed: 'b' });
  });

  test('to a symlink: two names of one symlink', () => {
    const reading = readEveryWay(place, tarStream({ name: 'a', content: A }, soft('s', 'a'), hard('h', 's')));
    expectEveryWay(reading, { tree: { a: `file ${A}`, s: 'symlink a', h: 'symlink a' }, orNamed: 'h' });
    for (const { way, directory: root, tree } of reading.outcomes) {
      if (tree['h'] === undefined) continue;
      expect(lstatSync(join(root, 'h')).ino, way).toBe(lstatSync(join(root, 's')).ino);
    }
  });
});

describe('a member below a symlink', () => {
  const reading = readEveryWay(
    place,
    tarStream(directory('u/'), soft('l', 'u'), { name: 'l/x', content: A }, { name: 'z', content: 'z' }),
  );

  test('is not written through it, and named', () => {
    const rest = { l: 'symlink u', u: 'directory', z: 'file z' };
    expect(reading.pack.status).toBe(3);
    expect(reading.pack.stderr).toContain('l/x');
    for (const { way, status, stderr, tree } of reading.outcomes) {
      expect({ way, status, tree }).toEqual({ way, status: 4, tree: way === 'unpack by index' ? {} : rest });
      expect(stderr, way).toContain('l/x');
    }
  });
});
