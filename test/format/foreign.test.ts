/**
 * What others' files are called, and the command that makes an archive of them: it is true.
 */
import { writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { messageOf } from '../../src/cli/ui/advice.ts';
import { notAnArchive } from '../../src/format/foreign.ts';
import { lacks, run, znip, ZNIP } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };
const shell = (script: string): ReturnType<typeof run> => run('bash', ['-c', script], here);

beforeAll(() => {
  mkdirSync(join(directory, 't'));
  writeFileSync(join(directory, 't/a'), 'alpha');
  shell(
    'tar -cf x.tar t; tar --format=v7 -cf v7.tar t; gzip -k x.tar; zstd -q x.tar; xz -k x.tar; bzip2 -k x.tar',
  );
});

const COMMANDS = [['ls'], ['info'], ['cat', 't/a'], ['verify'], ['verify', '--quick'], ['diff', '.']];

describe.each(['x.tar', 'v7.tar', 'x.tar.gz', 'x.tar.zst', 'x.tar.xz', 'x.tar.bz2'])('%s', (file) => {
  const program = { 'x.tar.zst': 'zstd', 'x.tar.xz': 'xz', 'x.tar.bz2': 'bzip2' }[file] ?? 'tar';
  test.skipIf(lacks(program)).each(COMMANDS)('%s says what makes an archive of it', (command, ...rest) => {
    const { status, stdout, stderr } = znip([command, file, ...rest], here);
    expect({ status, stdout }).toEqual({ status: 4, stdout: '' });
    const advice = /^znip: '[^']+' is not a znip archive, but an? .*`(.*)` first/.exec(stderr)?.[1] ?? stderr;
    if (command !== 'ls') return;
    expect(shell(advice.replaceAll('znip pack', `node ${ZNIP} pack -q`)).status, advice).toBe(0);
    const made = / -o (\S+)$/.exec(advice)?.[1] ?? '';
    expect(znip(['cat', made, 't/a'], here).stdout).toBe('alpha');
  });
});

test('a pipe', () => {
  const { status, stderr } = shell(`node ${ZNIP} verify - <x.tar.gz`);
  expect({ status, stderr }).toEqual({
    status: 4,
    stderr:
      'znip: standard input is not a znip archive, but a .tar.gz: make one of it with ' +
      '`znip pack --tar - -o NEW.znip` first (unpack reads it as it is)\n',
  });
});

/** What is said behind `is not a znip archive`. */
const foreignAdvice = (start: Buffer, path: string): string =>
  messageOf(notAnArchive('It', start, { path })).replace('It is not a znip archive', '');

test('a zip, names that a shell would not take, and what nobody knows', () => {
  expect(foreignAdvice(Buffer.from('PK\x03\x04…'), 'a.zip')).toBe(
    ', but a .zip: unpack it with unzip, then `znip pack DIR -o a.znip`',
  );
  expect(foreignAdvice(Buffer.from('BZh9'), 'a b.bz2')).toContain(
    '`bzip2 -dc FILE | znip pack --tar - -o NEW.znip`',
  );
  expect(foreignAdvice(Buffer.from('junk'), 'junk')).toBe('');
  expect(foreignAdvice(Buffer.alloc(0), 'empty')).toBe('');
});
