/** Files with holes are read by their holes, and give the bytes that they give otherwise. */
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pack } from 'znip/internal';
import { lacks, run, ZNIP } from '../../support/run.ts';
import { noise, temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const MiB = 1024 * 1024;

/** Data in the middle, in some blocks, and at no end. */
function makeSparse(path: string): void {
  writeFileSync(path, '');
  truncateSync(path, 40 * MiB + 123);
  const fill = (offset: number, length: number): void => {
    run('dd', [`of=${path}`, 'bs=1', `seek=${offset}`, 'conv=notrunc', 'status=none'], {
      input: noise(length, offset + 1),
    });
  };
  fill(3 * MiB + 17, 5000);
  fill(9 * MiB, 70_000);
  fill(30 * MiB - 1, 1);
  utimesSync(path, 1_700_000_000, 1_700_000_000);
}

test('a file with holes gives the same archive as one without', async () => {
  mkdirSync(at('sparse'));
  mkdirSync(at('dense'));
  makeSparse(at('sparse/file'));
  writeFileSync(at('dense/file'), readFileSync(at('sparse/file')));
  utimesSync(at('dense/file'), 1_700_000_000, 1_700_000_000);
  expect(statSync(at('sparse/file')).blocks).toBeLessThan(statSync(at('dense/file')).blocks / 10);
  const packed = async (root: string): Promise<Buffer> => {
    await pack([{ directory: at(root), path: 'file' }], {
      chunkSize: 4 * MiB,
      threads: 1,
      output: at(`${root}.znip`),
    });
    return readFileSync(at(`${root}.znip`));
  };
  expect((await packed('sparse')).equals(await packed('dense'))).toBe(true);
});

test.skipIf(lacks('strace') || process.env['ZNIP_CORE'] === 'portable')('holes are not read', () => {
  copyFileSync(at('sparse/file'), at('copy'));
  makeSparse(at('copy'));
  const log = at('reads.log');
  const args = ['-f', '-qq', '-e', 'trace=pread64,read', '-o', log, process.execPath, ZNIP];
  expect(run('strace', [...args, 'pack', '-q', 'copy', '-o', 'copy.znip'], { cwd: directory }).status).toBe(
    0,
  );
  const reads = [...readFileSync(log, 'utf8').matchAll(/pread64\(.*= (\d+)$/gm)].map(([, length]) =>
    Number(length),
  );
  expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThan(2 * MiB);
});
