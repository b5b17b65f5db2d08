/**
 * What `pack` records of the members that it takes, and `--dry-run`, which only lists them.
 */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openArchive } from 'znip/internal';
import { znip } from '../support/run.ts';
import { selectedMembers, selectedNames } from '../support/selected.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

function write(...files: string[]): void {
  for (const file of files) {
    mkdirSync(dirname(at(file)), { recursive: true });
    writeFileSync(at(file), file);
  }
}

const names = (args: readonly string[]): string[] => selectedNames(args, directory);

afterEach(() => {
  vi.unstubAllEnvs();
});

interface Recorded {
  path: string;
  mode: number;
  mtime: bigint;
  uid: number | null;
  gid: number | null;
}

const lineOf = ({ path, mode, mtime, uid, gid }: Recorded): string =>
  [path, mode.toString(8).padStart(4, '0'), mtime, uid, gid].join(' ');

/** What an archive records: name, mode, mtime, owner. */
async function recorded(archive: string): Promise<string[]> {
  const opened = await openArchive(at(archive));
  const lines = [...(await opened.entries())].map(({ batch, row }) =>
    lineOf({
      path: batch.path(row),
      mode: batch.modes[row] ?? 0,
      mtime: batch.mtimes[row] ?? 0n,
      uid: batch.uid(row),
      gid: batch.gid(row),
    }),
  );
  opened.close();
  return lines;
}

/** What is to be recorded of the members of `r`. */
function record(args: readonly string[], epoch = ''): string[] {
  vi.stubEnv('SOURCE_DATE_EPOCH', epoch);
  return selectedMembers(['r', ...args], directory).map(lineOf);
}

const lines = (mtime: string, owner = ' '): string[] =>
  ['r 0755', 'r/link 0777', 'r/private 0644', 'r/run 0755'].map((line) => `${line} ${mtime} ${owner}`);

const owners = (args: string[]): string[] => record(args).map((line) => line.split(' ').slice(3).join(' '));

describe('what is recorded', () => {
  beforeAll(() => {
    write('r/run', 'r/private');
    chmodSync(at('r/run'), 0o710);
    chmodSync(at('r/private'), 0o600);
    chmodSync(at('r'), 0o2700);
    symlinkSync('run', at('r/link'));
  });

  test('--reproducible', () => {
    expect(record(['--reproducible'])).toEqual(lines('315532800000000000'));
    expect(record(['--reproducible'], '1700000000')).toEqual(lines('1700000000000000000'));
    expect(record(['--reproducible', '--mtime', '@7'], '1700000000')).toEqual(lines('7000000000'));
    expect(record(['--reproducible', '--owner', '0:0', '--mtime', '@7'])).toEqual(lines('7000000000', '0 0'));
  });

  test('--reproducible makes the same bytes of files that differ in what it does not record', async () => {
    const env = { SOURCE_DATE_EPOCH: '1700000000' };
    const pack = (name: string): Buffer => {
      const args = ['pack', '-q', 'r', '-o', name, '--reproducible'];
      expect(znip(args, { ...here, env })).toMatchObject({ status: 0, stderr: '' });
      return readFileSync(at(name));
    };
    const first = pack('first.znip');
    chmodSync(at('r/private'), 0o664);
    utimesSync(at('r/run'), 5, 5);
    expect(pack('second.znip').equals(first)).toBe(true);
    chmodSync(at('r/private'), 0o600);
    expect(await recorded('first.znip')).toEqual(lines('1700000000000000000'));
  });

  test.each([
    ['@0', '0'],
    ['@-1.5', '-1500000000'],
    ['2024-02-29', '1709164800000000000'],
    ['2024-02-29T12:34', '1709210040000000000'],
    ['2024-02-29 12:34:56.123456789Z', '1709210096123456789'],
    ['2024-02-29T12:34:56+02:00', '1709202896000000000'],
  ])('--mtime %s', (when, nanoseconds) => {
    vi.stubEnv('TZ', 'Asia/Tokyo');
    expect(record(['--mtime', when]).map((line) => line.split(' ')[2])).toEqual(Array(4).fill(nanoseconds));
  });

  test('large files and threads record it, too, and see no change', async () => {
    mkdirSync(at('big'));
    for (let i = 0; i < 5; i++) writeFileSync(at(`big/${i}`), Buffer.alloc(3 << 20, String(i)));
    expect(
      znip(['pack', 'big', '-q', '-o', 'big.znip', '--mtime', '@1', '--chunk-size', '2M', '-j2'], here),
    ).toMatchObject({ status: 0, stderr: '' });
    for (const line of await recorded('big.znip')) expect(line.split(' ')[2]).toBe('1000000000');
  });

  test('--owner', () => {
    const own = `${process.getuid?.()} ${process.getgid?.()}`;
    expect(owners([])).toEqual(Array(4).fill(' '));
    expect(owners(['--owner'])).toEqual(Array(4).fill(own));
    expect(owners(['--owner', '12:34'])).toEqual(Array(4).fill('12 34'));
    expect(owners(['--owner=12'])).toEqual(Array(4).fill(`12 ${process.getgid?.()}`));
    expect(names(['--owner', 'r/run'])).toEqual(['r/run']);
  });

  test('SOURCE_DATE_EPOCH that is no time is a usage error', () => {
    const env = { SOURCE_DATE_EPOCH: 'now' };
    expect(znip(['pack', 'r', '-o', 'x.znip', '--reproducible'], { ...here, env })).toMatchObject({
      status: 2,
      stderr: "znip: SOURCE_DATE_EPOCH is 'now': it must be whole seconds since 1970\n",
    });
  });
});

describe('--dry-run', () => {
  test('needs no output, writes none, and leaves out the archive as pack does', () => {
    write('dry/a');
    const first = znip(['pack', 'dry', '--dry-run'], here);
    expect(first).toMatchObject({ status: 0, stdout: 'dry\ndry/a\n', stderr: 'would pack 2 members, 5 B\n' });
    writeFileSync(at('dry/x.znip'), 'old');
    const second = znip(['pack', 'dry', '--dry-run', '-o', 'dry/x.znip'], here);
    expect(second.stdout).toBe('dry\ndry/a\n');
    expect(second.stderr).toBe('would pack 2 members, 5 B\n');
    expect(readFileSync(at('dry/x.znip'), 'utf8')).toBe('old');
    expect(znip(['pack', 'missing', '--dry-run'], here)).toMatchObject({
      status: 1,
      stderr: "znip: cannot pack 'missing': no such file or directory\n",
    });
  });

  test('--dry-run has no result in JSON', () => {
    const { status, stderr } = znip(['pack', 'dry', '--dry-run', '--json'], here);
    expect([status, JSON.parse(stderr)]).toEqual([
      2,
      {
        command: 'pack',
        event: 'error',
        code: 'usage',
        message: '--dry-run prints names: it does not go with --json',
        status: 2,
      },
    ]);
  });
});
