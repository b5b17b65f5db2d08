/**
 * Sparse files of GNU tar, in all four forms: the holes are there, and not on the disk. Maps that cannot be are refused.
 */
import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { run, znip } from '../support/run.ts';
import { tarStream } from '../support/tar.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';
import { readEveryWay, readStream } from './ways.ts';

const place = temporaryDirectory();
const LENGTH = 1 << 20;
const OFFSET = 500_000;
const A = 'hello\n';
const RUNS = 60;
const RUN = 128 * 1024;

beforeAll(() => {
  mkdirSync(join(place, 'source'));
  const fd = openSync(join(place, 'source/img'), 'w');
  ftruncateSync(fd, LENGTH);
  writeSync(fd, 'DATA', OFFSET);
  closeSync(fd);
});

const isGnuTar = run('tar', ['--version']).stdout.includes('GNU tar');

test.skipIf(!isGnuTar).each([
  ['gnu', ['--format=gnu']],
  ['0.0', ['--format=pax', '--sparse-version=0.0']],
  ['0.1', ['--format=pax', '--sparse-version=0.1']],
  ['1.0', ['--format=pax', '--sparse-version=1.0']],
])('a sparse file of form %s', (_form, options) => {
  const stream = run('tar', ['-C', join(place, 'source'), ...options, '-cSf', '-', 'img']).output;
  expect(stream.length).toBeLessThan(LENGTH / 4);
  const right = Buffer.alloc(LENGTH);
  right.write('DATA', OFFSET);
  const { outcomes, pack } = readEveryWay(place, stream);
  for (const { way, status, stderr, tree, directory, ofArchive } of outcomes) {
    if (ofArchive && tree['img'] === undefined) {
      // As long as the format cannot say it.
      expect({ pack: pack.status, way, status, tree }).toEqual({ pack: 3, way, status: 3, tree: {} });
      expect(stderr, way).toContain('img');
      continue;
    }
    expect({ way, tree, status, stderr }).toEqual({
      way,
      tree: { img: `file ${LENGTH} bytes` },
      status: 0,
      stderr: '',
    });
    expect(readFileSync(join(directory, 'img')).equals(right), way).toBe(true);
    expect(lstatSync(join(directory, 'img')).blocks * 512, way).toBeLessThan(LENGTH / 2);
  }
});

/** Runs of data and holes by turns, longer than what is written at a time, with a hole at the end. */
test.skipIf(!isGnuTar).each([
  ['gnu', ['--format=gnu']],
  ['0.0', ['--format=pax', '--sparse-version=0.0']],
  ['0.1', ['--format=pax', '--sparse-version=0.1']],
  ['1.0', ['--format=pax', '--sparse-version=1.0']],
])('a sparse file of form %s that spans pieces, between others', (_form, options) => {
  const source = join(place, 'long');
  mkdirSync(source, { recursive: true });
  const data = noise(RUNS * RUN);
  const right = Buffer.alloc(RUNS * 3 * RUN);
  const fd = openSync(join(source, 'img'), 'w');
  ftruncateSync(fd, right.length);
  for (let i = 0; i < RUNS; i++) {
    const run = data.subarray(i * RUN, (i + 1) * RUN);
    run.copy(right, i * 3 * RUN);
    writeSync(fd, run, 0, RUN, i * 3 * RUN);
  }
  closeSync(fd);
  writeFileSync(join(source, 'before'), A);
  writeFileSync(join(source, 'after'), A);
  const names = ['before', 'img', 'after'];
  const stream = run('tar', ['-C', source, ...options, '-cSf', '-', ...names]).output;
  for (const threads of [1, 3]) {
    const outcomes = readStream(place, stream, { threads });
    for (const { way, status, stderr, tree, directory } of outcomes) {
      const shown = { img: `file ${right.length} bytes`, before: `file ${A}`, after: `file ${A}` };
      expect({ way, status, stderr, tree }).toEqual({ way, status: 0, stderr: '', tree: shown });
      expect(readFileSync(join(directory, 'img')).equals(right), way).toBe(true);
      expect(lstatSync(join(directory, 'img')).blocks * 512, way).toBeLessThan(right.length / 2);
    }
  }
});

const sparse = (records: Record<string, string>, content: string | Buffer = A): Buffer =>
  tarStream(
    { name: 'img', content, pax: { 'GNU.sparse.name': 'img', ...records } },
    { name: 'b', content: A },
  );
const listed = (map: string, size = '100000'): Buffer =>
  sparse({ 'GNU.sparse.map': map, 'GNU.sparse.size': size });
const leading = (map: string, records: Record<string, string> = {}): Buffer => {
  const text = Buffer.alloc(512);
  text.write(map);
  const version = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '100000' };
  return sparse({ ...version, ...records }, Buffer.concat([text, Buffer.from(A)]));
};

describe('maps by hand', () => {
  test.each([
    ['a list', listed('5,6,100000,0')],
    ['a list that begins with a run of nothing', listed('0,0,5,6,100000,0')],
    ['in front of the data', leading('2\n5\n6\n100000\n0\n')],
  ])('%s', (_what, stream) => {
    const outcomes = readStream(place, stream);
    const right = Buffer.alloc(100_000);
    right.write(A, 5);
    for (const { way, status, stderr, directory } of outcomes) {
      expect({ way, status, stderr }).toEqual({ way, status: 0, stderr: '' });
      expect(readFileSync(join(directory, 'img')).equals(right), way).toBe(true);
    }
  });

  test.each([
    ['runs that overlap', listed('5,4,8,2')],
    ['runs out of order', listed('50,3,5,3')],
    ['a run past the end', listed('99999,6')],
    ['runs of less than there is', listed('5,5')],
    ['runs of more than there is', listed('5,7')],
    ['a run without a length', listed('5,6,7')],
    ['a run that is no number', listed('5,-6')],
    ['a number beyond all', listed('9999999999999999999,6')],
    ['no size', sparse({ 'GNU.sparse.map': '5,6' })],
    ['a size that is no number', listed('5,6', 'x')],
    ['a version that nobody knows', leading('1\n5\n6\n', { 'GNU.sparse.major': '2' })],
    ['a count beyond all', leading('99999999\n5\n6\n')],
    ['a count that is no number', leading('x\n5\n6\n')],
    ['fewer runs than the count', leading('9\n5\n6\n')],
    ['a map without an end', leading('1'.repeat(512))],
    ['no map', sparse({ 'GNU.sparse.numblocks': '1', 'GNU.sparse.size': '6' })],
  ])('%s: refused, and the rest is there', (_what, stream) => {
    const outcomes = readStream(place, stream);
    for (const { way, status, stderr, tree } of outcomes) {
      expect({ way, status, tree }).toEqual({ way, status: 4, tree: { b: `file ${A}` } });
      expect(stderr, way).toMatch(/map of the sparse file 'img'/);
    }
  });

  test.each([
    [
      'runs that are no whole records are read one behind the other',
      '5,2,10,4,100000,0',
      'the runs of its data',
    ],
    ['a map that does not end with the file leaves it its size', '5,2,10,4', 'the runs of its data'],
    ['a map of one run that does not, too', '10,6', 'the last run of its map'],
  ])('%s, and it is named', (_what, map, said) => {
    const file = join(place, 'odd.tar');
    writeFileSync(file, listed(map));
    const { status, stderr } = znip(['unpack', file, '-C', join(place, 'odd'), '--overwrite']);
    expect(status).toBe(3);
    expect(stderr).toContain(`img: tar programs read it differently: ${said}`);
    const right = Buffer.alloc(100_000);
    let done = 0;
    const numbers = map.split(',').map(Number);
    for (let i = 0; i < numbers.length; i += 2) {
      const length = numbers[i + 1] ?? 0;
      right.write(A.slice(done, done + length), numbers[i] ?? 0);
      done += length;
    }
    expect(readFileSync(join(place, 'odd/img')).equals(right)).toBe(true);
  });
});
