/**
 * `unpack --tar`: the tar stream of an archive comes out as it went in, verified, in order, in bounded memory.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openArchive, packTar, readTar } from 'znip/internal';
import { run, startZnip, ZNIP, znip } from '../support/run.ts';
import { tarMember, tarStream } from '../support/tar.ts';
import { core } from '../../src/core/core.ts';
import { makeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
let tar: Buffer;
let archive: Buffer;

/** Pieces of a tar stream as a program has them. */
async function* source(...pieces: Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* pieces;
}

async function packedFile(content: string): Promise<Buffer> {
  await packTar(source(tarStream({ name: 'f', content })), { output: at('one.znip') });
  return readFileSync(at('one.znip'));
}

beforeAll(async () => {
  makeTree(at('tree'));
  run('tar', ['-cf', 'tree.tar', 'tree'], here);
  tar = readFileSync(at('tree.tar'));
  await packTar(source(tar), { output: at('tree.znip'), chunkSize: 65536 });
  archive = readFileSync(at('tree.znip'));
});

describe('the tar stream, byte for byte', () => {
  test.each([1, 2, 7])('from a file and from a pipe, with %i threads', (threads) => {
    for (const [args, input] of [
      [['tree.znip'], undefined],
      [['-'], archive],
    ] as const) {
      const { status, stderr, output } = znip(
        ['unpack', '-q', '--tar', '-', `-j${threads}`, ...args],
        input === undefined ? here : { ...here, input },
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(output.equals(tar)).toBe(true);
    }
  });

  test('into a file, which is there when it is complete', () => {
    const { status, stderr } = znip(['unpack', '--tar', 'out.tar', 'tree.znip'], here);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^wrote [\d.]+ MiB of tar stream in \S+ m?s\n$/);
    expect(readFileSync(at('out.tar')).equals(tar)).toBe(true);
    expect(run('tar', ['-tf', 'out.tar'], here).status).toBe(0);
  });

  test('what exists is left as it is, unless told otherwise', () => {
    writeFileSync(at('mine.tar'), 'mine');
    expect(znip(['unpack', '--tar', 'mine.tar', 'tree.znip'], here)).toMatchObject({ status: 1 });
    expect(readFileSync(at('mine.tar'), 'utf8')).toBe('mine');
    expect(znip(['unpack', '-q', '--overwrite', '--tar', 'mine.tar', 'tree.znip'], here).status).toBe(0);
    expect(readFileSync(at('mine.tar')).equals(tar)).toBe(true);
  });

  test('with the portable codec, and of archives of others', () => {
    const env = { ZNIP_CORE: 'portable' };
    expect(znip(['unpack', '-q', '--tar', '-', 'tree.znip'], { ...here, env }).output.equals(tar)).toBe(true);
    run('gzip', ['-k', 'tree.tar'], here);
    expect(znip(['unpack', '-q', '--tar', '-', 'tree.tar.gz'], here).output.equals(tar)).toBe(true);
    expect(znip(['unpack', '-q', '--tar', '-', '-'], { ...here, input: tar }).output.equals(tar)).toBe(true);
  });

  test('through pack and back, in one pipe', () => {
    const { status, output } = run(
      'bash',
      [
        '-c',
        `set -o pipefail; node ${ZNIP} pack -q --tar tree.tar -o - | node ${ZNIP} unpack -q --tar - - | cmp - tree.tar`,
      ],
      here,
    );
    expect({ status, output: output.toString() }).toEqual({ status: 0, output: '' });
  });

  test('what has arrived is passed on before more arrives', async () => {
    const child = startZnip(['unpack', '-q', '--tar', '-', '-'], here);
    const received = { bytes: 0 };
    child.stdout?.on('data', (piece: Buffer) => (received.bytes += piece.length));
    const half = Math.floor(archive.length / 2);
    child.stdin?.write(archive.subarray(0, half));
    const deadline = Date.now() + 20_000;
    while (received.bytes < 65536 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(received.bytes).toBeGreaterThanOrEqual(65536);
    child.stdin?.end(archive.subarray(half));
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(received.bytes).toBe(tar.length);
  });
});

describe('damage', () => {
  test('what is written before it is as it was packed, and the status is 4', () => {
    const bytes = Buffer.from(archive);
    const middle = Math.floor(bytes.length * 0.8);
    bytes[middle] = (bytes[middle] ?? 0) ^ 0x40;
    writeFileSync(at('damaged.znip'), bytes);
    for (const [args, input] of [
      [['damaged.znip'], undefined],
      [['-'], bytes],
    ] as const) {
      const { status, stderr, output } = znip(
        ['unpack', '-q', '--tar', '-', ...args],
        input === undefined ? here : { ...here, input },
      );
      expect(status).toBe(4);
      expect(stderr).toMatch(/^znip: [^\n]*bl(?:ob|ock) \d+[^\n]*\n$/);
      expect(output.length).toBeGreaterThan(65536);
      expect(output.length).toBeLessThan(tar.length);
      expect(output.equals(tar.subarray(0, output.length))).toBe(true);
    }
    expect(znip(['unpack', '-q', '--tar', 'none.tar', 'damaged.znip'], here).status).toBe(4);
    expect(existsSync(at('none.tar'))).toBe(false);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('a cut stream gives its whole chunks', () => {
    for (const length of [5, 100, 70_000, archive.length - 40]) {
      const { status, stderr, output } = znip(['unpack', '-q', '--tar', '-', '-'], {
        ...here,
        input: archive.subarray(0, length),
      });
      expect(status, stderr).toBe(4);
      expect(output.equals(tar.subarray(0, output.length))).toBe(true);
    }
  });

  test('blocks that the frame table does not describe', async () => {
    // The blocks of one before the index of another: of the same length, so that the offsets are right.
    const a = await packedFile('xy');
    const b = await packedFile('yx');
    const end = a.indexOf('ZNSI') - 8;
    expect(b.indexOf('ZNSI') - 8).toBe(end);
    const input = Buffer.concat([a.subarray(0, end), b.subarray(end)]);
    expect(znip(['unpack', '-q', '--tar', '-', '-'], { ...here, input })).toMatchObject({
      status: 4,
      stderr: 'znip: the frame table does not describe block 0 as it came\n',
    });
  });
});

describe('the command', () => {
  test.each([
    [['a'], 'a pattern'],
    [['-x', 'a'], '--exclude'],
    [['-C', 'a'], '--directory'],
    [['--no-mtime'], '--no-mtime'],
    [['-n'], '--dry-run'],
  ])('does not go with %j', (args, what) => {
    expect(znip(['unpack', '--tar', 'x.tar', 'tree.znip', ...args], here)).toMatchObject({
      status: 2,
      stderr: `znip: ${what} has no effect with --tar: the tar stream is written as it is\n`,
    });
  });

  test('a reader that goes away before the end is an error', () => {
    const { stdout, stderr } = run(
      'bash',
      ['-c', `node ${ZNIP} unpack --tar - tree.znip | head -c 100 | wc -c; echo "\${PIPESTATUS[0]}"`],
      here,
    );
    expect({ stderr, lines: stdout.trim().split(/\s+/) }).toEqual({ stderr: '', lines: ['100', '141'] });
  });

  test('JSON goes where the tar stream does not', () => {
    const toFile = znip(['unpack', '-q', '--json', '--tar', 'json.tar', 'tree.znip'], here);
    expect(JSON.parse(toFile.stdout)).toMatchObject({ tarBytes: tar.length });
    const toStdout = znip(['unpack', '-q', '--json', '--tar', '-', 'tree.znip'], here);
    expect(JSON.parse(toStdout.stderr)).toMatchObject({ event: 'result', result: { tarBytes: tar.length } });
    expect(toStdout.output.equals(tar)).toBe(true);
  });
});

test('a consumer that stands still does not fill the memory', async () => {
  const file = Buffer.concat(
    Array.from({ length: 12 }, (_, i) =>
      tarMember({ name: `${i}`, content: noise(16 * 1024 * 1024 - 512, i + 1) }),
    ),
  );
  await packTar(source(file, Buffer.alloc(1024)), { output: at('large.znip') });
  const child = startZnip(['unpack', '-q', '--tar', '-', '-j2', 'large.znip'], here);
  // The first bytes are taken, so that everything is on its way, and then no more.
  await new Promise((resolve) => child.stdout?.once('readable', resolve));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  // Four slots of 32 MiB, and the program itself. The portable codec allocates its results.
  expect(Number(peak) / 1024).toBeLessThan(core() === undefined ? 450 : 300);
  let received = 0;
  child.stdout?.on('data', (piece: Buffer) => (received += piece.length));
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  expect(received).toBe(file.length + 1024);
});

describe('the library', () => {
  test('stops when its consumer does', async () => {
    const opened = await openArchive(at('tree.znip'));
    let read = 0;
    for await (const piece of readTar(opened, { threads: 2 })) {
      read += piece.length;
      if (read > 100_000) break;
    }
    expect(read).toBeGreaterThan(100_000);
    expect(read).toBeLessThan(tar.length);
    opened.close();
  });

  test('stops at once when it is told to', async () => {
    const opened = await openArchive(at('tree.znip'));
    const controller = new AbortController();
    const reading = async (): Promise<void> => {
      for await (const piece of readTar(opened, { threads: 2, signal: controller.signal })) {
        if (piece.length > 0) controller.abort(new Error('enough'));
      }
    };
    await expect(reading()).rejects.toThrow('enough');
    opened.close();
  });

  test('gives pieces that are good until the next one', async () => {
    await packTar(source(tarStream({ name: 'f', content: prose(100_000) })), { output: at('prose.znip') });
    const opened = await openArchive(at('prose.znip'));
    const pieces: Buffer[] = [];
    for await (const piece of readTar(opened)) pieces.push(Buffer.from(piece));
    opened.close();
    expect(Buffer.concat(pieces).equals(tarStream({ name: 'f', content: prose(100_000) }))).toBe(true);
  });
});
