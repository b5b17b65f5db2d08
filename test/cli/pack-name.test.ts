/**
 * `pack --name NAME -`: standard input as one member, of whatever length.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import { openArchive, pack, packStream } from 'znip/internal';
import { encodeReservedHeader, reservedHeaderLength } from '../../src/format/tar/tar-header.ts';
import { TarReader } from '../../src/format/tar/tar-reader.ts';
import { lacks, run, startZnip, ZNIP, znip } from '../support/run.ts';
import { describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const MiB = 1024 * 1024;
/** More than is read ahead, and the end of a chunk. */
const long = Buffer.concat([prose(66 * MiB), noise(4 * MiB)]);

beforeAll(() => {
  writeFileSync(at('long'), long);
});

async function entryOf(
  archive: string,
): Promise<{ path: string; size: number; mode: number; mtime: bigint; uid: number | null }> {
  const opened = await openArchive(at(archive));
  const entries = [...(await opened.entries())];
  opened.close();
  expect(entries).toHaveLength(1);
  const { batch, row } = entries[0] as (typeof entries)[0];
  const { path, size, mode, mtime, uid } = batch.member(row);
  return { path, size, mode, mtime, uid };
}

describe('input that ends within what is read ahead', () => {
  test.each([0, 1, 512, 70_000, 9 * MiB])('%i bytes: the archive of a file of that name', async (size) => {
    const content = prose(size);
    const name = `of-${size}/data.json`;
    mkdirSync(at(`of-${size}`));
    writeFileSync(at(name), content, { mode: 0o644 });
    utimesSync(at(name), 1_600_000_000.5, 1_600_000_000.5);
    await pack([name], { directory, output: at('file.znip') });
    const args = ['pack', '-q', '--name', name, '--mtime', '2020-09-13T12:26:40.5Z', '-o', 'input.znip', '-'];
    expect(znip(args, { ...here, input: content })).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(at('input.znip')).equals(readFileSync(at('file.znip')))).toBe(true);
  });
});

describe('input that is longer', () => {
  test.skipIf(lacks('zstd')).each([
    ['one thread', ['-j1'], long.length],
    ['two threads', ['-j2'], long.length],
    ['small chunks', ['--chunk-size', '64K'], long.length - 5],
    ['chunks that end with the content', ['--chunk-size', '1M', '-j3'], 68 * MiB],
  ])('comes back by every way: %s', async (name, options, size) => {
    const archive = `${name}.znip`;
    const content = long.subarray(0, size);
    const args = ['pack', '-q', '--name', 'a/data', '--mtime', '@5', '-o', archive, '-'];
    expect(znip([...args, ...options], { ...here, input: content })).toMatchObject({ status: 0, stderr: '' });
    expect(znip(['verify', '-q', archive], here)).toMatchObject({ status: 0, stderr: '' });
    expect(await entryOf(archive)).toMatchObject({ path: 'a/data', size, mtime: 5_000_000_000n, uid: null });
    for (const [way, unpackArgs, input] of [
      ['index', [archive], undefined],
      ['stream', ['-'], archive],
    ] as const) {
      const target = `${name} ${way}`;
      const unpacked = znip(['unpack', '-q', ...unpackArgs, '-C', target], {
        ...here,
        ...(input === undefined ? {} : { input: readFileSync(at(input)) }),
      });
      expect(unpacked).toMatchObject({ status: 0, stderr: '' });
      expect(readFileSync(at(`${target}/a/data`)).equals(content)).toBe(true);
    }
    mkdirSync(at(`${name} tar`));
    expect(run('tar', ['--zstd', '-xf', archive, '-C', `${name} tar`], here)).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(readFileSync(at(`${name} tar/a/data`)).equals(content)).toBe(true);
  });

  test('the same bytes with any number of threads, to a file and to a pipe', () => {
    const expected = readFileSync(at('one thread.znip'));
    expect(readFileSync(at('two threads.znip')).equals(expected)).toBe(true);
    const temporary = at('temporary');
    mkdirSync(temporary);
    const { status, output } = znip(['pack', '-q', '--name', 'a/data', '--mtime', '@5', '-o', '-', '-'], {
      ...here,
      input: long,
      env: { TMPDIR: temporary },
    });
    expect(status).toBe(0);
    expect(output.equals(expected)).toBe(true);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test.skipIf(lacks('bsdtar'))('bsdtar reads it, too', () => {
    mkdirSync(at('bsd'));
    expect(run('bsdtar', ['-xf', 'one thread.znip', '-C', 'bsd'], here).status).toBe(0);
    expect(readFileSync(at('bsd/a/data')).equals(long)).toBe(true);
  });

  test('needs room for a temporary file only when it goes to a pipe', () => {
    const env = { TMPDIR: at('nowhere') };
    const args = ['pack', '-q', '--name', 'a', '-'];
    expect(znip([...args, '-o', 'room.znip'], { ...here, input: long, env }).status).toBe(0);
    const piped = run('bash', ['-c', `node ${ZNIP} ${args.join(' ')} -o - < long | wc -c`], { ...here, env });
    expect(piped).toMatchObject({
      stdout: '0\n',
      stderr: `znip: cannot write a temporary file in '${at('nowhere')}': no such file or directory; set TMPDIR to a directory with more room\n`,
    });
    expect(znip([...args, '-o', '-'], { ...here, input: 'short', env }).status).toBe(0);
  });

  test('an interrupt leaves nothing', async () => {
    mkdirSync(at('interrupted'));
    const child = startZnip(['pack', '--name', 'a', '-o', at('interrupted/a.znip'), '-']);
    await new Promise((resolve) => child.stdin?.write(long, resolve));
    child.kill('SIGTERM');
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(143);
    expect(readdirSync(at('interrupted'))).toEqual([]);
  });

  test('memory is bounded by the ring and what is read ahead', async () => {
    // 600 MiB of zeros: their archive is small, so what counts is what the program holds.
    const source = spawn('head', ['-c', '600M', '/dev/zero'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const child = spawn(
      process.execPath,
      [ZNIP, 'pack', '-q', '--name', 'z', '-j2', '-o', at('z.znip'), '-'],
      {
        stdio: [source.stdout, 'ignore', 'inherit'],
      },
    );
    let peak = 0;
    const timer = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0));
      } catch {
        // It has ended.
      }
    }, 20);
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    clearInterval(timer);
    expect(peak / 1024).toBeGreaterThan(64);
    // Read ahead 64 MiB, four slots of 32 MiB, and the program with its four threads.
    expect(peak / 1024).toBeLessThan(450);
    expect((await entryOf('z.znip')).size).toBe(600 * MiB);
  });
});

describe('what is recorded', () => {
  test('the mode of a new file, and owners on request', async () => {
    run('bash', ['-c', `umask 027; echo x | node ${ZNIP} pack -q --name f -o new.znip --owner=7:8 -`], here);
    expect(await entryOf('new.znip')).toMatchObject({ mode: 0o640, uid: 7 });
  });

  test.each([0, 70 * MiB])('a fixed time: %i bytes make the same archive at any time', async (length) => {
    const input = Buffer.alloc(length);
    const archives = ['once.znip', 'again.znip'].map((archive) => {
      const args = ['pack', '-q', '--name', 'f', '-o', archive, '-'];
      expect(znip(args, { ...here, input }).status).toBe(0);
      return readFileSync(at(archive));
    });
    expect(archives[0]?.equals(archives[1] ?? Buffer.alloc(0))).toBe(true);
    expect((await entryOf('once.znip')).mtime).toBe(315_532_800_000_000_000n);
  });

  test('--reproducible', async () => {
    const input = 'content';
    const env = { SOURCE_DATE_EPOCH: '1234567890' };
    znip(['pack', '-q', '--name', 'f', '-o', 'r.znip', '--reproducible', '-'], { ...here, input, env });
    expect(await entryOf('r.znip')).toMatchObject({
      mode: 0o644,
      mtime: 1_234_567_890_000_000_000n,
      uid: null,
    });
  });
});

describe('the command', () => {
  test('a file that is called - is still one', () => {
    writeFileSync(at('-'), 'dash');
    expect(znip(['pack', '-q', './-', '-o', 'dash.znip'], here).status).toBe(0);
    expect(znip(['unpack', '-q', 'dash.znip', '-C', 'dash'], here).status).toBe(0);
    expect([...describeTree(at('dash')).keys()]).toEqual(['-']);
  });
});

test('the library packs what a Readable gives', async () => {
  const { members, contentBytes } = await packStream(
    Readable.from([Buffer.from('a'), Buffer.from('b')]),
    'f',
    {
      output: at('readable.znip'),
    },
  );
  expect({ members, contentBytes }).toEqual({ members: 1, contentBytes: 2 });
});

test('room for a header is what the header takes, whatever name and size', () => {
  const target = Buffer.alloc(8192);
  for (const length of [1, 100, 101, 400, 430, 460, ...Array.from({ length: 60 }, (_, i) => 450 + i), 4095]) {
    const path = 'n/'.repeat(2048).slice(0, length - 1) + 'f';
    for (const size of [0, 64 * MiB, 8 * 1024 * MiB, Number.MAX_SAFE_INTEGER]) {
      const member = { path, kind: 0, mode: 0o644, mtime: 0n, size, linkTarget: '', uid: null, gid: null };
      const room = reservedHeaderLength(member);
      if (length <= 100) expect(room).toBe(1536);
      expect(encodeReservedHeader(target, 0, member)).toBe(room);
      const read = new TarReader().read(target.subarray(0, room), 0, 0);
      expect(read).toMatchObject({ path, size, headerLength: room });
    }
  }
});
