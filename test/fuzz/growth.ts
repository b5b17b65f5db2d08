/**
 * Target for growth: pieces of archives, again and again. To look for blocks in them takes so much work for each byte,
 * counted in bytes and headers, however many they are.
 */
import { encodeBlockHeader } from '../../src/format/block-header.ts';
import { PROLOGUE, TAG } from '../../src/format/values/constants.ts';
import { encodeSection } from '../../src/format/zstd/skippable-frame.ts';
import { rawFramePieces } from '../../src/format/zstd/zstd-frame.ts';
import { BlockScanner } from '../../src/blocks/block-scanner.ts';
import { IterableStream } from '../../src/io/byte-stream.ts';
import { blake3 } from './hash.ts';
import { edge, mutate, type Random } from './random.ts';
import { holds, type Target } from './target.ts';

type Make = (i: number) => Buffer;

function header(random: Random): Make {
  const step = random.pick([0, 1, 512, 1024, 2 ** 27]);
  const first = random.below(3) * 512;
  const chunkLength = random.pick([1, 512, 65_536, 2 ** 27]);
  const blobLength = random.pick([1, 17, 524, 1536, 66_000, 2 ** 27]);
  const last = random.chance(30);
  return (i) =>
    Buffer.from(
      encodeBlockHeader(
        {
          stored: false,
          last,
          blobLength,
          chunkLength,
          streamOffset: first + i * step,
          firstHeaderOffset: 0,
          continuation: undefined,
          checksum: new Uint8Array(32),
        },
        blake3,
      ),
    );
}

function frameStart(random: Random): Make {
  const start = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0]);
  start.writeUInt32LE(random.pick([0, 512, 65_536, 2 ** 27]), 5);
  return () => start;
}

function skippable(random: Random): Make {
  const bytes = Buffer.alloc(12, 0x78);
  bytes.writeUInt32LE(random.pick([0x184d2a50, 0x184d2a5a]), 0);
  bytes.writeUInt32LE(Number(edge(random) % 2n ** 32n), 4);
  return () => bytes;
}

function fixed(bytes: Uint8Array): Make {
  const copy = Buffer.from(bytes);
  return () => copy;
}

function piece(random: Random): Make {
  const kind = random.below(8);
  if (kind < 2) return header(random);
  if (kind === 2) {
    const whole = header(random);
    const at = random.below(96);
    return (i) => {
      const bytes = whole(i);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    };
  }
  if (kind === 3) return frameStart(random);
  if (kind === 4) return skippable(random);
  if (kind === 5) return fixed(Buffer.concat(rawFramePieces(Buffer.alloc(random.below(600)))));
  if (kind === 6) {
    const section = encodeSection(random.pick(Object.values(TAG)), random.bytes(20), random.below(1000));
    return fixed(mutate(random, Buffer.from(section)));
  }
  return fixed(random.bytes(random.below(40)));
}

/** Each byte is moved a few times; a header of 96 bytes is looked at once, and counts for 100. */
const MOST_WORK = 16;
const START = 100_000;

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}

/** Bytes moved, headers checked and frames walked, for these bytes of an archive. */
async function work(bytes: Buffer): Promise<number> {
  let gaps = 0;
  const scanner = new BlockScanner(new IterableStream('a stream', once(bytes)), blake3, () => (gaps += 1));
  await scanner.readPrologue();
  // Longer than what there is, so that nothing depends on it.
  const target = new Uint8Array(bytes.byteLength + 1);
  for (let block = await scanner.next(); block !== undefined; block = await scanner.next()) {
    await scanner.readBlob(block, target.subarray(0, block.header.blobLength));
  }
  const { window, search } = scanner;
  return window.moved + 100 * search.headers.checked + search.walked + gaps;
}

export const growth: Target = {
  name: 'growth',
  sliceMs: 200,
  async run(random) {
    const makes = Array.from({ length: 1 + random.below(6) }, () => piece(random));
    const count = 400 + random.below(400);
    const pieces = Array.from({ length: count }, (_, i) => makes.map((make) => make(i))).flat();
    const bytes = Buffer.concat([PROLOGUE, ...pieces]);
    const taken = await work(bytes);
    holds(
      taken <= MOST_WORK * bytes.byteLength + START,
      `${count} pieces take ${taken} for ${bytes.byteLength} bytes`,
    );
  },
};
