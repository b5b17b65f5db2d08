/**
 * What a thousand operations through the library leave behind, half of which fail: nothing.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../support/run.ts';

interface Measure {
  descriptors: number;
  threads: number;
  heap: number;
  buffers: number;
  rss: number;
  files: string;
}

const MiB = 1024 * 1024;

test.skipIf(process.platform !== 'linux')(
  'descriptors, threads, files and memory are where they were after a thousand operations',
  () => {
    const script = fileURLToPath(new URL('leaks.js', import.meta.url));
    const { status, stdout, stderr } = run(process.execPath, ['--expose-gc', script, '1000'], {
      timeout: 280_000,
    });
    // A listener or a handle too many is something that Node.js warns of.
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { operations, before, after } = JSON.parse(stdout) as {
      operations: number;
      before: Measure;
      after: Measure;
    };
    expect(operations).toBe(1000);
    expect(after.descriptors).toBe(before.descriptors);
    expect(after.threads).toBe(before.threads);
    expect(after.files).toBe(before.files);
    // A ring or a slot that stays would be 300 KB and more for each operation.
    expect(after.heap - before.heap).toBeLessThan(8 * MiB);
    expect(after.buffers - before.buffers).toBeLessThan(8 * MiB);
    expect(after.rss - before.rss).toBeLessThan(150 * MiB);
  },
  300_000,
);
