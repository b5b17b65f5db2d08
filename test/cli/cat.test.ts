/**
 * `znip cat`: contents, ranges, what has no content, damage, terminals.
 */
import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { forgeArchive } from '../support/forge.ts';
import { hasProgram, run, znip, ZNIP } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const LARGE = Buffer.concat([prose(200_000), noise(100_000)]);

beforeAll(() => {
  mkdirSync(at('t/sub'), { recursive: true });
  writeFileSync(at('t/a.txt'), 'alpha\n');
  writeFileSync(at('t/b.txt'), 'beta\n');
  writeFileSync(at('t/empty'), '');
  writeFileSync(at('t/[x].txt'), 'brackets\n');
  writeFileSync(at('t/large'), LARGE);
  writeFileSync(at('t/sub/日本.txt'), 'text in another script\n');
  symlinkSync('a.txt', at('t/link'));
  linkSync(at('t/a.txt'), at('t/hard'));
  expect(znip(['pack', '-q', 't', '-o', 't.znip', '--chunk-size', '64K'], here).status).toBe(0);
});

const cat = (...args: string[]): Buffer => {
  const { status, stderr, output } = znip(['cat', 't.znip', ...args], here);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return output;
};

/** What a terminal shows. */
const terminal = (command: string): string =>
  run('script', ['-qec', `node ${ZNIP} ${command}; echo "= $?"`, '/dev/null'], here).stdout.replaceAll(
    '\r',
    '',
  );

describe('contents', () => {
  test('in the order of the arguments, as often as they are named', () => {
    expect(cat('t/b.txt', 't/a.txt', 't/empty', 't/b.txt').toString()).toBe('beta\nalpha\nbeta\n');
    expect(cat('./t/a.txt', '/t/b.txt').toString()).toBe('alpha\nbeta\n');
    expect(cat('t/sub/日本.txt').toString()).toBe('text in another script\n');
  });

  test('a hard link has the content of its target', () => {
    expect(cat('t/hard').toString()).toBe('alpha\n');
  });

  test('a member that several chunks hold', () => {
    expect(cat('t/large').equals(LARGE)).toBe(true);
  });

  test('a pattern means files, in archive order; an exact name comes first', () => {
    expect(cat('t/?.txt').toString()).toBe('alpha\nbeta\n');
    expect(cat('t/[x].txt').toString()).toBe('brackets\n');
    expect(cat('t/*.txt', 't/a.txt').toString()).toBe('brackets\nalpha\nbeta\nalpha\n');
  });
});

describe('--range', () => {
  test.each([
    ['0-0', 0, 1],
    ['0-99', 0, 100],
    ['65000-66000', 65_000, 66_001],
    ['199999-', 199_999, 300_000],
    ['-5', 299_995, 300_000],
    ['-999999', 0, 300_000],
    ['299999-400000', 299_999, 300_000],
    ['300000-', 300_000, 300_000],
  ])('%s', (range, start, end) => {
    expect(cat('t/large', '--range', range).equals(LARGE.subarray(start, end))).toBe(true);
    expect(cat(`--range=${range}`, 't/large').equals(LARGE.subarray(start, end))).toBe(true);
  });

  test('is taken of each member', () => {
    expect(cat('--range', '-3', 't/a.txt', 't/b.txt').toString()).toBe('ha\nta\n');
  });
});

describe('what cannot be written', () => {
  test.each([
    [['t'], 2, "znip: member 't' is a directory: expected a file\n"],
    [['t/sub/'], 2, "znip: member 't/sub' is a directory: expected a file\n"],
    [
      ['t/link'],
      2,
      "znip: member 't/link' is a symlink to 'a.txt', which is not followed: expected a file\n",
    ],
    [['none', 't/a.txt', 'other'], 3, "znip: 't.znip' has no file 'none', 'other'\n"],
    [['t/s*'], 3, "znip: 't.znip' has no file 't/s*'\n"],
    [['t/a.txt', 't'], 2, "znip: member 't' is a directory: expected a file\n"],
  ])('%j: nothing is written, not of other members either', (names, status, stderr) => {
    expect(znip(['cat', 't.znip', ...names], here)).toMatchObject({ status, stdout: '', stderr });
  });

  test('a directory that is no member of its own is still one', () => {
    writeFileSync(at('implied.znip'), forgeArchive([{ path: 'd/f', content: 'x' }]));
    const stderr = "znip: 'd' is a directory: expected a file\n";
    expect(znip(['cat', 'implied.znip', 'd'], here)).toMatchObject({ status: 2, stdout: '', stderr });
  });

  test('damage: status 4, the member is named, none of the damaged chunk is written', () => {
    const bytes = readFileSync(at('t.znip'));
    const position = bytes.indexOf(noise(100_000).subarray(90_000, 90_064));
    expect(position).toBeGreaterThan(0);
    bytes[position] = (bytes[position] ?? 0) ^ 1;
    writeFileSync(at('damaged.znip'), bytes);
    const { status, output, stderr } = znip(['cat', 'damaged.znip', 't/large'], here);
    expect(status).toBe(4);
    expect(stderr).toMatch(/^znip: cannot read member 't\/large': blob \d+ at byte \d+ is damaged: .*\n$/);
    expect(output.byteLength).toBeLessThan(290_000);
    expect(output.equals(LARGE.subarray(0, output.byteLength))).toBe(true);
    // What lies elsewhere is as it was.
    const range = znip(['cat', 'damaged.znip', 't/large', '--range', '0-999'], here);
    expect(range).toMatchObject({ status: 0, stderr: '' });
    expect(znip(['cat', 'damaged.znip', 't/a.txt'], here).stdout).toBe('alpha\n');
  });
});

test('a reader that goes away is no error', () => {
  const { status, stdout } = run(
    'bash',
    ['-c', `set -o pipefail; node ${ZNIP} cat t.znip t/large t/large t/large | head -c 5`],
    here,
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'An ar' });
});

describe.skipIf(!hasProgram('script'))('a terminal', () => {
  test('gets text', () => {
    expect(terminal('cat t.znip t/a.txt')).toBe('alpha\n= 0\n');
  });

  test('does not get binary content unless it is forced', () => {
    mkdirSync(at('binary'));
    writeFileSync(at('binary/b'), 'x\0y');
    expect(znip(['pack', '-q', 'binary', '-o', 'binary.znip'], here).status).toBe(0);
    expect(terminal('cat binary.znip binary/b')).toBe(
      "znip: member 'binary/b' is binary, it has NUL bytes, and is not written to a terminal: use a file, a pipe, or --force\n= 2\n",
    );
    expect(terminal('cat --force binary.znip binary/b')).toContain('x\0y= 0\n');
    expect(znip(['cat', 'binary.znip', 'binary/b'], here).stdout).toBe('x\0y');
  });
});

test('a pattern may mean more files than a call takes arguments', () => {
  const members = Array.from({ length: 150_000 }, (_, i) => ({ path: `f${i}` }));
  writeFileSync(at('many.znip'), forgeArchive([...members, { path: 'g', content: 'the last' }]));
  const { status, stdout, stderr } = znip(['cat', 'many.znip', '?*'], here);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'the last', stderr: '' });
});
