/**
 * Members that are left out, and later ones of the same name: what came of one says nothing of the other.
 */
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { znip } from '../support/run.ts';
import { type HandmadeMember, tarStream } from '../support/tar.ts';
import { temporaryDirectory } from '../support/tree.ts';

const place = temporaryDirectory();
let number = 0;

const link = (name: string, linkName: string): HandmadeMember => ({ name, linkName, typeFlag: '1' });
const directory = (name: string): HandmadeMember => ({ name: `${name}/`, typeFlag: '5' });

/** Unpacks what is whole of an archive with these members, from a pipe, into a target that `prepare` has filled. */
function unpack(members: HandmadeMember[], prepare: (target: string) => void, ...flags: string[]) {
  const name = join(place, String(number++));
  writeFileSync(`${name}.tar`, tarStream(...members));
  znip(['pack', '-q', '--tar', `${name}.tar`, '-o', `${name}.znip`]);
  mkdirSync(name);
  prepare(name);
  const args = ['unpack', '-q', '--keep-going', ...flags, '-C', name, '-'];
  const { status, stderr } = znip(args, { input: readFileSync(`${name}.znip`) });
  return { status, stderr, at: (path: string) => join(name, path) };
}

test('a link is made, although an earlier one of its name was refused', () => {
  const members = [directory('d'), link('b', 'd'), { name: 'a', content: '1' }, link('b', 'a')];
  const { status, stderr, at } = unpack(members, () => {});
  expect(lstatSync(at('b')).ino).toBe(lstatSync(at('a')).ino);
  expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringContaining("hard link 'b' to 'd'") });
});

test('a link is made, although a later one of its name is refused', () => {
  const members = [
    link('b', 'c'),
    directory('c'),
    link('x', 'b'),
    link('b', 'c'),
    { name: 'c', content: '1' },
  ];
  const { status, stderr, at } = unpack(members, () => {});
  const inodes = new Set(['b', 'c', 'x'].map((name) => lstatSync(at(name)).ino));
  expect({ status, stderr, files: inodes.size }).toEqual({
    status: 4,
    stderr: expect.stringContaining("hard link 'b' to 'c'"),
    files: 1,
  });
});

test('a name that several members could not have is one', () => {
  const members = [
    link('x/b', 'e'),
    { name: 'e', content: '1' },
    directory('e'),
    link('x/b', 'e'),
    link('e', 'e'),
  ];
  const { status, stderr } = unpack(members, (target) => mkdirSync(join(target, 'e')), '-k');
  expect(stderr).toContain('x/b');
  expect(stderr).not.toContain('nothing could be unpacked');
  expect(status).toBe(4);
});
