/**
 * Real file systems that are too small or read-only, mounted in a mount namespace of their own, and processes
 * that may open only a few files.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lacks, run, type RunResult, ZNIP, znip } from '../support/run.ts';
import { leastMemory } from '../support/memory.ts';
import { describeTree, makeRepos, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
let source: ReturnType<typeof describeTree>;

/** Containers may forbid mounts, and systems namespaces of plain users. */
const cannotMount =
  lacks('unshare') || run('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status !== 0;

beforeAll(() => {
  mkdirSync(at('tree/sub'), { recursive: true });
  for (let i = 0; i < 6; i++) writeFileSync(at(`tree/noise-${i}`), noise(400_000, i + 1));
  for (let i = 0; i < 40; i++) writeFileSync(at(`tree/sub/${i}`), prose(i * 50));
  source = describeTree(at('tree'));
  expect(znip(['pack', '-q', '--chunk-size', '256K', 'tree', '-o', 'tree.znip'], here).status).toBe(0);
  mkdirSync(at('small'));
});

beforeEach(() => {
  rmSync(at('left'), { recursive: true, force: true });
});

/** Runs znip with a file system of 1 MiB at `small`, which has `before` done to it; what is left of it is in `left`. */
function onSmallFileSystem(before: string, args: readonly string[], stdin = '/dev/null'): RunResult {
  const script = `
    mount -t tmpfs -o size=1m none small || exit 99
    ${before}
    "$@" < '${stdin}'
    status=$?
    cp -a small left
    exit $status`;
  return run('unshare', ['-rm', 'sh', '-c', script, 'sh', process.execPath, ZNIP, ...args], here);
}

describe.skipIf(cannotMount).each(['1', '3'])('with %s threads', (threads) => {
  const options = ['-q', '-j', threads];
  const pack = ['pack', ...options, '--chunk-size', '256K', 'tree', '-o', 'small/x.znip'];

  test('a disk that fills up while packing: the old archive stays, and nothing else', () => {
    const { status, stderr } = onSmallFileSystem('echo old > small/x.znip', pack);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "znip: cannot write 'small/x.znip': no space left on the device\n",
    });
    expect(readdirSync(at('left'))).toEqual(['x.znip']);
    expect(readFileSync(at('left/x.znip'), 'utf8')).toBe('old\n');
  });

  test('a read-only disk: the old archive stays, and it is said', () => {
    const { status, stderr } = onSmallFileSystem('echo old > small/x.znip; mount -o remount,ro small', pack);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "znip: cannot write 'small/x.znip': the file system is read-only\n",
    });
    expect(readdirSync(at('left'))).toEqual(['x.znip']);
  });

  test.each([
    ['by the index', 'tree.znip', '/dev/null'],
    ['from a pipe', '-', 'tree.znip'],
  ])('a disk that fills up while unpacking %s: what stands is whole', (_, archive, stdin) => {
    const { status, stderr } = onSmallFileSystem('', ['unpack', ...options, archive, '-C', 'small'], stdin);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^znip: cannot write '[^']*': no space left on the device\n/);
    let files = 0;
    for (const [path, { kind, content }] of describeTree(at('left'))) {
      if (kind !== 'file') continue;
      expect(content, path).toBe(source.get(path.replace('tree/', ''))?.content);
      files += 1;
    }
    // It holds two of the large files.
    expect(files).toBeLessThan(source.size);
  });

  test('a read-only disk: nothing is unpacked, and it is said', () => {
    const { status, stderr } = onSmallFileSystem('mount -o remount,ro small', [
      'unpack',
      ...options,
      'tree.znip',
      '-C',
      'small',
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/: the file system is read-only\n/);
    expect(readdirSync(at('left'))).toEqual([]);
  });
});

describe.skipIf(cannotMount)('a TMPDIR that is full', () => {
  test('parts of the index that find no room there: what to do is said, the old archive stays', () => {
    makeRepos(at('repos'), 2000);
    writeFileSync(at('repos.znip'), 'old');
    // The hashes alone take 64 KB, and so much is not left.
    const fill = 'head -c 1000000 /dev/zero > small/filler; TMPDIR=$PWD/small; export TMPDIR';
    const { status, stderr } = onSmallFileSystem(fill, [
      'pack',
      '-q',
      '--repo-from-dir',
      '-C',
      'repos',
      '.',
      '-o',
      'repos.znip',
      '--memory',
      String(leastMemory(['-C', 'repos', '.'], here)),
    ]);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        /^znip: cannot write a temporary file in '[^']*small': no space left on the device; set TMPDIR .*\n$/,
      ),
    });
    expect(readFileSync(at('repos.znip'), 'utf8')).toBe('old');
    expect(readdirSync(at('left'))).toEqual(['filler']);
  });
});

const limited = (limit: number, args: readonly string[]): RunResult =>
  run('bash', ['-c', `ulimit -n ${limit}; exec "$@"`, 'bash', process.execPath, ZNIP, ...args], here);

describe('a process that may open few files', () => {
  test('packs and unpacks with as many as Node.js and its threads need', () => {
    expect(limited(64, ['pack', '-q', '-j', '3', 'tree', '-o', 'few.znip'])).toMatchObject({
      status: 0,
      stderr: '',
    });
    const { status, stderr } = limited(64, ['unpack', '-q', '-j', '3', 'few.znip', '-C', 'few']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(describeTree(at('few/tree'))).toEqual(source);
  });

  // With fewer, Node.js itself starts and fails in one way or another: what counts is that nothing looks finished.
  test.each([22, 26, 30, 36])('with %i of them, it works or fails, and nothing is half done', (limit) => {
    rmSync(at('few.znip'), { force: true });
    rmSync(at('few'), { recursive: true, force: true });
    const packed = limited(limit, ['pack', '-q', '-j', '3', 'tree', '-o', 'few.znip']);
    if (packed.status === 0) expect(znip(['verify', '-q', 'few.znip'], here).status).toBe(0);
    else expect(existsSync(at('few.znip'))).toBe(false);
    const unpacked = limited(limit, ['unpack', '-q', '-j', '3', 'tree.znip', '-C', 'few']);
    if (unpacked.status === 0) expect(describeTree(at('few/tree'))).toEqual(source);
    else if (existsSync(at('few/tree'))) {
      for (const [path, { kind, content }] of describeTree(at('few/tree'))) {
        if (kind === 'file') expect(content, path).toBe(source.get(path)?.content);
      }
    }
    // A defect would show as a stack trace of znip's own code.
    expect(packed.stderr + unpacked.stderr).not.toMatch(/at .*dist\/|defect/);
  });

  test.each([20, 21, 22, 24, 26, 28])(
    'with %i of them, what is wrong is said, and the old archive stays',
    (limit) => {
      for (const threads of ['1', '3']) {
        writeFileSync(at('old.znip'), 'what was there');
        const packed = limited(limit, ['pack', '-q', '-j', threads, 'tree', '-o', 'old.znip']);
        const verified = limited(limit, ['verify', '-q', '-j', threads, 'tree.znip']);
        const unpacked = limited(limit, [
          'unpack',
          '-q',
          '-j',
          threads,
          '--overwrite',
          'tree.znip',
          '-C',
          'o',
        ]);
        for (const { status, stderr } of [packed, verified, unpacked]) {
          // Never 3, which would be an archive without what could not be opened.
          expect([0, 1], stderr).toContain(status);
          expect(stderr).toMatch(status === 0 ? /^$/ : /^znip: .*too many open files.*\n$/);
        }
        if (packed.status === 1) expect(readFileSync(at('old.znip'), 'utf8')).toBe('what was there');
      }
    },
  );
});
