/**
 * A command that waits for what never comes, with nothing left that could go on: Node.js would end with status 0.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { znip } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();

test('is a defect that is told, and no success', () => {
  mkdirSync(join(directory, 'tree'));
  writeFileSync(join(directory, 'tree/file'), 'content');
  const hook = join(directory, 'never.cjs');
  writeFileSync(hook, "require('node:timers/promises').setImmediate = () => new Promise(() => {});");
  const { status, stdout, stderr } = znip(['pack', '-q', 'tree', '-o', 'tree.znip'], {
    cwd: directory,
    env: { NODE_OPTIONS: `--require ${hook}` },
  });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain('the command stopped before its end');
  expect(readdirSync(directory)).not.toContain('tree.znip');
});
