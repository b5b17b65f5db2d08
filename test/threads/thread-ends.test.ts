import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();

it('waits for threads that never load, although nothing else keeps the process alive', () => {
  const module = join(directory, 'thread-ends.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('../../src/threads/thread-ends.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: module,
  });
  const program = join(directory, 'program.mjs');
  writeFileSync(
    program,
    `import { createThreadEnds, settleThreads } from ${JSON.stringify(pathToFileURL(module).href)};
    await settleThreads(createThreadEnds(), 1, [], () => false);
    process.stdout.write('settled');`,
  );
  const { stdout, status } = spawnSync(process.execPath, [program], { encoding: 'utf8' });
  expect({ stdout, status }).toEqual({ stdout: 'settled', status: 0 });
});
