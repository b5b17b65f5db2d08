/**
 * Arguments in messages cannot act on a terminal: control characters are shown escaped, whoever says them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { znip } from '../../support/run.ts';
import { temporaryDirectory } from '../../support/tree.ts';
import { runHere, workIn } from '../../support/world.ts';

const directory = temporaryDirectory();
const HOSTILE = 'a\u001b[2J\u0007\u202eb\nznip: whole';

workIn(directory);
beforeAll(() => {
  mkdirSync(join(directory, 't'));
  writeFileSync(join(directory, 't', 'a'), 'alpha');
  for (const name of [HOSTILE, 'small.znip']) {
    expect(znip(['pack', '-q', 't', '-o', name], { cwd: directory }).status).toBe(0);
  }
});

test.each<[args: string[], status: number]>([
  [[`--${HOSTILE}`], 2],
  [[HOSTILE], 2],
  [['ls', `--${HOSTILE}`, 'small.znip'], 2],
  [['ls', '--format', HOSTILE, 'small.znip'], 2],
  [['ls', '--sort', HOSTILE, 'small.znip'], 2],
  [['unpack', '--max-size', HOSTILE, 'small.znip'], 2],
  [['unpack', '-j', HOSTILE, 'small.znip'], 2],
  [['unpack', 'small.znip', '-C', 'out', HOSTILE], 3],
  [['pack', '--mtime', HOSTILE, 't'], 2],
  [['pack', 't', '-o', `missing/${HOSTILE}`], 1],
  [['pack', 't', HOSTILE, '-o', HOSTILE], 0],
  [['verify', '--root', HOSTILE, 'small.znip'], 2],
  [['verify', HOSTILE], 0],
  [['repair', HOSTILE, '-o', `${HOSTILE}2`], 0],
  [['recover', HOSTILE, '-C', 'recovered'], 0],
  [['ls', `no ${HOSTILE}`], 1],
  [['ls', 'small.znip', HOSTILE], 3],
  [['cat', 'small.znip', HOSTILE], 3],
  [['cat', '--range', HOSTILE, 'small.znip', 't/a'], 2],
  [['completion', HOSTILE], 2],
])('znip %j ends with %i', async (args, status) => {
  const run = await runHere(args);
  const lines = run.stderr.split('\n');
  expect(run.stderr).not.toMatch(/[\u001b\u0007\u202e]/);
  expect(lines.filter((line) => line === 'znip: whole' || line.startsWith("znip: whole'"))).toEqual([]);
  if (status !== 0) expect(run.stderr).toContain('\\x1b[2J\\x07\\u202eb\\n');
  expect(run.status, run.stderr).toBe(status);
});
