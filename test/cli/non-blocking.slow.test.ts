/**
 * Standard output that is a non-blocking pipe, as programs with an event loop leave it, and a reader that is slow:
 * writes are short or answer EAGAIN, and nothing is lost of what is written.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { lacks, run, ZNIP, znip } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };

/** Makes its standard output non-blocking and becomes another program. */
const NON_BLOCKING = 'use Fcntl; fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK) or die; exec @ARGV';

beforeAll(() => {
  mkdirSync(join(directory, 'tree'));
  writeFileSync(join(directory, 'tree/noise'), noise(12_000_000));
  for (let i = 0; i < 3000; i++)
    writeFileSync(join(directory, `tree/a file whose name is rather long, ${i}`), '');
  expect(znip(['pack', '-q', 'tree', '-o', 'tree.znip'], here).status).toBe(0);
});

test
  .skipIf(lacks('perl'))
  .each([
    ['pack -q -j 1 tree'],
    ['pack -q -j 3 tree'],
    ['unpack -q --tar - tree.znip'],
    ['cat tree.znip tree/noise'],
    ['ls tree.znip'],
    ['ls --json tree.znip'],
    ['ls --format arrow tree.znip'],
  ])('znip %s', (words) => {
  const hashOf = (line: string): string => {
    const script = `set -o pipefail; ${line} | (sleep 0.7; cat) | sha256sum`;
    const { status, stdout, stderr } = run(
      'bash',
      ['-c', script, 'bash', process.execPath, ZNIP, ...words.split(' ')],
      here,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  };
  expect(hashOf(`perl -e '${NON_BLOCKING}' "$@"`)).toBe(hashOf('"$@"'));
});
