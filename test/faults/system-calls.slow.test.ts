/**
 * System calls that fail: the Nth write, flush or rename of a pack or an unpack, by strace's injection.
 * Whatever fails, the message says what, and nothing half written looks finished.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lacks, run, type RunResult, ZNIP, znip } from '../support/run.ts';
import { describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
let source: ReturnType<typeof describeTree>;
let archive: Buffer;

/** Debian: strace. Containers may forbid ptrace. */
const cannotTrace = lacks('strace') || run('strace', ['-qq', '-o', '/dev/null', 'true']).status !== 0;

beforeAll(() => {
  mkdirSync(at('tree/sub/deep'), { recursive: true });
  writeFileSync(at('tree/large'), noise(2_500_000));
  for (let i = 0; i < 30; i++) writeFileSync(at(`tree/sub/${i}`), prose(1000 * i));
  writeFileSync(at('tree/sub/deep/mode'), 'mode');
  linkSync(at('tree/sub/1'), at('tree/sub/hard'));
  symlinkSync('1', at('tree/sub/soft'));
  source = describeTree(at('tree'));
  expect(znip(['pack', '-q', ...CHUNKS, 'tree', '-o', 'tree.znip'], here).status).toBe(0);
  archive = readFileSync(at('tree.znip'));
});

const CHUNKS = ['--chunk-size', '256K'];

interface Injection {
  call: string;
  error: string;
  /** As strace has it: `3`, or `3+` for the third and all later ones. */
  when: string;
  path?: string;
}

/** `path` restricts the injection to calls on this file. */
function inject(
  { call, error, when, path }: Injection,
  args: readonly string[],
  stdin = '/dev/null',
): RunResult {
  const strace = [
    'strace',
    // Stops at the calls that are traced alone: a quarter of the time.
    '--seccomp-bpf',
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    ...(path === undefined ? [] : ['-P', at(path)]),
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:error=${error}:when=${when}`,
  ];
  return run('bash', ['-c', 'exec "$@" <"$0"', stdin, ...strace, process.execPath, ZNIP, ...args], here);
}

const REASON: Record<string, string> = {
  EIO: 'input/output error of the device',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
};

function list(calls: readonly string[], errors: readonly string[], whens: readonly string[]): Injection[] {
  return calls.flatMap((call) => errors.flatMap((error) => whens.map((when) => ({ call, error, when }))));
}

const leftovers = (): string[] => readdirSync(directory).filter((name) => name.endsWith('.tmp'));

describe.skipIf(cannotTrace).each([1, 3])('pack with %i threads', (threads) => {
  const pack = (injection: Injection, quiet = ['-q']): RunResult => {
    writeFileSync(at('x.znip'), 'old');
    return inject(injection, ['pack', ...quiet, '-j', String(threads), ...CHUNKS, 'tree', '-o', 'x.znip']);
  };

  test.each([
    ...list(['writev'], ['EIO', 'ENOSPC', 'EDQUOT'], ['1', '7']),
    ...list(['fsync'], ['EIO', 'ENOSPC'], ['1']),
    ...list(['rename'], ['EIO', 'EROFS'], ['1']),
    ...list(['fchmod'], ['EIO'], ['1']),
  ])('$call fails with $error, time $when: the old archive stays', (injection) => {
    const { status, stderr } = pack(injection);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `znip: cannot write 'x.znip': ${REASON[injection.error]}\n`,
    });
    expect(readFileSync(at('x.znip'), 'utf8')).toBe('old');
    expect(leftovers()).toEqual([]);
  });

  test.each([
    { call: 'writev', error: 'EINTR', when: '2+3' },
    { call: 'fsync', error: 'EINTR', when: '1' },
    { call: 'pread64', error: 'EINTR', when: '1+2', path: 'tree/large' },
    { call: 'read', error: 'EINTR', when: '1', path: 'tree/sub/9' },
  ])('$call is interrupted: the archive is the same', (injection) => {
    const { status, stderr } = pack(injection);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(at('x.znip')).equals(archive)).toBe(true);
  });

  test('a small source that cannot be read is left out, and said', () => {
    const { status, stderr } = pack({ call: 'read', error: 'EIO', when: '1+', path: 'tree/sub/9' }, []);
    expect(status).toBe(3);
    expect(stderr).toContain('znip: tree/sub/9: input/output error of the device\n');
    expect(znip(['ls', 'x.znip', 'tree/sub/9'], here).status).toBe(3);
  });

  test.each(['1', '3', '4+'])('a large source that cannot be read, time %s, is marked', (when) => {
    const { status, stderr } = pack({ call: 'pread64', error: 'EIO', when, path: 'tree/large' }, []);
    expect(status).toBe(3);
    expect(stderr).toContain(
      'znip: tree/large: input/output error of the device; what could not be read of it is zeros in the archive\n',
    );
    expect(stderr.split('tree/large')).toHaveLength(2);
    const changed = znip(['ls', '--json', 'x.znip'], here)
      .stdout.split('\n')
      .filter((line) => line.includes('"changed":true'));
    expect(changed).toHaveLength(1);
    rmSync(at('marked'), { recursive: true, force: true });
    expect(znip(['unpack', '-q', 'x.znip', '-C', 'marked'], here).status).toBe(0);
    const was = readFileSync(at('tree/large'));
    const is = readFileSync(at('marked/tree/large'));
    expect(is.length).toBe(was.length);
    expect(is.every((byte, i) => byte === was[i] || byte === 0)).toBe(true);
  });
});

describe.skipIf(cannotTrace).each(['by the index', 'from a pipe'])('unpack %s', (way) => {
  const unpack = (injection: Injection, threads: string): RunResult => {
    rmSync(at('out'), { recursive: true, force: true });
    const args = ['unpack', '-q', '-j', threads, '-C', 'out'];
    return way === 'from a pipe'
      ? inject(injection, [...args, '-'], at('tree.znip'))
      : inject(injection, [...args, 'tree.znip']);
  };

  test.each(
    ['1', '3'].flatMap((threads) =>
      [
        ...list(['pwrite64'], ['EIO', 'ENOSPC', 'EDQUOT'], ['1', '3']),
        ...list(['mkdir'], ['ENOSPC', 'EDQUOT'], ['2', '4']),
        ...list(['linkat,link', 'symlink', 'utimensat'], ['EROFS'], ['1+']),
      ].map((injection) => ({ threads, ...injection })),
    ),
  )(
    '$call fails with $error, time $when, -j $threads: it is said, and all that stands is whole',
    ({ threads, ...injection }) => {
      const { status, stderr } = unpack(injection, threads);
      expect(stderr).toContain(`: ${REASON[injection.error]}\n`);
      expect(stderr).toMatch(/^znip: cannot [a-z ,]+ '[^']*'/);
      expect(status).toBe(1);
      if (!existsSync(at('out'))) return;
      for (const [path, { kind, content }] of describeTree(at('out'))) {
        expect(path, 'a temporary file is left').not.toMatch(/\.znip-|\.part$/);
        if (kind === 'file') expect(content, path).toBe(source.get(path.slice(5))?.content);
      }
    },
  );

  test('interrupted calls change nothing', () => {
    for (const injection of [
      { call: 'pwrite64', error: 'EINTR', when: '1+2' },
      { call: 'pread64', error: 'EINTR', when: '1+2', path: 'tree.znip' },
    ]) {
      const { status, stderr } = unpack(injection, '1');
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(describeTree(at('out/tree'))).toEqual(source);
    }
  });
});

test.skipIf(cannotTrace).each(['1', '3'])('an archive that cannot be read (-j %s) is said so', (threads) => {
  for (const when of ['1', '2', '3']) {
    rmSync(at('out'), { recursive: true, force: true });
    const { status, stderr } = inject(
      { call: 'pread64', error: 'EIO', when: `${when}+`, path: 'tree.znip' },
      ['unpack', '-q', '-j', threads, 'tree.znip', '-C', 'out'],
    );
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "znip: cannot read 'tree.znip': input/output error of the device\n",
    });
  }
});
