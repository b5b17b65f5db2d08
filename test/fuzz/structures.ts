/**
 * Targets for the fixed structures: footer, block header, sections, tar headers, zstd frames.
 */
import { decodeBlockHeader, encodeBlockHeader } from '../../src/format/block-header.ts';
import { decodeFooter, encodeFooter, FOOTER_LENGTH } from '../../src/format/footer.ts';
import { decodeSection } from '../../src/format/zstd/skippable-frame.ts';
import { encodeTarHeader, paddedLength, tarHeaderLength } from '../../src/format/tar/tar-header.ts';
import { TarReader } from '../../src/format/tar/tar-reader.ts';
import {
  asSingleSegment,
  checkFrame,
  decodeFrameHeader,
  zstdFrameLength,
} from '../../src/format/zstd/zstd-frame.ts';
import { KIND } from '../../src/format/values/entry.ts';
import { FrameScanner } from '../../src/format/zstd/zstd-scanner.ts';
import { CODECS } from '../support/codecs.ts';
import { blake3 } from './hash.ts';
import { edge, mutate, type Random } from './random.ts';
import { ALL, tables, VALID } from './seeds.ts';
import { accepted, holds, type Target } from './target.ts';

const HEADERS = VALID.flatMap((archive) => {
  const headers: Buffer[] = [];
  for (let at = archive.indexOf('ZNBH'); at >= 0; at = archive.indexOf('ZNBH', at + 4)) {
    headers.push(archive.subarray(at - 8, at + archive.readUInt32LE(at - 4)));
  }
  return headers;
});

/** Makes the structure's own checksum, of the bytes before `end`, right again. */
function resealed(bytes: Buffer, end: number): Buffer {
  if (end > 0 && end + 8 <= bytes.length) blake3(bytes.subarray(0, end)).copy(bytes, end, 0, 8);
  return bytes;
}

const footer: Target = {
  name: 'footer',
  sliceMs: 200,
  async run(random) {
    const archive = random.pick(ALL);
    const bytes = mutate(random, archive.subarray(-FOOTER_LENGTH));
    if (!random.chance(4)) {
      if (bytes.length >= 80) Buffer.from('895a4e49500d0a1a', 'hex').copy(bytes, 80);
      resealed(bytes, 72);
    }
    const found = await accepted(() => decodeFooter(bytes, archive.length, blake3));
    if (found === undefined) return;
    const again = Buffer.from(encodeFooter(found, blake3));
    // Minor version and flags are not kept: a reader ignores them.
    const plain = Buffer.from(bytes);
    again.copy(plain, 12, 12, 16);
    holds(again.subarray(0, 72).equals(plain.subarray(0, 72)), 'a footer that is read is written the same');
  },
};

const blockHeader: Target = {
  name: 'block-header',
  sliceMs: 200,
  async run(random) {
    const bytes = mutate(random, random.pick(HEADERS));
    if (random.chance(2) && bytes.length >= 60)
      bytes.writeBigUInt64LE(edge(random), 24 + 8 * random.below(4));
    if (!random.chance(4)) {
      if (bytes.length >= 8) bytes.writeUInt32LE(bytes.length - 8, 4);
      resealed(bytes, bytes.length - 8);
    }
    const header = await accepted(() => decodeBlockHeader(bytes, blake3, 0));
    if (header === undefined) return;
    const again = Buffer.from(encodeBlockHeader(header, blake3));
    const second = decodeBlockHeader(again, blake3, 0);
    holds(
      JSON.stringify(second) === JSON.stringify(header),
      'a block header that is read is written the same',
    );
  },
};

let sections: Promise<Buffer[]> | undefined;
const section: Target = {
  name: 'section',
  sliceMs: 200,
  async run(random) {
    sections ??= tables().then((all) => all.sections);
    const bytes = mutate(random, random.pick(await sections));
    const tag = random.pick(['ZNMA', 'ZNSI', 'ZNFT']);
    const found = await accepted(() => decodeSection(bytes, tag, 'damaged-manifest'));
    if (found === undefined) return;
    holds(found.compressed.byteLength === bytes.length - 24, 'a section holds what follows its header');
    const length = Math.min(found.tableLength, 1 << 20);
    for (const { installed, codec } of CODECS) {
      if (installed) await accepted(() => codec().decompress(found.compressed, new Uint8Array(length)));
    }
  },
};

function tarStream(random: Random): Buffer {
  const pieces: Buffer[] = [];
  for (let i = random.below(6); i >= 0; i--) {
    const member = {
      path: random
        .bytes(1 + random.below(random.chance(4) ? 300 : 20))
        .toString('latin1')
        .replaceAll('\0', '0'),
      kind: random.below(4),
      mode: random.below(0o10000),
      mtime: BigInt.asIntN(64, edge(random)),
      size: 0,
      linkTarget: 'target',
      uid: random.below(2 ** 32),
      gid: null,
    };
    const header = Buffer.alloc(tarHeaderLength(member));
    encodeTarHeader(header, 0, member);
    pieces.push(header);
  }
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

/** Tar headers whose own checksum is right. */
function reseal(stream: Buffer): Buffer {
  for (let at = 0; at + 512 <= stream.length; at += 512) {
    const record = stream.subarray(at, at + 512);
    if (record.toString('latin1', 257, 262) !== 'ustar') continue;
    record.fill(' ', 148, 156);
    const sum = record.reduce((total, byte) => total + byte, 0);
    record.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return stream;
}

const tar: Target = {
  name: 'tar',
  sliceMs: 200,
  async run(random) {
    const mutated = mutate(random, tarStream(random));
    const stream = random.chance(4) ? mutated : reseal(mutated);
    const reader = new TarReader();
    let at = 0;
    while (at < stream.length) {
      const from = at;
      const item = await accepted(() => reader.read(stream, from, 0));
      if (item === undefined || item === 'end' || item === 'more') return;
      holds(item.headerLength >= 512 && item.headerLength % 512 === 0, 'headers are whole records');
      holds(
        Number.isSafeInteger(item.size) && item.size >= 0,
        `a size is a number of bytes, not ${item.size}`,
      );
      const { member } = item;
      if (member !== null) {
        holds(
          typeof member.mtime === 'bigint' && Number.isInteger(member.mode),
          'times and modes are numbers',
        );
        const isFile = member.kind === KIND.file;
        holds(member.size === (isFile ? item.size : 0), 'a file has the size of its data, others have none');
        // A directory of a dump has its names as data.
        const hasData = isFile || item.typeFlag === 'D';
        holds(hasData || item.size === 0 || item.doubts.length > 0, 'data of what has none is in doubt');
      }
      at += item.headerLength + paddedLength(item.size);
      holds(at > from, 'every member takes the reader further');
    }
  },
};

/** Frames of any making: raw, run-length and compressed blocks behind headers of any kind. */
function zstdFrame(random: Random): { frame: Buffer; length: number } {
  const blocks: Buffer[] = [];
  let length = 0;
  const count = 1 + random.below(random.chance(8) ? 400 : 6);
  for (let i = 0; i < count; i++) {
    const last = i === count - 1 ? 1 : 0;
    const size = random.chance(3) ? random.below(131_073) : random.below(64);
    const kind = random.below(4);
    const header = Buffer.alloc(4);
    length += size;
    if (kind === 0) {
      const raw = size & 63;
      length += raw - size;
      header.writeUInt32LE((raw << 3) | last);
      blocks.push(header.subarray(0, 3), random.bytes(raw));
    } else if (kind === 1) {
      header.writeUInt32LE((size << 3) | 2 | last);
      blocks.push(header.subarray(0, 3), random.bytes(1));
    } else {
      header.writeUInt32LE((5 << 3) | 4 | last);
      const literals = Buffer.alloc(4);
      literals.writeUInt32LE((size << 4) | 13);
      blocks.push(header.subarray(0, 3), literals.subarray(0, 3), random.bytes(1), Buffer.of(0));
    }
  }
  const start = Buffer.from([
    0x28,
    0xb5,
    0x2f,
    0xfd,
    random.chance(2) ? 0xa0 : 0x80,
    random.below(140),
    0,
    0,
    0,
    0,
  ]);
  const single = (start[4] ?? 0) === 0xa0;
  start.writeUInt32LE(random.chance(6) ? Number(BigInt.asUintN(20, edge(random))) : length, single ? 5 : 6);
  return { frame: Buffer.concat([single ? start.subarray(0, 9) : start, ...blocks]), length };
}

const zstd: Target = {
  name: 'zstd',
  sliceMs: 200,
  async run(random) {
    const { frame: plain, length } = zstdFrame(random);
    const frame = random.chance(2) ? mutate(random, plain) : plain;
    await accepted(() => decodeFrameHeader(frame));
    const frameLength = await accepted(() => zstdFrameLength(frame));
    holds(frameLength === undefined || frameLength <= frame.length, 'a frame ends within its bytes');
    const scanner = new FrameScanner();
    const scanned = await accepted(() => scanner.advance(frame, Infinity));
    holds(scanned === undefined || scanned === frame.length, 'a scan takes all bytes');
    const target = random.chance(4) ? random.below(1 << 18) : Math.min(length, 8 << 20);
    const sound = await accepted(() => {
      checkFrame(frame, target);
      return asSingleSegment(frame);
    });
    if (sound !== undefined) {
      checkFrame(sound, target);
      holds(scanner.isBetweenFrames, 'the scanner ends where the frame does');
    }
    const results: Buffer[] = [];
    for (const { installed, codec } of CODECS) {
      if (!installed) continue;
      const output = Buffer.alloc(target);
      const done = await accepted(async () => {
        await codec().decompress(frame, output);
        return true;
      });
      holds(done !== true || sound !== undefined, 'what is decompressed has been checked');
      if (done === true) results.push(output);
    }
    if (results.length === 2) holds((results[0] as Buffer).equals(results[1] as Buffer), 'both codecs agree');
  },
};

export const STRUCTURE_TARGETS: readonly Target[] = [footer, blockHeader, section, tar, zstd];
