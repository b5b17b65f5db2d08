import {
  lstatSync,
  mkdirSync,
  openSync,
  closeSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fromText } from '../../src/format/values/byte-string.ts';
import { fstat, lstat, stat, type FileStat } from '../../src/posix/stat.ts';
import { temporaryDirectory } from '../support/tree.ts';

/** What Node.js says of a file, in the terms of `FileStat`. */
function expected(stats: ReturnType<typeof bigLstat>): Partial<FileStat> {
  return {
    mode: Number(stats.mode),
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    dev: stats.dev,
    ino: stats.ino,
    size: Number(stats.size),
    mtime: stats.mtimeNs,
  };
}

function bigLstat(path: string) {
  return lstatSync(path, { bigint: true });
}

describe('stat', () => {
  test('says what Node.js says, of every kind of file', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'file'), 'content', { mode: 0o640 });
    writeFileSync(join(directory, 'ä\u{1F642}'), '');
    mkdirSync(join(directory, 'directory'));
    symlinkSync('file', join(directory, 'link'));
    symlinkSync('nowhere', join(directory, 'dangling'));
    utimesSync(join(directory, 'file'), 1.25, -1.75);
    const server = createServer().listen(join(directory, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      for (const name of ['file', 'ä\u{1F642}', 'directory', 'link', 'dangling', 'socket', '.']) {
        const path = join(directory, name);
        expect(lstat(fromText(path))).toMatchObject(expected(bigLstat(path)));
      }
      expect(lstat('/dev/null')).toMatchObject(expected(bigLstat('/dev/null')));
      const socket = lstat(fromText(join(directory, 'socket')));
      expect([socket.isSocket(), socket.isFile(), socket.isFIFO()]).toEqual([true, false, false]);
    } finally {
      server.close();
    }
  });

  test('follows links only where asked to, and descriptors', () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'file');
    writeFileSync(file, 'content');
    symlinkSync('file', join(directory, 'link'));
    const link = fromText(join(directory, 'link'));
    expect(lstat(link).isSymbolicLink()).toBe(true);
    expect(stat(link)).toMatchObject(expected(statSync(file, { bigint: true })));
    const fd = openSync(file, 'r');
    expect(fstat(fd)).toMatchObject(expected(bigLstat(file)));
    closeSync(fd);
  });

  test("throws Node.js's errors", () => {
    const directory = temporaryDirectory();
    expect(() => lstat(fromText(join(directory, 'nothing')))).toThrow(/ENOENT/);
    expect(() => stat(fromText(join(directory, 'a\0b')))).toThrow(/null bytes/);
    expect(() => fstat(9999)).toThrow(/EBADF/);
  });
});
