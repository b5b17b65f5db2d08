/**
 * zstd streams of others, with either codec: what frames state of their contents is compared.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCodec } from '../../src/codec/codec.ts';
import { rawFramePieces } from '../../src/format/zstd/zstd-frame.ts';
import { lacks, run, type RunResult, znip } from '../support/run.ts';
import { tarStream } from '../support/tar.ts';
import { describeTree, noise, temporaryDirectory } from '../support/tree.ts';

const place = temporaryDirectory();
const tar = tarStream({ name: 'a', content: 'hello\n' }, { name: 'b', content: noise(300_000) });

function hasCodec(codec: 'native' | 'portable'): boolean {
  try {
    loadCodec(codec);
    return true;
  } catch {
    return false;
  }
}

const compress = (input: Buffer, ...options: string[]): Buffer =>
  run('zstd', ['-qc', ...options], { input }).output;

let count = 0;
function unpack(codec: string, stream: Buffer, flags: string[] = []): RunResult & { names: string[] } {
  const directory = join(place, `out-${count++}`);
  const env: Record<string, string> = codec === 'portable' ? { ZNIP_CORE: 'portable' } : {};
  const file = join(place, 'a.tar.zst');
  writeFileSync(file, stream);
  const result = znip(['unpack', file, '-C', directory, ...flags], { env });
  return { ...result, names: [...describeTree(directory).keys()] };
}

/** Debian: zstd. */
describe.skipIf(lacks('zstd')).each(['native', 'portable'] as const)('by the %s codec', (codec) => {
  test.skipIf(!hasCodec(codec))('frames of any length, one behind the other, are read', () => {
    const frames: Buffer[] = [compress(Buffer.alloc(0))];
    // Frames of one byte are shorter than the longest header.
    for (let at = 0; at < 20; at++) frames.push(compress(tar.subarray(at, at + 1)));
    frames.push(compress(tar.subarray(20, 100_000), '--no-check'), compress(tar.subarray(100_000)));
    const { status, stderr, names } = unpack(codec, Buffer.concat(frames), ['-q']);
    expect({ status, stderr, names }).toEqual({ status: 0, stderr: '', names: ['a', 'b'] });
  });

  test.skipIf(!hasCodec(codec))('every byte of a checksum counts, of every frame', () => {
    const frames = [compress(tar.subarray(0, 5000)), compress(tar.subarray(5000))];
    for (const frame of [0, 1]) {
      for (const fromEnd of [1, 2, 3, 4]) {
        const damaged = frames.map((bytes) => Buffer.from(bytes));
        const bytes = damaged[frame] as Buffer;
        bytes[bytes.length - fromEnd] = (bytes[bytes.length - fromEnd] ?? 0) ^ 0x80;
        const { status, stderr } = unpack(codec, Buffer.concat(damaged));
        expect({ frame, fromEnd, status }).toEqual({ frame, fromEnd, status: 4 });
        expect(stderr).toMatch(/checksum/);
      }
    }
  });

  test.skipIf(!hasCodec(codec))('a frame that holds more or less than it declares is damaged', () => {
    for (const declared of [tar.length - 1, tar.length + 1]) {
      const [header, ...blocks] = rawFramePieces(tar);
      const wrong = Buffer.from(header as Uint8Array);
      wrong.writeUInt32LE(declared, 5);
      const { status, stderr } = unpack(codec, Buffer.concat([wrong, ...blocks]));
      expect({ declared, status }).toEqual({ declared, status: 4 });
      expect(stderr).toMatch(/zstd stream is damaged/);
    }
  });

  test.skipIf(!hasCodec(codec))('a window of more than 128 MiB is for who gives memory', () => {
    const stream = compress(tar, '--long=28', '--single-thread');
    const without = unpack(codec, stream);
    expect({ status: without.status, names: without.names }).toEqual({ status: 4, names: [] });
    expect(without.stderr).toContain('zstd -dc --long=31 FILE | znip unpack -');
    const { status, stderr, names } = unpack(codec, stream, ['-q', '--memory', '600M']);
    expect({ status, stderr, names }).toEqual({ status: 0, stderr: '', names: ['a', 'b'] });
  });

  test.skipIf(!hasCodec(codec))('what arrived before the stream was cut is there, and said', () => {
    const stream = compress(tar).subarray(0, -100_000);
    const { status, stderr, names } = unpack(codec, stream);
    expect({ status, names }).toEqual({ status: 4, names: ['a'] });
    expect(stderr).toMatch(
      /cut short at byte \d+; the 1 members that arrived whole are unpacked; 'b'|the 1 members that arrived whole/,
    );
    expect(stderr).not.toContain('did not arrive');
    const going = unpack(codec, stream, ['--keep-going']);
    expect({ status: going.status, names: going.names }).toEqual({ status: 4, names: ['a'] });
    expect(going.stderr).toMatch(/unpacked 1 member, .* 1 loss named above/);
  });
});

test('a dictionary that is not there is said', () => {
  // A frame header with a dictionary id of one byte, and one empty block.
  const file = join(place, 'dictionary.tar.zst');
  writeFileSync(file, Buffer.from('28b52ffd21010001 0000'.replaceAll(' ', ''), 'hex'));
  const { status, stderr } = znip(['unpack', file, '-C', join(place, 'none')]);
  expect(status).toBe(4);
  expect(stderr).toMatch(/dictionary/);
});
