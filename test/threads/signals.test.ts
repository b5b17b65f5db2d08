/**
 * Loops that wait for nothing hear a signal all the same.
 */
import { openSync, closeSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeBlockHeader } from '../../src/format/block-header.ts';
import { MAX_CHUNK_SIZE, PROLOGUE } from '../../src/format/values/constants.ts';
import { BlockScanner } from '../../src/blocks/block-scanner.ts';
import { Turns } from '../../src/threads/turns.ts';
import { IterableStream } from '../../src/io/byte-stream.ts';
import { verify, verifyStream } from '../../src/verify/verify.ts';
import { forgeArchive, hash } from '../support/forge.ts';
import { startZnip } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const reason = new Error('it was told to');

/** A signal that fires as soon as the event loop has a turn. */
function soon(): AbortSignal {
  const controller = new AbortController();
  setImmediate(() => controller.abort(reason));
  return controller.signal;
}

/** Headers of blocks whose blobs are not there. */
function headers(count: number): Buffer {
  return Buffer.concat([
    PROLOGUE,
    ...Array.from({ length: count }, (_, i) =>
      encodeBlockHeader(
        {
          stored: false,
          last: false,
          blobLength: 100_000_000,
          chunkLength: MAX_CHUNK_SIZE,
          streamOffset: i * MAX_CHUNK_SIZE,
          firstHeaderOffset: 0,
          continuation: undefined,
          checksum: new Uint8Array(32),
        },
        hash,
      ),
    ),
  ]);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}

test('a loop that waits for nothing', async () => {
  const turns = new Turns(soon());
  const loop = async (): Promise<void> => {
    for (;;) if (turns.isDue()) await turns.take();
  };
  await expect(loop()).rejects.toBe(reason);
});

test('the search for blocks in bytes that are there', async () => {
  const stream = new IterableStream('the archive', once(headers(20_000)));
  const scanner = new BlockScanner(stream, hash, () => {}, { signal: soon() });
  const target = new Uint8Array(2_000_000);
  const all = async (): Promise<void> => {
    await scanner.readPrologue();
    for (let block = await scanner.next(); block !== undefined; block = await scanner.next()) {
      await scanner.readBlob(block, target);
    }
  };
  await expect(all()).rejects.toBe(reason);
});

test('an index that is checked', async () => {
  const path = join(directory, 'many.znip');
  const members = Array.from({ length: 30_000 }, (_, i) => ({ path: `d${i}`, kind: 'directory' as const }));
  writeFileSync(path, forgeArchive(members));
  await expect(verify(path, { quick: true, signal: soon() })).rejects.toBe(reason);
  const fd = openSync(path, 'r');
  try {
    await expect(verifyStream(fd, { threads: 1, signal: soon() })).rejects.toBe(reason);
  } finally {
    closeSync(fd);
  }
});

test.each(['verify', 'recover'])('SIGTERM, while %s goes through broken blocks', async (command) => {
  const path = join(directory, 'broken.znip');
  writeFileSync(path, headers(50_000));
  const child = startZnip([command, '-q', path], { cwd: directory });
  const started = new Promise<void>((resolve) => setTimeout(resolve, 1500));
  await started;
  child.kill('SIGTERM');
  const status = await new Promise((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal)),
  );
  // Before the command has begun to listen, the system ends it.
  expect([143, 'SIGTERM']).toContain(status);
});
