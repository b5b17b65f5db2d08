/**
 * The commands as a user meets them: outputs, messages and exit statuses, exactly.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lacks, run, startZnip, znip, ZNIP } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

beforeAll(() => {
  mkdirSync(at('tree/sub'), { recursive: true });
  writeFileSync(at('tree/a.txt'), 'alpha');
  writeFileSync(at('tree/sub/b.txt'), 'beta beta');
  chmodSync(at('tree/sub/b.txt'), 0o640);
  symlinkSync('a.txt', at('tree/link'));
  run(
    'touch',
    ['-h', '-d', '2024-02-29T12:34:56.123456789Z', 'tree/a.txt', 'tree/sub/b.txt', 'tree/link'],
    here,
  );
  expect(znip(['pack', 'tree', '-o', 'tree.znip'], here).status).toBe(0);
});

describe('pack', () => {
  test('ends with a summary on standard error and nothing on standard output', () => {
    const { status, stdout, stderr } = znip(['pack', 'tree', '-o', 'summary.znip'], here);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/^packed 5 members, 14 B into \d\.\d\d KiB in 0\.\d\d s\n$/);
  });

  test('-q says nothing', () => {
    expect(znip(['pack', '-q', 'tree', '-o', 'quiet.znip'], here)).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  test('--json prints the result', () => {
    const { stdout } = znip(['pack', '-q', '--json', 'tree', '-o', 'json.znip'], here);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(result).toMatchObject({ members: 5, contentBytes: 14, failedInputs: 0, warnings: 0 });
    expect(result['rootHash']).toMatch(/^[0-9a-f]{64}$/);
    expect(result['archiveBytes']).toBe(statSync(at('json.znip')).size);
  });

  test('names are as tar has them', () => {
    mkdirSync(at('names/deep'), { recursive: true });
    writeFileSync(at('names/deep/file'), '');
    const names = (args: string[], cwd: string): string => {
      expect(znip(['pack', '-q', ...args, '-o', at('names.znip')], { cwd }).status).toBe(0);
      return znip(['ls', at('names.znip')]).stdout;
    };
    expect(names(['names'], directory)).toBe('names\nnames/deep\nnames/deep/file\n');
    expect(names(['./names/'], directory)).toBe('names\nnames/deep\nnames/deep/file\n');
    expect(names(['names/deep'], directory)).toBe('names/deep\nnames/deep/file\n');
    expect(names(['-C', 'names', 'deep'], directory)).toBe('deep\ndeep/file\n');
    expect(names(['.'], at('names'))).toBe('deep\ndeep/file\n');
    expect(names(['../names'], at('tree'))).toBe('names\nnames/deep\nnames/deep/file\n');
    expect(names(['names', 'names/deep', 'names'], directory)).toBe('names\nnames/deep\nnames/deep/file\n');
    expect(names([at('names/deep/file')], directory)).toBe(`${at('names/deep/file').slice(1)}\n`);
  });

  test('a path that does not exist fails and leaves the old archive', () => {
    writeFileSync(at('old.znip'), 'old');
    const { status, stderr } = znip(['pack', 'tree', 'missing', '-o', 'old.znip'], here);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "znip: cannot pack 'missing': no such file or directory\n",
    });
    expect(readFileSync(at('old.znip'), 'utf8')).toBe('old');
    expect(readdirSync(directory).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  test('the archive itself is left out, the old one too', () => {
    mkdirSync(at('self'));
    writeFileSync(at('self/file'), '');
    expect(znip(['pack', '.', '-o', 'x.znip'], { cwd: at('self') }).status).toBe(0);
    const { status, stderr } = znip(['pack', '.', '-o', 'x.znip'], { cwd: at('self') });
    expect(status).toBe(0);
    expect(stderr).toContain('./x.znip: it is the archive itself, left out');
    expect(znip(['ls', 'x.znip'], { cwd: at('self') }).stdout).toBe('file\n');
  });

  test('what is no file, directory or link is reported and skipped', async () => {
    mkdirSync(at('special'));
    writeFileSync(at('special/file'), '');
    run('mkfifo', [at('special/fifo')]);
    const server = createServer().listen(at('special/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    const { status, stderr } = znip(['pack', 'special', '-o', 'special.znip'], here);
    server.close();
    expect(status).toBe(3);
    expect(stderr).toContain(
      'znip: special/fifo: FIFO skipped: an archive holds files, directories and links\n',
    );
    expect(stderr).toContain('znip: special/socket: socket skipped');
    expect(stderr).toContain('; 2 warnings\n');
    expect(znip(['ls', 'special.znip'], here).stdout).toBe('special\nspecial/file\n');
  });

  test.skipIf(process.getuid?.() !== 0 || lacks('zstd'))(
    'inputs that cannot be read are named, and the status is 3',
    () => {
      mkdirSync(at('locked/closed'), { recursive: true });
      writeFileSync(at('locked/a'), 'readable');
      writeFileSync(at('locked/b'), 'unreadable');
      writeFileSync(at('locked/c'), 'readable too');
      chmodSync(at('locked/b'), 0);
      chmodSync(at('locked/closed'), 0);
      chmodSync(directory, 0o777);
      chmodSync(at('locked'), 0o755);
      // As somebody who is not root, for whom permissions count.
      const { status, stderr } = run(
        'setpriv',
        [
          '--reuid=65534',
          '--regid=65534',
          '--clear-groups',
          process.execPath,
          ZNIP,
          'pack',
          'locked',
          '-o',
          'locked.znip',
        ],
        here,
      );
      expect(status, stderr).toBe(3);
      expect(stderr).toContain('znip: locked/b: permission denied\n');
      expect(stderr).toContain('znip: locked/closed: cannot read the directory: permission denied\n');
      expect(znip(['ls', 'locked.znip'], here).stdout).toBe('locked\nlocked/a\nlocked/c\nlocked/closed\n');
      expect(run('zstd', ['-tq', 'locked.znip'], here).status).toBe(0);
      expect(run('tar', ['--zstd', '-tf', 'locked.znip'], here).stdout).toBe(
        'locked/\nlocked/a\nlocked/c\nlocked/closed/\n',
      );
    },
  );

  test('-o - writes the same archive to a pipe', () => {
    const { status, output } = znip(['pack', '-q', 'tree', '-o', '-'], here);
    expect(status).toBe(0);
    expect(output.equals(readFileSync(at('tree.znip')))).toBe(true);
  });

  test('a pipe whose reader goes away before the end of the archive is an error', () => {
    const { status, stdout, stderr } = run(
      'bash',
      ['-c', `node ${ZNIP} pack -q big -o - | head -c 10 | wc -c; exit \${PIPESTATUS[0]}`],
      { cwd: bigTree() },
    );
    expect({ status, stdout: stdout.trim() }).toEqual({ status: 1, stdout: '10' });
    expect(stderr).toMatch(/^znip: .*the reader went away\n$/);
  });

  test('repositories and package types make groups', () => {
    for (const name of ['team-a/x-1.0.0.tgz', 'team-a/y.jar', 'team-b/z.deb', 'top.txt']) {
      mkdirSync(join(at('mirror'), name, '..'), { recursive: true });
      writeFileSync(join(at('mirror'), name), name);
    }
    const pack = (...args: string[]): void => {
      expect(znip(['pack', '-q', '-C', 'mirror', '.', '-o', 'mirror.znip', ...args], here).status).toBe(0);
    };
    const ls = (...args: string[]): string => znip(['ls', 'mirror.znip', ...args], here).stdout;
    pack('--repo-from-dir');
    expect(ls()).toBe('team-a\nteam-a/x-1.0.0.tgz\nteam-a/y.jar\nteam-b\nteam-b/z.deb\ntop.txt\n');
    expect(ls('--type', 'npm')).toBe('team-a/x-1.0.0.tgz\n');
    expect(ls('--repo', 'team-a')).toBe('team-a\nteam-a/x-1.0.0.tgz\nteam-a/y.jar\n');
    expect(ls('--repo', 'team-b', '--type', 'deb')).toBe('team-b/z.deb\n');
    expect(znip(['unpack', '-q', 'mirror.znip', '-C', 'only-maven', '--type', 'maven'], here).status).toBe(0);
    expect(run('find', ['only-maven', '-type', 'f'], here).stdout).toBe('only-maven/team-a/y.jar\n');
    expect(znip(['ls', 'mirror.znip', '--type', 'gem'], here)).toMatchObject({ status: 3, stdout: '' });
    pack('--type', 'cargo', '--repo', 'mine');
    expect(ls('--type', 'cargo', '--repo', 'mine').split('\n')).toHaveLength(7);
  });
});

describe('ls', () => {
  test('prints names, one on a line', () => {
    const { status, stdout, stderr } = znip(['ls', 'tree.znip'], here);
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'tree\ntree/a.txt\ntree/link\ntree/sub\ntree/sub/b.txt\n',
      stderr: '',
    });
    expect(znip(['ls', '-0', 'tree.znip'], here).stdout).toBe(stdout.replaceAll('\n', '\0'));
  });

  test('-l prints mode, size, time and links', () => {
    const { stdout } = znip(['ls', '-l', 'tree.znip'], { ...here, env: { TZ: 'UTC' } });
    expect(stdout.split('\n').slice(1, 3)).toEqual([
      '-rw-r--r-- 5 B 2024-02-29 12:34 tree/a.txt',
      'lrwxrwxrwx   - 2024-02-29 12:34 tree/link -> a.txt',
    ]);
    expect(stdout).toContain('-rw-r----- 9 B 2024-02-29 12:34 tree/sub/b.txt\n');
  });

  test.skipIf(lacks('b3sum'))('--json prints an object for each member', () => {
    const { stdout } = znip(['ls', '--json', 'tree.znip'], here);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(5);
    expect(lines[1]).toEqual({
      path: 'tree/a.txt',
      kind: 'file',
      mode: '0644',
      mtimeNs: '1709210096123456789',
      size: 5,
      linkTarget: null,
      uid: null,
      gid: null,
      checksum: run('b3sum', ['--no-names', 'tree/a.txt'], here).stdout.trim(),
      packageType: 'plain',
      repo: '',
      changed: false,
    });
  });

  test('an empty file is not an archive; a cut one is called so', () => {
    writeFileSync(at('empty'), '');
    expect(znip(['ls', 'empty'], here)).toMatchObject({
      status: 4,
      stderr: "znip: 'empty' is not a znip archive\n",
    });
    writeFileSync(at('cut.znip'), readFileSync(at('tree.znip')).subarray(0, -1));
    const { status, stderr } = znip(['ls', 'cut.znip'], here);
    expect(status).toBe(4);
    expect(stderr).toContain("'cut.znip' begins as a znip archive but does not end as one");
  });

  test('a reader that goes away is no error', () => {
    const { status } = run('bash', ['-c', `set -o pipefail; node ${ZNIP} ls -0 big.znip | head -c 1`], {
      cwd: join(bigTree()),
    });
    expect(status).toBe(0);
  });
});

describe('unpack', () => {
  test('leaves what exists, writes the rest, says so, and fails', () => {
    mkdirSync(at('existing/tree'), { recursive: true });
    writeFileSync(at('existing/tree/a.txt'), 'mine');
    const first = znip(['unpack', 'tree.znip', '-C', 'existing'], here);
    expect(first.status).toBe(1);
    expect(first.stderr).toContain(
      'already exists and was left as it is: use --overwrite to replace or --keep-old',
    );
    expect(readFileSync(at('existing/tree/a.txt'), 'utf8')).toBe('mine');
    expect(readFileSync(at('existing/tree/sub/b.txt'), 'utf8')).toBe('beta beta');
    const kept = znip(['unpack', '-k', 'tree.znip', '-C', 'existing'], here);
    expect(kept.status).toBe(0);
    expect(kept.stderr).toContain('; 3 names kept as they were\n');
    expect(readFileSync(at('existing/tree/a.txt'), 'utf8')).toBe('mine');
    expect(znip(['unpack', '--overwrite', 'tree.znip', '-C', 'existing'], here).status).toBe(0);
    expect(readFileSync(at('existing/tree/a.txt'), 'utf8')).toBe('alpha');
    expect(readdirSync(at('existing/tree')).filter((name) => name.startsWith('.znip'))).toEqual([]);
  });

  test('restores modes whatever the umask', () => {
    const { status } = run('sh', ['-c', `umask 077; exec node ${ZNIP} unpack -q tree.znip -C umask`], here);
    expect(status).toBe(0);
    expect(statSync(at('umask/tree/a.txt')).mode & 0o7777).toBe(0o644);
    expect(statSync(at('umask/tree/sub')).mode & 0o7777).toBe(statSync(at('tree/sub')).mode & 0o7777);
  });

  test('names the member when its content is damaged', () => {
    const bytes = readFileSync(at('tree.znip'));
    // The blob of these few bytes is near the start; a flipped bit in it is found by the chunk's hash.
    bytes[140] = (bytes[140] ?? 0) ^ 1;
    writeFileSync(at('damaged.znip'), bytes);
    const { status, stderr } = znip(['unpack', 'damaged.znip', '-C', 'damaged'], here);
    expect(status).toBe(4);
    expect(stderr).toContain('blob 0');
  });
});

describe('the command line', () => {
  test('without a command shows help and is status 2', () => {
    const { status, stdout, stderr } = znip([]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^Examples:\n {2}znip pack node_modules -o deps\.znip/);
  });

  test('--version', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(znip(['--version']).stdout).toBe(`znip ${version}\n`);
    expect(znip(['--version', '-v']).stdout).toContain('codec: zstd');
  });

  test.each(['pack', 'unpack', 'ls', 'info', 'cat'])(
    '%s --help begins with examples and ends with exit statuses',
    (command) => {
      const { status, stdout } = znip([command, '--help']);
      expect(status).toBe(0);
      expect(stdout).toMatch(new RegExp(`^Examples:\\n {2}znip ${command} `));
      expect(stdout).toContain('Exit status:\n  0  done\n');
    },
  );
});

describe('signals', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s stops a pack, removes what it wrote, and is status %i', async (signal, status) => {
    const cwd = bigTree();
    writeFileSync(join(cwd, 'target.znip'), 'old');
    const child = startZnip(['pack', '-q', 'big', '-o', 'target.znip', '-19'], { cwd });
    const isWriting = (): boolean => readdirSync(cwd).some((name) => name.startsWith('.target.znip'));
    for (const deadline = Date.now() + 30_000; !isWriting() && Date.now() < deadline;) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(isWriting()).toBe(true);
    child.kill(signal);
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(status);
    expect(readdirSync(cwd).filter((name) => name.startsWith('.target.znip'))).toEqual([]);
    expect(readFileSync(join(cwd, 'target.znip'), 'utf8')).toBe('old');
  });
});

describe('a disk that is full', () => {
  test.skipIf(process.getuid?.() !== 0)(
    'fails with the reason, keeps the old archive, leaves no temporary file',
    ({ skip }) => {
      const disk = at('disk');
      mkdirSync(disk);
      const mounted = run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
      skip(mounted.status !== 0, `nothing can be mounted here: ${mounted.stderr}`);
      try {
        writeFileSync(join(disk, 'x.znip'), 'old');
        const { status, stderr } = znip(['pack', join(bigTree(), 'big'), '-o', join(disk, 'x.znip')]);
        expect(status).toBe(1);
        expect(stderr).toBe(`znip: cannot write '${join(disk, 'x.znip')}': no space left on the device\n`);
        expect(readdirSync(disk)).toEqual(['x.znip']);
        expect(readFileSync(join(disk, 'x.znip'), 'utf8')).toBe('old');
      } finally {
        run('umount', [disk]);
      }
    },
  );
});

let big: string | undefined;

/** A directory with a tree that is worth several threads, and its archive. */
function bigTree(): string {
  if (big !== undefined) return big;
  big = at('many');
  mkdirSync(join(big, 'big'), { recursive: true });
  for (let i = 0; i < 8; i++) writeFileSync(join(big, 'big', `noise-${i}`), noise(3_000_000, i + 1));
  for (let i = 0; i < 3000; i++) writeFileSync(join(big, 'big', `file-${i}`), prose(i));
  expect(znip(['pack', '-q', 'big', '-o', 'big.znip'], { cwd: big }).status).toBe(0);
  return big;
}
