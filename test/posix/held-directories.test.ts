import { closeSync, mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromText } from '../../src/format/values/byte-string.ts';
import { HeldDirectories, holdDirectory, nameOfDescriptor } from '../../src/posix/held-directories.ts';
import { temporaryDirectory } from '../support/tree.ts';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

function holding<T>(directory: string, use: (held: HeldDirectories) => T): T {
  const root = holdDirectory(fromText(directory)) as number;
  const held = new HeldDirectories(root);
  try {
    return use(held);
  } finally {
    held.close();
    closeSync(root);
  }
}

const list = (fd: number): string[] => readdirSync(nameOfDescriptor(fd));

describe.skipIf(process.platform !== 'linux')('HeldDirectories', () => {
  test('reaches directories in any order, and lets go of all', () => {
    const directory = temporaryDirectory();
    for (const path of ['a/b/c', 'a/d', 'e']) mkdirSync(join(directory, path), { recursive: true });
    const before = descriptors();
    holding(directory, (held) => {
      for (const path of ['', 'a/b/c', 'a/b', 'a/d', 'e', 'a/b/c', '', 'a']) {
        expect(list(held.descriptor(path))).toEqual(readdirSync(join(directory, path)));
      }
    });
    expect(descriptors()).toBe(before);
  });

  test('holds a bounded number of descriptors, however deep the path', () => {
    const directory = temporaryDirectory();
    const deep = Array.from({ length: 200 }, (_, i) => `d${i}`);
    mkdirSync(join(directory, ...deep), { recursive: true });
    const before = descriptors();
    holding(directory, (held) => {
      for (const depth of [200, 3, 150, 199, 200, 1]) {
        expect(list(held.descriptor(deep.slice(0, depth).join('/')))).toEqual(deep.slice(depth, depth + 1));
        expect(descriptors() - before).toBeLessThanOrEqual(18);
      }
    });
    expect(descriptors()).toBe(before);
  });

  test('follows no symlink, and stays in a directory that was moved away', () => {
    const directory = temporaryDirectory();
    const outside = temporaryDirectory();
    mkdirSync(join(directory, 'a/b'), { recursive: true });
    mkdirSync(join(outside, 'b'));
    holding(directory, (held) => {
      const fd = held.descriptor('a');
      renameSync(join(directory, 'a'), join(directory, 'moved'));
      symlinkSync(outside, join(directory, 'a'));
      expect(held.descriptor('a')).toBe(fd);
      mkdirSync(`${nameOfDescriptor(held.descriptor('a/b'))}made`);
      held.close();
      expect(() => held.descriptor('a')).toThrow(/ENOTDIR/);
      expect(() => held.descriptor('a/b')).toThrow(/ENOTDIR/);
      expect(() => held.descriptor('nothing')).toThrow(/ENOENT/);
      expect(list(held.descriptor('moved'))).toEqual(['b']);
    });
    expect(readdirSync(join(directory, 'moved/b'))).toEqual(['made']);
    expect(readdirSync(join(outside, 'b'))).toEqual([]);
  });
});
