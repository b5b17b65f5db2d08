import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { CompressionSettings } from '../../src/codec/backends.ts';
import { type Codec, codec, loadCodec, windowLogFor } from '../../src/codec/codec.ts';
import {
  checkFrame,
  decodeFrameHeader,
  rawFrameLength,
  rawFramePieces,
} from '../../src/format/zstd/zstd-frame.ts';
import { CODECS, type NamedCodec, NATIVE, PACKAGED, PORTABLE } from '../support/codecs.ts';
import { codeOfAsync } from '../support/refusal.ts';
import { hasProgram, run } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Eight bytes that come to 128 KiB: a compressed block of one literal, again and again, and no sequences. */
const compressedBlock = (last: number): Buffer => Buffer.from([0x2c | last, 0, 0, 0x0d, 0, 0x20, 0x61, 0]);
/** A frame of such blocks, which declares what it likes. */
const bomb = (declared: number, windowByte: number, blocks: number): Buffer => {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x80, windowByte, 0, 0, 0, 0]);
  header.writeUInt32LE(declared, 6);
  return Buffer.concat([
    header,
    ...Array.from({ length: blocks - 1 }, () => compressedBlock(0)),
    compressedBlock(1),
  ]);
};
const rawBlock = (text: string, last: number): Buffer =>
  Buffer.concat([Buffer.from([(text.length << 3) | last, 0, 0]), Buffer.from(text)]);
const SETTINGS: CompressionSettings = { level: 3, windowLog: 20, longDistance: false };

/** Text, and nothing but noise: what compresses and what does not. */
const CONTENTS: [string, Buffer][] = [0, 1, 100, 70_000, 1 * MiB].flatMap((length): [string, Buffer][] => [
  [`${length} bytes of prose`, prose(length)],
  [`${length} bytes of noise`, noise(length)],
]);

/** A buffer in memory that threads share, as the ring's are. */
function shared(bytes: Uint8Array | number): Buffer {
  const length = typeof bytes === 'number' ? bytes : bytes.length;
  const buffer = Buffer.from(new SharedArrayBuffer(length + 16), 8, length);
  if (typeof bytes !== 'number') buffer.set(bytes);
  return buffer;
}

async function compress(codec: Codec, content: Uint8Array, settings = SETTINGS): Promise<Buffer> {
  const target = Buffer.alloc(rawFrameLength(content.length) + 64, 0xaa);
  const length = await codec.compress(content, target, settings);
  expect(length).toBeGreaterThan(0);
  // Nothing is written behind the frame that matters to the caller.
  expect(length).toBeLessThanOrEqual(target.length);
  return target.subarray(0, length);
}

async function decompress(codec: Codec, frame: Uint8Array, length: number): Promise<Buffer> {
  const content = Buffer.alloc(length, 0xaa);
  await codec.decompress(frame, content);
  return content;
}

describe.each(CODECS.map((named) => [named.title, named] as const))('%s', (_, named) => {
  contract(named);
});

function contract({ installed, codec: load }: NamedCodec): void {
  describe.skipIf(!installed)('compresses', () => {
    test.each(CONTENTS)('%s and back', async (_, content) => {
      const frame = await compress(load(), content);
      expect((await decompress(load(), frame, content.length)).equals(content)).toBe(true);
    });

    test.each(CONTENTS)('%s into one frame that declares its content', async (_, content) => {
      const frame = await compress(load(), content);
      expect(decodeFrameHeader(frame)).toMatchObject({ contentSize: content.length, hasDictionary: false });
      expect(() => checkFrame(frame, content.length)).not.toThrow();
    });

    test.each(CONTENTS)('%s so that every installed codec reads it', async (_, content) => {
      const frame = await compress(load(), content);
      for (const other of CODECS.filter((candidate) => candidate.installed)) {
        expect((await decompress(other.codec(), frame, content.length)).equals(content)).toBe(true);
      }
    });

    test.skipIf(!hasProgram('zstd')).each(CONTENTS)(
      '%s so that the zstd program reads it',
      async (_, content) => {
        const { status, stderr, output } = run('zstd', ['-q', '-dc'], {
          input: await compress(load(), content),
        });
        expect([status, stderr]).toEqual([0, '']);
        expect(output.equals(content)).toBe(true);
      },
    );

    test('the same content to the same bytes, whatever came between', async () => {
      const content = prose(100_000);
      const first = Buffer.from(await compress(load(), content));
      await compress(load(), noise(100_000));
      expect((await compress(load(), content)).equals(first)).toBe(true);
    });

    test('by its level', async () => {
      const content = Buffer.concat(
        Array.from({ length: 400 }, (_, i) => Buffer.concat([noise(40, i % 50), prose(i)])),
      );
      const lengths = [];
      for (const level of [1, 3, 19])
        lengths.push((await compress(load(), content, { ...SETTINGS, level })).length);
      expect(lengths.toSorted((a, b) => b - a)).toEqual(lengths);
      expect(lengths[0]).toBeGreaterThan(lengths[2] ?? 0);
      // A level does not stick to what comes after it.
      expect((await compress(load(), content, { ...SETTINGS, level: 1 })).length).toBe(lengths[0]);
    });

    test('to nothing where the target is too small', async () => {
      const content = noise(70_000);
      const needed = (await compress(load(), content)).length;
      for (const length of [0, 1, 9, 1000, 70_000, needed - 1]) {
        expect(await load().compress(content, Buffer.alloc(length), SETTINGS)).toBe(0);
      }
    });

    test('after a target that was too small, with the same settings and with others', async () => {
      const content = prose(70_000);
      for (const settings of [SETTINGS, { ...SETTINGS, level: 1, windowLog: 17 }, { ...SETTINGS }]) {
        expect(await load().compress(noise(70_000), Buffer.alloc(100), SETTINGS)).toBe(0);
        const frame = await compress(load(), content, settings);
        expect((await decompress(load(), frame, content.length)).equals(content)).toBe(true);
      }
    });

    test('leaves what lies around its target alone', async () => {
      const memory = Buffer.alloc(100_000, 0xaa);
      const length = await load().compress(prose(70_000), memory.subarray(500, 90_000), SETTINGS);
      expect(length).toBeGreaterThan(0);
      expect(memory.subarray(0, 500).equals(Buffer.alloc(500, 0xaa))).toBe(true);
      expect(memory.subarray(90_000).equals(Buffer.alloc(10_000, 0xaa))).toBe(true);
    });

    test('from shared memory to shared memory and back', async () => {
      for (const content of [prose(300_000), noise(1 * MiB)]) {
        const source = shared(content);
        const target = shared(rawFrameLength(content.length) + 64);
        const length = await load().compress(source, target, SETTINGS);
        const back = shared(content.length);
        await load().decompress(target.subarray(0, length), back);
        expect(back.equals(content)).toBe(true);
        expect(source.equals(content)).toBe(true);
      }
    });

    test('several chunks at once', async () => {
      const contents = Array.from({ length: 8 }, (_, i) =>
        Buffer.concat([prose(50_000 + i), noise(1000, i + 1)]),
      );
      const frames = await Promise.all(contents.map((content) => compress(load(), content)));
      const back = await Promise.all(
        frames.map((frame, i) => decompress(load(), frame, contents[i]?.length ?? 0)),
      );
      expect(back.map((content, i) => content.equals(contents[i] as Buffer))).toEqual(
        contents.map(() => true),
      );
    });
  });

  describe.skipIf(!installed)('decompresses', () => {
    const content = Buffer.concat([prose(60_000), noise(10_000)]);

    test.each([0, 1, 1000])('stored frames of %i bytes', async (length) => {
      const stored = noise(length);
      const frame = Buffer.concat(rawFramePieces(stored));
      expect((await decompress(load(), frame, length)).equals(stored)).toBe(true);
    });

    test('only into a target of the right length', async () => {
      const frame = await compress(load(), content);
      for (const length of [0, 1, content.length - 1, content.length + 1, 2 * content.length]) {
        expect(await codeOfAsync(() => decompress(load(), frame, length))).toBe('damaged-block');
      }
      expect(await codeOfAsync(() => decompress(load(), frame, content.length))).toBe('accepted');
    });

    test('no frame that declares another length than it has', async () => {
      for (const declared of [0, 69_999, 70_001, 100_000]) {
        const frame = Buffer.from(await compress(load(), content));
        // Frame_Content_Size is the last field of the header, of four bytes at this length.
        frame.writeUInt32LE(declared, decodeFrameHeader(frame).headerLength - 4);
        for (const length of [declared, content.length]) {
          expect(await codeOfAsync(() => decompress(load(), frame, length))).toBe('damaged-block');
        }
      }
    });

    test('no frame that is cut short', async () => {
      const frame = await compress(load(), content);
      for (const length of [0, 1, 5, 6, 9, 10, 100, frame.length - 4, frame.length - 1]) {
        expect(await codeOfAsync(() => decompress(load(), frame.subarray(0, length), content.length))).toBe(
          'damaged-block',
        );
      }
    });

    test('nothing that is not exactly one frame', async () => {
      const half = await compress(load(), content.subarray(0, 35_000));
      const rest = await compress(load(), content.subarray(35_000));
      const whole = await compress(load(), content);
      const skippable = Buffer.from('5a2a4d180400000000000000', 'hex');
      const wrong: Buffer[] = [
        Buffer.concat([half, rest]),
        Buffer.concat([whole, half]),
        Buffer.concat([skippable, whole]),
        Buffer.concat([whole, skippable]),
        Buffer.concat([whole, Buffer.from('28b52ffd2000010000', 'hex')]),
        Buffer.concat([whole, Buffer.alloc(3)]),
        skippable,
        prose(1000),
      ];
      for (const bytes of wrong) {
        expect(await codeOfAsync(() => decompress(load(), bytes, content.length))).toBe('damaged-block');
      }
    });

    test('a damaged frame to an error or to wrong bytes, never to another exception', async () => {
      const frame = await compress(load(), content);
      let refused = 0;
      for (let i = 0; i < 200; i++) {
        const damaged = Buffer.from(frame);
        const at = Math.floor((i * (frame.length - 1)) / 199);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << (i % 8));
        const code = await codeOfAsync(() => decompress(load(), damaged, content.length));
        expect(['accepted', 'damaged-block']).toContain(code);
        if (code === 'damaged-block') refused += 1;
      }
      expect(refused).toBeGreaterThan(0);
      // And the codec is none the worse for it.
      expect((await decompress(load(), frame, content.length)).equals(content)).toBe(true);
    });

    test('no more than a frame declares, whatever its blocks come to', async () => {
      const declared = 2 * MiB;
      // Windows of 128 KiB, less than the content, and 4 MiB, more.
      for (const windowByte of [7 << 3, 12 << 3]) {
        const whole = await decompress(load(), bomb(declared, windowByte, 16), declared);
        expect(whole.equals(Buffer.alloc(declared, 'a'))).toBe(true);
        const before = process.resourceUsage().maxRSS;
        expect(await codeOfAsync(() => decompress(load(), bomb(declared, windowByte, 8000), declared))).toBe(
          'damaged-block',
        );
        // The blocks come to 1 GiB.
        expect(process.resourceUsage().maxRSS - before).toBeLessThan(200 * 1024);
      }
    });

    test('tables that are longer than any window', async () => {
      // Raw and run-length blocks: 130 MiB in 1041 blocks, with a window of 1 MiB.
      const length = 130 * MiB + 5;
      const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x80, 10 << 3, 0, 0, 0, 0]);
      header.writeUInt32LE(length, 6);
      const runs = Array.from({ length: 1040 }, () => Buffer.from([0x02, 0x00, 0x10, 0x61]));
      const frame = Buffer.concat([header, ...runs, rawBlock('hello', 1)]);
      const content = await decompress(load(), frame, length);
      expect(content.subarray(-8).toString()).toBe('aaahello');
      const more = Buffer.concat([header, ...runs, rawBlock('hello', 0), rawBlock('!', 1)]);
      expect(await codeOfAsync(() => decompress(load(), more, length))).toBe('damaged-block');
    });

    test('a frame whose blocks are wrong not at all', async () => {
      const frame = Buffer.from(await compress(load(), prose(70_000)));
      const { headerLength } = decodeFrameHeader(frame);
      for (const change of [0x06, 0x80]) {
        const damaged = Buffer.from(frame);
        // Block_Header: the type becomes the reserved one, or the size another.
        damaged[headerLength] = (damaged[headerLength] ?? 0) ^ change;
        expect(await codeOfAsync(() => decompress(load(), damaged, 70_000))).toBe('damaged-block');
      }
    });
  });
}

describe('the codec of this thread', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  test('is loaded once', () => {
    expect(codec()).toBe(codec());
  });

  test('is the portable one where the environment asks for it', async () => {
    vi.stubEnv('ZNIP_CORE', 'portable');
    vi.resetModules();
    const fresh = await import('../../src/codec/codec.ts');
    expect(fresh.codec().name).toBe(PORTABLE.codec().name);
    expect(fresh.codec().hashName).toBe(PORTABLE.codec().hashName);
  });

  test('is the native one where it is installed', () => {
    const best = NATIVE.installed ? NATIVE : PORTABLE;
    expect(loadCodec('auto').name).toBe(best.codec().name);
    expect(loadCodec().hashName).toBe(best.codec().hashName);
  });

  test('says which packages it is made of', () => {
    expect(PACKAGED.codec().name).toContain('@mongodb-js/zstd');
    expect(PORTABLE.codec().hashName).toContain('blake3-wasm');
    for (const { installed, codec: load } of CODECS)
      if (installed) expect(load().name).toMatch(/^zstd .*\(.*\)$/);
  });
});

describe('the largest window for a chunk', () => {
  test.each([
    [1, 10],
    [1024, 10],
    [1025, 11],
    [64 * KiB, 16],
    [64 * KiB + 512, 17],
    [16 * MiB, 24],
    [128 * MiB, 27],
    [2 ** 40, 27],
  ])('of %i bytes is 2^%i', (chunkSize, windowLog) => {
    expect(windowLogFor(chunkSize)).toBe(windowLog);
  });
});

describe('an install in which packages are missing', () => {
  const directory = temporaryDirectory();
  /** Names of the codec that a process of its own loads, in a directory with these packages alone. */
  function loadWith(
    ...packages: string[]
  ): { name: string; hashName: string } | { code: string; message: string } {
    const place = mkdtempSync(join(directory, 'install-'));
    const outfile = join(place, 'codec.mjs');
    buildSync({
      entryPoints: [fileURLToPath(new URL('../../src/codec/codec.ts', import.meta.url))],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
    });
    for (const name of packages) {
      mkdirSync(dirname(join(place, 'node_modules', name)), { recursive: true });
      symlinkSync(
        fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url)),
        join(place, 'node_modules', name),
      );
    }
    const code = `
      const { codec } = await import(${JSON.stringify(pathToFileURL(outfile).href)});
      try { const { name, hashName } = codec(); console.log(JSON.stringify({ name, hashName })); }
      catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }
    `;
    const { status, stdout, stderr } = run(process.execPath, ['--input-type=module', '-e', code], {
      env: { NODE_PATH: '', ZNIP_CORE: '' },
    });
    expect([status, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as ReturnType<typeof loadWith>;
  }

  test('works with the portable ones alone, and with what Node.js has', () => {
    const { name, hashName } = PORTABLE.codec();
    expect(loadWith('@mongodb-js/zstd', 'blake3-wasm')).toEqual({ name, hashName });
  });

  test.skipIf(PORTABLE.codec().name !== PACKAGED.codec().name)('says so where none is left', () => {
    expect(loadWith('blake3-wasm')).toEqual({
      code: 'codec-unavailable',
      message: expect.stringMatching(/^no zstd package loads .*@mongodb-js\/zstd.*: reinstall/),
    });
    expect(loadWith('@mongodb-js/zstd')).toEqual({
      code: 'codec-unavailable',
      message: expect.stringMatching(/^no BLAKE3 package loads .*blake3-wasm.*: reinstall/),
    });
  });
});
