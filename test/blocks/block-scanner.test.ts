/**
 * The search for blocks behind damage: the work grows with the archive, whatever its headers say.
 */
import { describe, expect, test } from 'vitest';
import { loadCodec } from '../../src/codec/codec.ts';
import { encodeBlockHeader } from '../../src/format/block-header.ts';
import { MAX_CHUNK_SIZE, PROLOGUE } from '../../src/format/values/constants.ts';
import { rawFramePieces } from '../../src/format/zstd/zstd-frame.ts';
import { BlockScanner, type Gap } from '../../src/blocks/block-scanner.ts';
import { IterableStream } from '../../src/io/byte-stream.ts';

const { hash } = loadCodec('portable');

interface Fields {
  streamOffset: number;
  chunkLength?: number;
  blobLength?: number;
  last?: boolean;
}

function header({ streamOffset, chunkLength = 512, blobLength = 512, last = false }: Fields): Buffer {
  const bytes = encodeBlockHeader(
    {
      stored: false,
      last,
      blobLength,
      chunkLength,
      streamOffset,
      firstHeaderOffset: last ? undefined : 0,
      continuation: undefined,
      checksum: new Uint8Array(32),
    },
    hash,
  );
  return Buffer.from(bytes);
}

/** A header with one bit flipped. */
function broken(fields: Fields): Buffer {
  const bytes = header(fields);
  bytes[60] = (bytes[60] ?? 0) ^ 1;
  return bytes;
}

/** The header of a zstd frame that declares the longest chunk there is. */
const LONG_FRAME = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 8]);
/** Raw blocks without content, and one that holds the header and the start of a frame that follow. */
const BLOCKS = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, (105 << 3) & 0xff, (105 << 3) >> 8, 0]);
const FOREIGN = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 3, 0, 0x78, 0x78, 0x78, 0x78]);

const blob = (length: number): Buffer => Buffer.concat(rawFramePieces(Buffer.alloc(length)));
const blobLength = blob(512).byteLength;

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.byteLength; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

interface Scan {
  /** Bytes that were moved, of headers that were checked, and of frames that were walked. */
  work: number;
  blocks: number[];
  gaps: Gap[];
  rest: string;
}

async function scan(blocks: readonly Buffer[]): Promise<Scan> {
  const bytes = Buffer.concat([PROLOGUE, ...blocks]);
  const stream = new IterableStream('the archive', pieces(bytes));
  const gaps: Gap[] = [];
  const scanner = new BlockScanner(stream, hash, (gap) => gaps.push(gap));
  await scanner.readPrologue();
  const found: number[] = [];
  const target = new Uint8Array(4_000_000);
  for (let block = await scanner.next(); block !== undefined; block = await scanner.next()) {
    found.push(block.headerOffset);
    await scanner.readBlob(block, target.subarray(0, block.header.blobLength));
  }
  const rest = Buffer.alloc(1000);
  const read = await stream.readInto(rest);
  const work = scanner.window.moved + 100 * scanner.search.headers.checked + scanner.search.walked;
  return { work, blocks: found, gaps, rest: rest.toString('latin1', 0, read) };
}

const times = (count: number, make: (i: number) => Buffer[]): Buffer[] =>
  Array.from({ length: count }, (_, i) => make(i)).flat();

const HOSTILE: [what: string, make: (i: number) => Buffer[]][] = [
  [
    'blobs that are not there',
    (i) => [
      header({ streamOffset: i * MAX_CHUNK_SIZE, chunkLength: MAX_CHUNK_SIZE, blobLength: 100_000_000 }),
    ],
  ],
  [
    'broken headers before frames that declare much',
    (i) => [
      broken({ streamOffset: 1024 * i }),
      LONG_FRAME,
      header({ streamOffset: 1024 * i + 512, blobLength }),
      blob(512),
    ],
  ],
  [
    'frames that go on and on',
    (i) => [
      broken({ streamOffset: 1024 * i }),
      LONG_FRAME,
      BLOCKS,
      header({ streamOffset: 1024 * i + 512, blobLength: 21 }),
      LONG_FRAME,
      BLOCKS,
    ],
  ],
  ['broken headers', (i) => [broken({ streamOffset: 512 * i, blobLength }), blob(512)]],
  [
    'headers for the same byte',
    (i) => [broken({ streamOffset: 0 }), header({ streamOffset: 512 * (i % 2) })],
  ],
  ['headers that come too late', (i) => [header({ streamOffset: 512 * (100_000 - i), blobLength: 100 })]],
  [
    'frames of others that are long',
    (i) => [header({ streamOffset: 512 * i, blobLength }), blob(512), FOREIGN, FOREIGN],
  ],
];

describe('twice the input is at most a little more than twice the work', () => {
  test.each(HOSTILE)('%s', async (_, make) => {
    const small = await scan(times(2000, make));
    const large = await scan(times(4000, make));
    expect(small.work).toBeGreaterThan(0);
    expect(large.work).toBeLessThan(2.3 * small.work);
  });
});

describe('what is found', () => {
  const rest = 'what comes behind the blocks';

  test('headers behind a blob that is cut short, and all that comes then', async () => {
    const good = (i: number): Buffer[] => [header({ streamOffset: 512 * i, blobLength }), blob(512)];
    const last = [header({ streamOffset: 1536, blobLength, last: true }), blob(512)];
    const whole = await scan([...good(0), ...good(1), ...good(2), ...last, Buffer.from(rest)]);
    expect(whole.gaps).toEqual([]);
    expect(whole.blocks.length).toBe(4);
    expect(whole.rest).toBe(rest);
    const cut = [...good(0), header({ streamOffset: 512, blobLength }), blob(512).subarray(200)];
    const found = await scan([...cut, ...good(2), ...last, Buffer.from(rest)]);
    expect(found.gaps).toEqual([]);
    expect(found.blocks.length).toBe(4);
    expect(found.rest).toBe(rest);
  });

  test('the header for the byte behind a blob, and none that the blob holds', async () => {
    const inner = Buffer.concat([header({ streamOffset: 512, blobLength }), Buffer.alloc(5000)]);
    const frame = Buffer.concat(rawFramePieces(inner));
    const found = await scan([
      broken({ streamOffset: 0 }),
      frame,
      header({ streamOffset: inner.byteLength, blobLength }),
      blob(512),
    ]);
    expect(found.blocks).toEqual([9 + 96 + frame.byteLength]);
    expect(found.gaps[0]).toMatchObject({ start: 9, streamStart: 0, streamEnd: inner.byteLength });
  });
});
