/**
 * `pack --name NAME -` of more than is read ahead: the archive grows while the input comes.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { onlyEntry } from '../support/entry.ts';
import { lacks, run, startZnip, ZNIP, znip } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const MiB = 1024 * 1024;
/** More than is read ahead, and the end of a chunk. */
const long = Buffer.concat([prose(66 * MiB), noise(4 * MiB)]);

beforeAll(() => {
  writeFileSync(at('long'), long);
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
    expect(await onlyEntry(at(archive))).toMatchObject({
      path: 'a/data',
      size,
      mtime: 5_000_000_000n,
      uid: null,
    });
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
    expect((await onlyEntry(at('z.znip'))).size).toBe(600 * MiB);
  });
});
