/**
 * gzip streams of others: everything that RFC 1952 has, and all that comes before a fault.
 */
import { crc32, deflateRawSync, gunzipSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ZnipError } from '../../src/errors.ts';
import { IterableStream } from '../../src/io/byte-stream.ts';
import { gunzip } from '../../src/io/gzip-stream.ts';
import { noise } from '../support/tree.ts';

async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** What comes out, and the code of what is wrong. */
async function decode(bytes: Buffer, length = 1000): Promise<{ out: Buffer; code: string | undefined }> {
  const out: Buffer[] = [];
  let code: string | undefined;
  try {
    for await (const piece of gunzip(new IterableStream("'a'", inPieces(bytes, length))))
      out.push(Buffer.from(piece));
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    ({ code } = error);
  }
  return { out: Buffer.concat(out), code };
}

const content = Buffer.concat([noise(50_000), Buffer.alloc(400_000, 'text, again and again. ')]);
const whole = gzipSync(content);

/** A member whose header has everything that it may have. */
function withAllFields(): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length, 4);
  const fields = [
    '1f8b081e0000000000ff',
    '0300616263',
    Buffer.from('name\0comment\0').toString('hex'),
    '1234',
  ];
  return Buffer.concat([Buffer.from(fields.join(''), 'hex'), deflateRawSync(content), trailer]);
}

describe('a gzip stream', () => {
  test('comes out whole, however its bytes arrive and whatever its members are', async () => {
    const members = fc.array(fc.uint8Array({ maxLength: 20_000 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(members, fc.integer({ min: 1, max: 300_000 }), async (contents, length) => {
        const stream = Buffer.concat(contents.map((bytes) => gzipSync(bytes)));
        const { out, code } = await decode(stream, length);
        expect(code).toBeUndefined();
        expect(out.equals(Buffer.concat(contents))).toBe(true);
        expect(gunzipSync(stream).equals(out)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('may have a name, a comment, extra bytes and a checksum in its header, and zeros behind it', async () => {
    const { out, code } = await decode(Buffer.concat([withAllFields(), whole, Buffer.alloc(300_000)]));
    expect(code).toBeUndefined();
    expect(out.equals(Buffer.concat([content, content]))).toBe(true);
  });

  test('that is cut gives what came before', async () => {
    for (const cut of [1, 4, 8, 9, 1000]) {
      const { out, code } = await decode(whole.subarray(0, -cut));
      expect({ cut, code }).toEqual({ cut, code: 'truncated' });
      expect(content.subarray(0, out.length).equals(out)).toBe(true);
      if (cut <= 8) expect(out.length).toBe(content.length);
    }
  });

  test.each([
    ['garbage behind it', Buffer.concat([whole, Buffer.from('garbage')])],
    ['zeros and then garbage behind it', Buffer.concat([whole, Buffer.alloc(200_000), Buffer.from('x')])],
  ])('with %s gives all that came before', async (_what, stream) => {
    const { out, code } = await decode(stream);
    expect(code).toBe('damaged-block');
    expect(out.equals(content)).toBe(true);
  });

  test('is held against its checksum and its length', async () => {
    for (const fromEnd of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const damaged = Buffer.from(whole);
      damaged[damaged.length - fromEnd] = (damaged[damaged.length - fromEnd] ?? 0) ^ 1;
      expect((await decode(damaged)).code).toBe('damaged-block');
    }
  });

  test('whose members are many and small is read piece by piece', async () => {
    const small = gzipSync(Buffer.from('x'));
    const { out, code } = await decode(Buffer.concat(Array.from({ length: 2000 }, () => small)), 1 << 20);
    expect({ code, length: out.length }).toEqual({ code: undefined, length: 2000 });
  });
});
