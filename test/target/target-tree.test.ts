import { closeSync, existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { closeTarget, openTarget } from '../../src/target/target.ts';
import { TargetTree } from '../../src/target/target-tree.ts';
import { CREATE_FLAGS, writeFile } from '../../src/target/write-file.ts';
import { temporaryDirectory } from '../support/tree.ts';

const attributes = { mode: 0o644, mtime: 1n, owner: null };

describe('TargetTree', () => {
  test('writes nothing through a symlink that takes the place of a directory', () => {
    const outside = temporaryDirectory();
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'a/b'), { recursive: true });
    const tree = openTarget({ directory });
    writeFile('a/b/first', new Uint8Array(1), attributes, tree, 'fail');
    renameSync(join(directory, 'a'), join(directory, 'moved'));
    mkdirSync(join(outside, 'b'));
    symlinkSync(outside, join(directory, 'a'));
    // The directory that is held is written to, wherever it has gone.
    writeFile('a/b/second', new Uint8Array(1), attributes, tree, 'fail');
    expect(readdirSync(join(directory, 'moved/b'))).toEqual(['first', 'second']);
    tree.release();
    expect(() => writeFile('a/b/third', new Uint8Array(1), attributes, tree, 'fail')).toThrow(
      /'.*\/a\/b' is no longer the directory that was there/,
    );
    expect(readdirSync(join(outside, 'b'))).toEqual([]);
    closeTarget(tree);
  });

  test('does without descriptors where directories cannot be held', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'a'));
    const held = openTarget({ directory });
    const tree = new TargetTree({ ...held.settings, root: undefined });
    const fd = tree.open('a/file', CREATE_FLAGS, 0o600);
    writeSync(fd, 'x');
    closeSync(fd);
    expect(existsSync(join(directory, 'a/file'))).toBe(true);
    expect(tree.name('a/file')).toBe(join(directory, 'a/file'));
    closeTarget(held);
  });
});
