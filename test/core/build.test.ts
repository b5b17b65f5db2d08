/**
 * Building without a core: cargo that is missing, too old, or cut off. Each is told in one line, soon.
 */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { hasProgram, run } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const builder = pathToFileURL(fileURLToPath(new URL('../../native/build.js', import.meta.url))).href;

/** Why `buildCore` makes none with these on the PATH. */
function reasonWith(name: string, env: Record<string, string>): string {
  const target = join(directory, `core-${name}`);
  const code = `import { buildCore } from ${JSON.stringify(builder)}; console.log(buildCore(${JSON.stringify(target)}));`;
  const { status, stdout, stderr } = run(process.execPath, ['--input-type=module', '-e', code], { env });
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
}

/** A folder for the PATH in which cargo is this script. */
function fakeCargo(name: string, script: string): string {
  const place = join(directory, name);
  mkdirSync(place);
  symlinkSync('/bin/sh', join(place, 'sh'));
  writeFileSync(join(place, 'cargo'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(place, 'cargo'), 0o755);
  return place;
}

test('without cargo', () => {
  expect(reasonWith('none', { PATH: '/nowhere' })).toBe('cargo is not installed\n');
});

test('with a cargo that is too old', () => {
  const message = 'error: package `znip-core` requires rustc 1.88 or newer, while the active one is 1.70.0';
  const path = fakeCargo('old', `echo 'warning: x' >&2\necho '${message}' >&2\nexit 101`);
  expect(reasonWith('old', { PATH: path })).toBe(`${message}\n`);
});

test.skipIf(!hasProgram('cargo'))('with a registry that cannot be reached', () => {
  const env = { CARGO_HOME: join(directory, 'empty'), CARGO_HTTP_PROXY: 'http://127.0.0.1:1' };
  expect(reasonWith('cut-off', env)).toMatch(/^error: .*\n$/);
});
