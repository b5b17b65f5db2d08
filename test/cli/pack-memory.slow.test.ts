/**
 * `pack --memory`: the same bytes whatever there is, parts of the index in a temporary file that nobody sees.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { leastMemory } from '../support/memory.ts';
import { run, ZNIP, znip } from '../support/run.ts';
import { makeRepos, noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

/** An index of a few MiB, in thousands of parts. */
const REPOS = ['--repo-from-dir', '-C', 'repos', '.'];
let least: string;

function pack(archive: string, args: readonly string[], env: Record<string, string> = {}): string {
  const { status, stderr } = znip(['pack', '-q', ...args, '-o', archive], { ...here, env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return createHash('sha256')
    .update(readFileSync(at(archive)))
    .digest('hex');
}

beforeAll(() => {
  makeRepos(at('repos'), 2000);
  mkdirSync(at('tmp'));
  mkdirSync(at('tree'));
  for (let i = 0; i < 9; i++) writeFileSync(at(`tree/${i}`), noise(1024 * 1024, i + 1));
  least = String(leastMemory(REPOS, here));
});

describe('the same bytes', () => {
  test('with parts of the index in a temporary file, of which nothing is left', () => {
    const expected = pack('default.znip', REPOS);
    expect(pack('least.znip', [...REPOS, '--memory', least], { TMPDIR: at('tmp') })).toEqual(expected);
    expect(readdirSync(at('tmp'))).toEqual([]);
  });

  test('with fewer threads, down to one', () => {
    const args = ['-j', '4', '--chunk-size', '256K', 'tree'];
    const expected = pack('default.znip', args);
    const smallest = leastMemory([...args, '-o', '-'], here);
    for (const more of [0, 120, 4000]) {
      const memory = String(smallest + more * 1024 * 1024);
      expect(pack('other.znip', [...args, '--memory', memory])).toEqual(expected);
    }
  });
});

test('the temporary file has no name, so a kill leaves nothing of it', async () => {
  // Nobody reads the archive: it stands still where the parts are copied into it, which are longer than a pipe.
  run('mkfifo', ['archive.fifo'], here);
  const script = 'exec 3<>archive.fifo; exec "$0" "$@" >&3 3>&-';
  const args = ['pack', '-q', ...REPOS, '--memory', least, '-o', '-'];
  const child = spawn('bash', ['-c', script, process.execPath, ZNIP, ...args], {
    ...here,
    env: { ...process.env, TMPDIR: at('tmp') },
  });
  const ended = once(child, 'close');
  const links = (): string[] =>
    readdirSync(`/proc/${child.pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${child.pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  const deadline = Date.now() + 20_000;
  while (!links().some((link) => link.startsWith(at('tmp')) && link.endsWith('(deleted)'))) {
    expect(Date.now()).toBeLessThan(deadline);
    await sleep(20);
  }
  expect(readdirSync(at('tmp'))).toEqual([]);
  child.kill('SIGKILL');
  await ended;
  expect(readdirSync(at('tmp'))).toEqual([]);
});

test('a TMPDIR that is not there is named, and what to do', () => {
  const { status, stderr } = znip(['pack', '-q', ...REPOS, '--memory', least, '-o', 'none.znip'], {
    ...here,
    env: { TMPDIR: at('missing') },
  });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: `znip: cannot write a temporary file in '${at('missing')}': no such file or directory; set TMPDIR to a directory with more room\n`,
  });
  expect(existsSync(at('none.znip'))).toBe(false);
  // With the default, this index stays in memory.
  pack('default.znip', REPOS, { TMPDIR: at('missing') });
});

test.each(['0', '1K', '100M'])('%s is too little: the least that works is said, and works', (memory) => {
  const { status, stderr } = znip(['pack', '-q', 'tree', '-o', 'x.znip', '--memory', memory], here);
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: expect.stringMatching(
      /^znip: --memory \d+M is too little: packing in chunks of 4M at level 3 takes \d+M at least\n$/,
    ),
  });
  pack('x.znip', ['tree', '--memory', /takes (\d+M)/.exec(stderr)?.[1] ?? '']);
});
