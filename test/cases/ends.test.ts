/**
 * How tar streams of others end: without zeros, behind a global header or a member that states a size and has none, with
 * padding, or with more behind the end.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RunResult, znip } from '../support/run.ts';
import { END_OF_TAR, paxRecords, tarMember, tarStream } from '../support/tar.ts';
import { describeTree, temporaryDirectory } from '../support/tree.ts';

const place = temporaryDirectory();
const A = tarMember({ name: 'a', content: 'hello\n' });
const GLOBAL = tarMember({ name: 'g', typeFlag: 'g', content: paxRecords({ comment: 'c' }) });
const LINK = tarMember({ name: 'h', typeFlag: '1', linkName: 'a', size: 6 });

let count = 0;
function unpack(stream: Buffer, ...flags: string[]): RunResult & { names: string[] } {
  const directory = join(place, `out-${count++}`);
  const file = join(place, 'a.tar');
  writeFileSync(file, stream);
  const byFile = znip(['unpack', file, '-C', directory, ...flags]);
  const names = [...describeTree(directory).keys()];
  const byPipe = znip(['unpack', '-', '-C', `${directory}-p`, ...flags], { input: stream });
  expect({ status: byPipe.status, names: [...describeTree(`${directory}-p`).keys()] }).toEqual({
    status: byFile.status,
    names,
  });
  return { ...byFile, names };
}

describe('without zeros at its end', () => {
  test.each([
    ['behind a file', A, ['a'], 0],
    ['behind a global header', Buffer.concat([A, GLOBAL]), ['a'], 0],
    ['behind a global header alone', GLOBAL, [], 0],
    // Some programs believe the size of a hard link: that is said.
    ['behind a hard link that states a size', Buffer.concat([A, LINK]), ['a', 'h'], 3],
    ['behind a directory', Buffer.concat([A, tarMember({ name: 'd/', typeFlag: '5' })]), ['a', 'd'], 0],
  ])('%s, a stream is whole', (_what, stream, names, status) => {
    const found = unpack(stream);
    expect({ names: found.names, status: found.status }, found.stderr).toEqual({ names, status });
    expect(found.stderr).not.toMatch(/truncated|ends at byte/);
  });

  test.each([
    ['a header', Buffer.concat([A, A.subarray(0, 300)])],
    ['a content', Buffer.concat([A, tarMember({ name: 'b', size: 5000 }), Buffer.alloc(1000, 1)])],
    ['a content of nobody', Buffer.concat([A, tarMember({ name: 'v', typeFlag: 'V', size: 5000 })])],
    ['a padding', A.subarray(0, -100)],
  ])('within %s, it was cut', (_what, stream) => {
    const { status, stderr } = unpack(stream);
    expect(status).toBe(4);
    expect(stderr).toMatch(/ends at byte \d+ of its tar stream/);
    expect(stderr).toMatch(/there is no index/);
  });
});

test('what is whole in front of a header that is none is there, and said', () => {
  const { status, stderr, names } = unpack(Buffer.concat([A, Buffer.alloc(512, 'x'), A, END_OF_TAR]));
  expect({ status, names }).toEqual({ status: 4, names: ['a'] });
  expect(stderr).toMatch(/at byte 1024: expected a header.*; 1 members that came before it are unpacked/);
});

describe('behind the end', () => {
  const whole = tarStream({ name: 'a', content: 'hello\n' });
  const two = Buffer.concat([whole, Buffer.alloc(10_240), tarStream({ name: 'b', content: 'hello\n' })]);

  test('zeros are padding, of any length', () => {
    const { status, stderr, names } = unpack(Buffer.concat([whole, Buffer.alloc(5_000_007)]), '-q');
    expect({ status, stderr, names }).toEqual({ status: 0, stderr: '', names: ['a'] });
  });

  test.each([
    ['another archive', two, 2048 + 10_240],
    ['garbage', Buffer.concat([whole, Buffer.from('garbage')]), 2048],
    // Within what is read at once, and far behind it.
    ['garbage far away', Buffer.concat([whole, Buffer.alloc(9_000_000), Buffer.from('x')]), 2048 + 9_000_000],
  ])('%s is mentioned', (_what, stream, offset) => {
    const { status, stderr, names } = unpack(stream);
    expect({ status, names }).toEqual({ status: 3, names: ['a'] });
    expect(stderr).toContain(`more bytes after the end of the tar stream, at byte ${offset}`);
  });

  test('--ignore-zeros reads on', () => {
    const { status, stderr, names } = unpack(two, '-q', '--ignore-zeros');
    expect({ status, stderr, names }).toEqual({ status: 0, stderr: '', names: ['a', 'b'] });
  });

  test('pack --tar refuses what an archive cannot hold, and says what reads it', () => {
    const file = join(place, 'two.tar');
    writeFileSync(file, two);
    const { status, stderr } = znip(['pack', '--tar', file, '-o', join(place, 'two.znip')]);
    expect(status).toBe(4);
    expect(stderr).toMatch(/several archives in a row.*unpack --ignore-zeros/);
  });

  test('zeros within what goes on end nothing', () => {
    const stream = Buffer.concat([A, END_OF_TAR, Buffer.alloc(5 * 1024 * 1024), A, END_OF_TAR]);
    expect(unpack(stream, '--ignore-zeros', '-q').status).toBe(0);
  });
});
