/**
 * Streams in and out, of Node.js and of the web: the bytes, the pace, the ends.
 */
import { createReadStream, createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ByteInput, extract, open, type Output, pack, packTar, verify, type ZnipEvent } from 'znip';
import { run } from '../support/run.ts';
import { describeTree, makeTree, noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const CHUNK = 65_536;
let bytes: Buffer;

beforeAll(async () => {
  makeTree(at('tree'), CHUNK);
  await pack({ path: 'tree', directory }, { output: at('tree.znip'), chunkSize: CHUNK, threads: 2 });
  bytes = readFileSync(at('tree.znip'));
  expect(run('tar', ['-cf', 'tree.tar', 'tree'], { cwd: directory }).status).toBe(0);
});

const INPUTS: [kind: string, input: () => ByteInput][] = [
  ['a Readable', () => createReadStream(at('tree.znip'))],
  ['a web stream', () => new Blob([bytes]).stream()],
  ['a generator', () => slices()],
];

async function* slices(): AsyncGenerator<Uint8Array, void> {
  for (let offset = 0; offset < bytes.byteLength; offset += 100_000)
    yield bytes.subarray(offset, offset + 100_000);
}

describe.each(INPUTS)('%s in', (kind, input) => {
  test('is unpacked and verified', async () => {
    const target = at(`in ${kind}`);
    const progress: number[] = [];
    const result = await extract(input(), target, {
      onProgress: (snapshot) => {
        expect(Object.isFrozen(snapshot)).toBe(true);
        expect(snapshot.totalMembers).toBeUndefined();
        progress.push(snapshot.contentBytes);
      },
    });
    expect(result.events).toBe(0);
    expect(progress.length).toBeGreaterThan(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(describeTree(join(target, 'tree'))).toEqual(describeTree(at('tree')));
    expect(await verify(input())).toMatchObject({ ok: true, archiveBytes: bytes.byteLength });
  });
});

test('what is no piece of bytes, and a stream that fails', async () => {
  await expect(verify(Readable.from(['text']))).rejects.toMatchObject({ code: 'usage' });
  const failing = new PassThrough();
  failing.write(bytes.subarray(0, 1000));
  setTimeout(() => failing.destroy(new Error('the cable')), 20);
  await expect(extract(failing, at('failing'))).rejects.toMatchObject({
    code: 'io',
    message: 'cannot read the stream: the cable',
  });
  await expect(extract(slices(), at('groups'), { repos: ['x'] })).rejects.toMatchObject({ code: 'usage' });
});

test('a stream that is not wanted to its end is destroyed, and one that waits ends with the signal', async () => {
  const foreign = new PassThrough();
  foreign.write('this is no archive '.repeat(100));
  await expect(verify(foreign)).rejects.toMatchObject({ code: 'not-an-archive' });
  expect(foreign.destroyed).toBe(true);

  for (const task of [
    (stream: Readable, signal: AbortSignal) => extract(stream, at('waits'), { signal }),
    (stream: Readable, signal: AbortSignal) => verify(stream, { signal }),
    (stream: Readable, signal: AbortSignal) => packTar(stream, { output: at('waits.znip'), signal }),
    (stream: Readable, signal: AbortSignal) =>
      pack({ path: 'a', content: stream }, { output: at('waits.znip'), signal }),
  ]) {
    const waiting = new PassThrough();
    const controller = new AbortController();
    const ended = expect(task(waiting, controller.signal)).rejects.toThrow('no more');
    await sleep(20);
    controller.abort(new Error('no more'));
    await ended;
    await sleep(1);
    expect(waiting.destroyed).toBe(true);
  }
  let cancelled: unknown;
  const web = new ReadableStream<Uint8Array>({ cancel: (reason) => (cancelled = reason ?? 'cancelled') });
  await expect(extract(web, at('web'), { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  expect(cancelled).toBe('cancelled');
});

/** Takes 64 KiB at a time, slowly, and counts what it has. */
function collector(): {
  chunks: Uint8Array[];
  all: () => Buffer;
  node: Writable;
  web: WritableStream<Uint8Array>;
} {
  const chunks: Uint8Array[] = [];
  return {
    chunks,
    all: () => Buffer.concat(chunks),
    node: new Writable({
      highWaterMark: CHUNK,
      write(chunk: Uint8Array, _, done) {
        chunks.push(chunk);
        setTimeout(done, 1);
      },
    }),
    web: new WritableStream<Uint8Array>({
      async write(chunk) {
        chunks.push(chunk);
        await sleep(1);
      },
    }),
  };
}

describe.each([1, 2])('out, with %i threads', (threads) => {
  const make = (output: Output, options: { signal?: AbortSignal } = {}): ReturnType<typeof pack> =>
    pack({ path: 'tree', directory }, { output, chunkSize: CHUNK, threads, ...options });

  test.each(['node', 'web'] as const)('the same bytes as in a file, to a stream of %s', async (kind) => {
    const taken = collector();
    const result = await make(taken[kind]);
    expect(taken.all().equals(bytes)).toBe(true);
    expect(result.archiveBytes).toBe(bytes.byteLength);
    if (kind === 'node') expect(taken.node.writableFinished).toBe(true);
  });

  test('to a file and to a transform', async () => {
    await make(createWriteStream(at('by-stream.znip')));
    expect(readFileSync(at('by-stream.znip')).equals(bytes)).toBe(true);
    const through = new PassThrough();
    const [read] = await Promise.all([buffer(through), make(through)]);
    expect(read.equals(bytes)).toBe(true);
  });

  test('no more is made than a stream that stands still has taken', async () => {
    const progress: number[] = [];
    const still = new Writable({ highWaterMark: 1, write() {} });
    const controller = new AbortController();
    const ended = expect(
      pack(
        { path: 'tree', directory },
        {
          output: still,
          chunkSize: CHUNK,
          threads,
          signal: controller.signal,
          onProgress: ({ archiveBytes }) => progress.push(archiveBytes),
        },
      ),
    ).rejects.toThrow('enough');
    await sleep(700);
    const reached = progress.at(-1) ?? 0;
    expect(reached).toBeLessThan(bytes.byteLength / 2);
    await sleep(100);
    expect(progress.at(-1) ?? 0).toBe(reached);
    controller.abort(new Error('enough'));
    await ended;
    await sleep(1);
    expect(still.destroyed).toBe(true);
  });

  test('one that breaks ends the pack', async () => {
    const broken = new Writable({
      write(_, __, done) {
        done(new Error('the disk is full'));
      },
    });
    await expect(make(broken)).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('the disk is full') as string,
    });
    const web = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error('the line')) });
    await expect(make(web)).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('the line') as string,
    });
  });

  test('one is destroyed when the pack fails', async () => {
    const taken = collector();
    await expect(pack(['absent'], { output: taken.node, threads })).rejects.toMatchObject({
      code: 'source-unreadable',
    });
    await sleep(5);
    expect(taken.node.destroyed).toBe(true);
  });
});

test('an answer of HTTP takes an archive as it is made', async () => {
  const failures: unknown[] = [];
  const server = createServer((request, response) => {
    const paths = request.url === '/' ? [{ path: 'tree', directory }] : ['absent'];
    pack(paths, { output: response, chunkSize: CHUNK }).catch((error: unknown) => failures.push(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const got = Buffer.from(await (await fetch(`${url}/`)).arrayBuffer());
    expect(got.equals(bytes)).toBe(true);
    // What fails must not look like an archive that is whole.
    await expect(fetch(`${url}/absent`).then((answer) => answer.arrayBuffer())).rejects.toThrow();
    expect(failures).toMatchObject([{ code: 'source-unreadable' }]);
  } finally {
    server.close();
  }
});

test('standard output stays open', () => {
  const script = `
    import { pack } from 'znip';
    await pack({ path: 'a', content: 'x' }, { output: process.stdout });
    process.stdout.write('more');`;
  const { output, stderr, status } = run(process.execPath, ['--input-type=module', '-e', script]);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(output.subarray(-4).toString()).toBe('more');
});

test('tar streams of others, packed and unpacked', async () => {
  const events: ZnipEvent[] = [];
  const onEvent = (event: ZnipEvent): number => events.push(event);
  const taken = collector();
  await packTar(createReadStream(at('tree.tar')).pipe(createGzip()), { output: taken.web, onEvent });
  await packTar(at('tree.tar'), { output: at('from-tar.znip'), onEvent });
  expect(taken.all().equals(readFileSync(at('from-tar.znip')))).toBe(true);
  await using archive = await open(new Blob(taken.chunks));
  const tar = Buffer.from(await new Response(archive.tar()).arrayBuffer());
  expect(tar.equals(readFileSync(at('tree.tar')))).toBe(true);
  await extract(at('tree.tar'), at('from-tar'), { onEvent });
  await extract(new Blob([tar]), at('from-blob'), { onEvent, keepGoing: true });
  expect(describeTree(at('from-blob/tree'))).toEqual(describeTree(at('from-tar/tree')));
  expect(events).toEqual([]);
  await expect(extract(at('tree.tar'), at('strict'), { requireIndex: true })).rejects.toMatchObject({
    code: 'not-an-archive',
  });
  await expect(packTar(at('tree.znip'), { output: at('again.znip') })).rejects.toMatchObject({
    code: 'usage',
  });
});

test('events name what is not as it was asked for, and results count them', async () => {
  mkdirSync(at('odd'));
  writeFileSync(at('odd/file'), noise(10));
  run('mkfifo', [at('odd/pipe')]);
  run('tar', ['-cf', 'odd.tar', 'odd'], { cwd: directory });
  const told: ZnipEvent[] = [];
  const onEvent = (event: ZnipEvent): number => told.push(event);
  expect(await pack({ path: 'odd', directory }, { output: at('odd.znip'), onEvent })).toMatchObject({
    failedInputs: 1,
  });
  expect(await packTar(at('odd.tar'), { output: at('odd-tar.znip'), onEvent })).toMatchObject({
    failedInputs: 1,
  });
  expect(await extract(at('odd.tar'), at('odd-1'), { onEvent })).toMatchObject({ events: 1 });
  expect(await extract(at('odd-tar.znip'), at('odd-2'), { onEvent })).toMatchObject({ events: 1 });
  expect(
    await extract(at('odd.znip'), at('odd-3'), { onEvent, patterns: ['odd/file', 'odd/not'] }),
  ).toMatchObject({ events: 1 });
  expect(
    await extract(at('odd.znip'), at('odd-3'), { onEvent, dryRun: true, existing: 'keep' }),
  ).toMatchObject({ events: 0 });
  expect(told.map((event) => [event.type, 'path' in event ? event.path : event.pattern])).toEqual([
    ['warning', join(directory, 'odd/pipe')],
    ['warning', 'odd/pipe'],
    ['skipped', 'odd/pipe'],
    ['doubt', 'odd/pipe'],
    ['unmatched', 'odd/not'],
    ['planned', 'odd'],
    ['planned', 'odd/file'],
  ]);
});
