import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { NATIVE } from '../support/codecs.ts';
import { lacks, run, znip } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const MiB = 1024 * 1024;

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const pack = (...options: string[]): { status: number | null; stderr: string } =>
  znip(['pack', '-q', 'tree', ...options], here);

/** Content that no search within a chunk of 16 MiB can find again. */
const content = noise(20 * MiB);

beforeAll(() => {
  mkdirSync(at('tree'));
  for (const name of ['a', 'b', 'c']) writeFileSync(at(`tree/${name}`), content);
});

describe.skipIf(!NATIVE.installed)('pack --long', () => {
  test('finds what is far away, whatever the threads', () => {
    expect(pack('-o', 'short.znip').status).toBe(0);
    expect(pack('-o', 'long.znip', '--long').status).toBe(0);
    expect(statSync(at('short.znip')).size).toBeGreaterThan(3 * content.length);
    expect(statSync(at('long.znip')).size).toBeLessThan(1.01 * content.length);
    expect(pack('-o', 'alone.znip', '--long', '-j', '1').status).toBe(0);
    expect(readFileSync(at('alone.znip')).equals(readFileSync(at('long.znip')))).toBe(true);
  });

  test.skipIf(lacks('zstd'))('is read by tar and zstd as they come', () => {
    expect(run('tar', ['--zstd', '-xOf', 'long.znip', 'tree/b'], here).output.equals(content)).toBe(true);
    expect(znip(['cat', 'long.znip', 'tree/c'], here).output.equals(content)).toBe(true);
  });

  test('takes the chunk size that it is given', () => {
    expect(pack('-o', 'given.znip', '--long', '--chunk-size', '48M').status).toBe(0);
    const size = statSync(at('given.znip')).size;
    expect(size).toBeGreaterThan(1.9 * content.length);
    expect(size).toBeLessThan(2.1 * content.length);
  });
});

test('--long says what it needs where it cannot be', () => {
  const { status, stderr } = znip(['pack', '-q', 'tree', '-o', 'none.znip', '--long'], {
    ...here,
    env: { ZNIP_CORE: 'portable' },
  });
  expect([status, stderr]).toEqual([
    1,
    'znip: --long needs the native core or Node.js 22.15 or newer: use one of them, or pack without --long\n',
  ]);
});
