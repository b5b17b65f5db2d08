/**
 * Times and owners that are set later go to what was written, and to nothing that took its place.
 */
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { KIND } from '../../src/format/values/entry.ts';
import { amend } from '../../src/target/amend.ts';
import { closeTarget, openTarget } from '../../src/target/target.ts';
import { TargetTree } from '../../src/target/target-tree.ts';
import { kept, temporaryDirectory } from '../support/tree.ts';
import { run } from '../support/run.ts';

const directory = temporaryDirectory();
const MTIME = 1_234_567_890_123_456_789n;
const KEPT = kept(MTIME);
let number = 0;

function amended(
  held: boolean,
  prepare: (at: (name: string) => string) => void,
  kind: number = KIND.file,
): boolean {
  const target = join(directory, `${number++}`);
  const opened = openTarget({ directory: target });
  const tree = held ? opened : new TargetTree({ ...opened.settings, root: undefined });
  try {
    prepare((name) => join(target, name));
    const done = amend({ path: 'm', kind, size: 3 }, { mtime: MTIME, owner: null, mode: 0 }, tree);
    const { mtimeNs } = lstatSync(join(target, 'm'), { bigint: true, throwIfNoEntry: false }) ?? {};
    expect(mtimeNs === KEPT).toBe(done);
    return done;
  } finally {
    closeTarget(opened);
  }
}

describe.each([true, false])('held: %s', (held) => {
  test('a file gets its time, to the nanosecond where there is a core', () => {
    expect(amended(held, (at) => writeFileSync(at('m'), 'abc'))).toBe(true);
  });

  test('a symlink gets its own time', () => {
    expect(amended(held, (at) => symlinkSync('nowhere', at('m')), KIND.symlink)).toBe(true);
  });

  test.each<[string, (at: (name: string) => string) => void]>([
    ['nothing', () => {}],
    ['a directory', (at) => mkdirSync(at('m'))],
    ['a symlink', (at) => symlinkSync('x', at('m'))],
    ['a file of another size', (at) => writeFileSync(at('m'), 'abcd')],
    ['a FIFO', (at) => expect(run('mkfifo', [at('m')]).status).toBe(0)],
    [
      'a hard link to another file',
      (at) => {
        writeFileSync(at('other'), 'abc');
        linkSync(at('other'), at('m'));
      },
    ],
  ])('%s in place of a file gets nothing', (_what, prepare) => {
    expect(amended(held, prepare)).toBe(false);
  });
});

test('a file of somebody else gets nothing', { skip: process.getuid?.() !== 0 }, () => {
  const done = amended(true, (at) => {
    writeFileSync(at('his'), 'abc');
    expect(run('chown', ['65534', at('his')]).status).toBe(0);
    renameSync(at('his'), at('m'));
    expect(readFileSync(at('m'), 'utf8')).toBe('abc');
  });
  expect(done).toBe(false);
});
