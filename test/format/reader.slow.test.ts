/**
 * The reader of examples/, which was written from docs/format.md alone, reads every valid archive by its index and in one
 * pass, and finds the members that are in it.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { fixtures, list, type Member } from '../fixtures/reading.ts';
import { lacks, znip } from '../support/run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const reader = join(root, 'examples/read.py');

function read(archive: string, way: 'index' | 'stream'): Member[] {
  const args = way === 'index' ? [reader, 'index', archive] : [reader, 'stream'];
  const input = way === 'index' ? '' : readFileSync(archive);
  const { status, stdout, stderr } = spawnSync('python3', args, { input, maxBuffer: 1 << 26 });
  expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
  const lines = stdout.toString().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Member);
}

/** A listed name, one character a byte. */
function bytesOf({ path, pathBytes }: { path: string; pathBytes?: string }): string {
  return Buffer.from(pathBytes ?? path, pathBytes === undefined ? 'utf8' : 'base64').toString('latin1');
}

const golden = readdirSync(join(fixtures, 'golden/1.0')).filter((name) => name.endsWith('.znip'));

describe.skipIf(lacks('zstd', 'b3sum', 'python3')).each(['index', 'stream'] as const)('by %s', (way) => {
  test.each(list.valid)('$file', ({ file, members }) => {
    expect(read(join(fixtures, file), way)).toEqual(members);
  });

  test.each(golden)('%s', (name) => {
    const archive = join(fixtures, 'golden/1.0', name);
    const listed = znip(['ls', '--json', archive], { cwd: root }).stdout.trimEnd().split('\n');
    const expected = listed.map(
      (line) => JSON.parse(line) as { path: string; pathBytes?: string; checksum?: string },
    );
    const found = read(archive, way);
    expect(found.map(({ path }) => path)).toEqual(expected.map(bytesOf));
  });
});

test.skipIf(lacks('zstd', 'b3sum', 'python3'))('what is damaged is refused with a reason', () => {
  const archive = readFileSync(join(fixtures, 'valid/plain.znip'));
  for (let at = 0; at < archive.length; at += 97) {
    const broken = Buffer.from(archive);
    broken[at] = (broken[at] ?? 0) ^ 0x10;
    const { status, stderr } = spawnSync('python3', [reader, 'stream'], { input: broken });
    expect(status, `byte ${at}`).toBe(1);
    expect(stderr.toString(), `byte ${at}`).toMatch(/^read\.py: damaged: /);
  }
});
