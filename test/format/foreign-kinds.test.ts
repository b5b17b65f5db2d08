import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandFor } from '../../src/format/foreign-kinds.ts';
import { lacks, run, ZNIP, znip } from '../support/run.ts';
import { tarStream } from '../support/tar.ts';
import { temporaryDirectory } from '../support/tree.ts';

const place = temporaryDirectory();
const tar = tarStream({ name: 'a', content: 'hello\n' });

/** Debian: xz-utils, bzip2, lz4. */
describe.each([
  ['xz', ['xz', '-c'], 'xz -dc'],
  ['lzma', ['xz', '--format=lzma', '-c'], 'xz -dc'],
  ['bzip2', ['bzip2', '-c'], 'bzip2 -dc'],
  ['lz4', ['lz4', '-c'], 'lz4 -dc'],
  ['lz4, as it was', ['lz4', '-lc'], 'lz4 -dc'],
])('a tar compressed by %s', (_by, [program = '', ...args], command) => {
  test.skipIf(lacks(program))('is named with the pipe that reads it, which does', () => {
    const file = join(place, 'a.tar.other');
    writeFileSync(file, run(program, args, { input: tar }).output);
    const pipe = `${command} ${file} | znip unpack -`;
    for (const way of [
      ['unpack', file],
      ['pack', '--tar', file, '-o', join(place, 'a.znip')],
    ]) {
      const { status, stderr } = znip(way);
      expect({ way, status }).toEqual({ way, status: 4 });
      expect(stderr).toContain(pipe);
    }
    const script = pipe.replace('| znip', `| '${process.execPath}' '${ZNIP}'`);
    const directory = join(place, 'out');
    expect(run('bash', ['-c', `${script} --overwrite -C '${directory}'`]).status).toBe(0);
    expect(readdirSync(directory)).toEqual(['a']);
  });
});

const command = (start: string): string | undefined => commandFor(Buffer.from(start, 'latin1'))?.command;

test('what other programs compress is told by its first bytes', () => {
  expect(command('LZIP\x01\x0c')).toBe('lzip -dc');
  expect(command('\x1f\x9d\x90')).toBe('gzip -dc');
  expect(command('\x89LZO\0\r\n\x1a\n')).toBe('lzop -dc');
  expect(command('BZh is no compressed file')).toBeUndefined();
  expect(command('')).toBeUndefined();
});
