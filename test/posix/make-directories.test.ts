import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeDirectories } from '../../src/posix/make-directories.ts';
import { znip } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);

describe('makeDirectories', () => {
  test.each(['a', 'b/c/d', 'b/c/e/', 'b/../f/g', './h'])('makes %s, and what is above it', (path) => {
    makeDirectories(`${directory}/${path}`);
    makeDirectories(`${directory}/${path}`);
    expect(statSync(`${directory}/${path}`).isDirectory()).toBe(true);
  });

  test('follows links to directories, and takes no file for one', () => {
    mkdirSync(at('real'));
    symlinkSync('real', at('link'));
    makeDirectories(at('link/below'));
    expect(statSync(at('real/below')).isDirectory()).toBe(true);
    writeFileSync(at('file'), '');
    expect(() => makeDirectories(at('file'))).toThrow(/EEXIST/);
    expect(() => makeDirectories(at('file/below'))).toThrow(/ENOTDIR/);
    symlinkSync('nowhere', at('dangling'));
    expect(() => makeDirectories(at('dangling'))).toThrow(/EEXIST/);
  });
});

test.skipIf(process.platform !== 'linux')('where no directory can be made, unpack says so and ends', () => {
  writeFileSync(at('member'), 'f');
  expect(znip(['pack', '-q', 'member', '-o', 'f.znip'], { cwd: directory }).status).toBe(0);
  for (const target of ['/proc/x', '/proc/x/y', '/proc/self/fd/x']) {
    const { status, stderr } = znip(['unpack', 'f.znip', '-C', target], { cwd: directory, timeout: 20_000 });
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`^znip: cannot unpack into '${target}': `));
  }
});
