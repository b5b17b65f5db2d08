/**
 * Sparse files of GNU tar, in all three forms: the holes are there, and not on the disk.
 */
import { closeSync, ftruncateSync, lstatSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { readEveryWay } from './ways.ts';

const place = temporaryDirectory();
const LENGTH = 1 << 20;
const OFFSET = 500_000;

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
