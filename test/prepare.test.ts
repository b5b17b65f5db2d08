/**
 * What npm runs in a clone: an npm that would leave a link to a folder that it deletes is stopped. `npm run installs` asks npm.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from './support/run.ts';

test('a global install from git that would be a dangling link fails, and says what to type', () => {
  const script = fileURLToPath(new URL('../prepare.js', import.meta.url));
  const env = {
    npm_config_global: 'true',
    npm_config_install_links: '',
    _PACOTE_NO_PREPARE_: 'git+file:///x',
  };
  const { status, stderr } = run(process.execPath, [script], { env });
  expect(status).toBe(1);
  expect(stderr).toContain('use `npm install --global --install-links git+…`');
});
