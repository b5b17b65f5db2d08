/**
 * Compressed streams of others that end badly: what has arrived is there, why is said, and nothing that is damaged goes
 * into an archive.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { lacks, run } from '../support/run.ts';
import { tarStream } from '../support/tar.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';
import { readEveryWay } from './ways.ts';

const place = temporaryDirectory();
const A = 'hello\n';
const gzip = gzipSync(tarStream({ name: 'a', content: A }));

describe.each([
  ['without the end of its trailer', gzip.subarray(0, -4)],
  ['with garbage behind it', Buffer.concat([gzip, Buffer.from('garbage')])],
])('a gzip stream %s', (_what, stream) => {
  test.each([
    ['as it is', []],
    ['with --keep-going', ['--keep-going']],
  ])('%s', (_how, flags) => {
    const { outcomes, pack } = readEveryWay(place, stream, { flags }, 'stream.tar.gz');
    for (const { way, ofArchive, status, stderr, tree } of outcomes) {
      if (ofArchive) continue;
      expect({ way, tree, status }).toEqual({ way, tree: { a: `file ${A}` }, status: 4 });
      expect(stderr, way).toMatch(/gzip/);
    }
    expect(pack.status, pack.stderr).toBe(4);
    expect(existsSync(join(place, 'stream.znip'))).toBe(false);
  });
});

/** Debian: zstd. */
test.skipIf(lacks('zstd'))('a zstd stream with a flipped byte is refused by its checksum', () => {
  const tar = tarStream({ name: 'b', content: noise(300_000) });
  const stream = run('zstd', ['-qc'], { input: tar }).output;
  stream[150_000] = (stream[150_000] ?? 0) ^ 1;
  const { outcomes, pack } = readEveryWay(place, stream, {}, 'stream.tar.zst');
  for (const { way, status, stderr } of outcomes) {
    expect({ way, status }).toEqual({ way, status: 4 });
    expect(stderr, way).not.toBe('');
  }
  expect(pack.status, pack.stderr).toBe(4);
  expect(existsSync(join(place, 'stream.znip'))).toBe(false);
});
