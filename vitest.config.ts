import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

/** Programs that tests compare with or run in. Where one is missing, those tests are skipped, and this says so. */
const missing = [
  'zstd',
  'bsdtar',
  'b3sum',
  'strace',
  'tmux',
  'zsh',
  'fish',
  'man',
  'mandoc',
  'jq',
  'xxd',
  'curl',
  'rsync',
].filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
if (missing.length > 0) {
  process.stderr.write(`Not installed, so what is tested with them is skipped: ${missing.join(', ')}\n`);
}

// Where this is set, Node.js 20 reads certificates at every start, which takes twice as long as the start itself,
// and tests start thousands. Only npm needs them.
if (process.env.NODE_EXTRA_CA_CERTS !== undefined) {
  process.env.ZNIP_TEST_CA_CERTS = process.env.NODE_EXTRA_CA_CERTS;
  delete process.env.NODE_EXTRA_CA_CERTS;
}

/** What takes long and rarely tells anything has a run of its own, `--mode slow`; `--mode all` is both. */
const SLOW = 'test/**/*.slow.test.ts';

export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'slow' ? SLOW : 'test/**/*.test.ts'],
    // The document's own reader leaves decompression and hashing to programs.
    exclude: [
      ...configDefaults.exclude,
      ...(mode === 'slow' || mode === 'all' ? [] : [SLOW]),
      ...(missing.includes('zstd') || missing.includes('b3sum') ? ['test/format/document.test.ts'] : []),
    ],
    // Tests start processes and threads of their own, and wait for them: three files at a time keep two cores busy.
    maxWorkers: 3,
    // A fresh process and fresh modules for each of 130 files would cost a tenth of the time.
    isolate: false,
    testTimeout: mode === 'test' ? 60_000 : 300_000,
    hookTimeout: 120_000,
  },
  resolve: {
    // The built library, as another program imports it, and the pipelines below it: threads need files that Node.js can run.
    alias: [
      { find: /^znip$/, replacement: fileURLToPath(new URL('dist/index.js', import.meta.url)) },
      { find: /^znip\/internal$/, replacement: fileURLToPath(new URL('dist/internal.js', import.meta.url)) },
    ],
  },
}));
