/**
 * One name more than once: the last member counts, however long it and the others are, with any number of threads and
 * any chunk size.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type HandmadeMember, tarStream } from '../support/tar.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';
import { expectEveryWay, MANY_SETTINGS, readEveryWay, type Settings } from './ways.ts';

const place = temporaryDirectory();

const longest = noise(20_000_000, 3);
const long = noise(9_500_000, 5);
const padding: HandmadeMember[] = Array.from({ length: 8 }, (_, i) => ({
  name: `pad${i}`,
  content: noise(3_000_000, i + 11),
}));
const paddingTree = Object.fromEntries(padding.map(({ name }) => [String(name), 'file 3000000 bytes']));

const cases: {
  what: string;
  members: HandmadeMember[];
  tree: Record<string, string>;
  content: Buffer;
  settings?: Settings[];
}[] = [
  {
    what: 'large, then small',
    members: [
      { name: 'e', content: longest },
      { name: 'e', content: 'new\n' },
    ],
    tree: { e: 'file new\n' },
    content: Buffer.from('new\n'),
  },
  {
    what: 'small, then large, with others between and behind',
    members: [
      { name: 'e', content: 'old\n' },
      ...padding,
      { name: 'e', content: long },
      { name: 'zz', content: 'z' },
    ],
    tree: { e: 'file 9500000 bytes', ...paddingTree, zz: 'file z' },
    content: long,
  },
  {
    what: 'large twice, of other lengths',
    settings: [{ threads: 3, chunkSize: '64K' }],
    members: [
      { name: 'e', content: longest },
      { name: 'e', content: long },
    ],
    tree: { e: 'file 9500000 bytes' },
    content: long,
  },
];

test.each(
  cases.flatMap((one) => (one.settings ?? MANY_SETTINGS).map((settings) => ({ ...one, ...settings }))),
)(
  '$what: the last one is there, whole (-j $threads, chunks of $chunkSize)',
  { timeout: 120_000 },
  ({ members, tree, content, threads, chunkSize }) => {
    const reading = readEveryWay(place, tarStream(...members), {
      ...(threads === undefined ? {} : { threads }),
      ...(chunkSize === undefined ? {} : { chunkSize }),
    });
    expectEveryWay(reading, { tree });
    for (const { way, directory } of reading.outcomes) {
      expect(readFileSync(join(directory, 'e')).equals(content), way).toBe(true);
    }
  },
);

test('a file, then a directory of its name', () => {
  expectEveryWay(
    readEveryWay(
      place,
      tarStream({ name: 'a', content: 'hello\n' }, { name: 'a/', typeFlag: '5', mode: 0o755 }),
    ),
    { tree: { a: 'directory' } },
  );
});

test('a directory twice: the mode of the last, although what lies in it has come before', () => {
  const stream = tarStream(
    { name: 'd/', typeFlag: '5', mode: 0o755 },
    { name: 'd/f', content: longest },
    { name: 'd/', typeFlag: '5', mode: 0o700 },
  );
  for (const { way, described } of readEveryWay(place, stream).outcomes) {
    expect({ way, mode: described.get('d')?.mode }).toEqual({ way, mode: 0o700 });
  }
});
