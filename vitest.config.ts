import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Tests start processes and threads of their own: two files at a time keep two cores busy.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
  resolve: {
    // The built library, as another program imports it: threads need files that Node.js can run.
    alias: { znip: fileURLToPath(new URL('dist/index.js', import.meta.url)) },
  },
});
