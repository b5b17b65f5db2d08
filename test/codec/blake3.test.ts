import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CODECS, NATIVE, type NamedCodec, PORTABLE } from '../support/codecs.ts';
import { hasProgram, run } from '../support/run.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** 1024 bytes are a chunk of BLAKE3's tree: what is around it takes other ways through the code. */
const CONTENTS = [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 4096, 70_000, 1024 * 1024].map(
  (length) => [length, noise(length, length + 1)] as const,
);

/** The official test vector's input: bytes 0 to 250, again and again. */
const vector = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, i) => i % 251));

describe.each(CODECS.map((named) => [named.title, named] as const))('%s', (_, named) => {
  contract(named);
});

function contract({ installed, codec: load }: NamedCodec): void {
  describe.skipIf(!installed)('hashes with BLAKE3', () => {
    // BLAKE3-team/BLAKE3, test_vectors/test_vectors.json, first 32 bytes of "hash".
    test.each([
      [0, 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
      [1, '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
      [1024, '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
      [1025, 'd00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444'],
    ])('as its authors do, %i bytes', (length, expected) => {
      expect(hex(load().hash(vector(length)))).toBe(expected);
    });

    test.skipIf(!hasProgram('b3sum'))('as b3sum does', () => {
      const directory = temporaryDirectory();
      const files = CONTENTS.map(([length, content]) => {
        const file = join(directory, `${length}`);
        writeFileSync(file, content);
        return file;
      });
      const { status, stdout } = run('b3sum', ['--no-names', ...files]);
      expect(status).toBe(0);
      expect(CONTENTS.map(([, content]) => hex(load().hash(content)))).toEqual(stdout.trim().split('\n'));
    });

    test('in pieces as at once', () => {
      const content = noise(9000, 5);
      const whole = hex(load().hash(content));
      fc.assert(
        fc.property(fc.array(fc.nat(content.length), { maxLength: 12 }), (cuts) => {
          const ends = [...cuts.toSorted((a, b) => a - b), content.length];
          const hasher = load().createHasher();
          let start = 0;
          for (const end of ends) {
            hasher.update(content.subarray(start, end));
            start = end;
          }
          expect(hex(hasher.digest())).toBe(whole);
        }),
      );
    });

    test('nothing at all, and large pieces', () => {
      expect(hex(load().createHasher().digest())).toBe(hex(load().hash(Buffer.alloc(0))));
      const hasher = load().createHasher();
      for (let i = 0; i < 8; i++) hasher.update(prose(1024 * 1024));
      const all = Buffer.concat(Array.from({ length: 8 }, () => prose(1024 * 1024)));
      expect(hex(hasher.digest())).toBe(hex(load().hash(all)));
    });

    test('with several hashers at once, each of its own content', () => {
      const hashers = [0, 1, 2].map(() => load().createHasher());
      for (let round = 0; round < 10; round++) {
        hashers.forEach((hasher, i) => hasher.update(noise(500, 100 * i + round)));
        // A hash at once in between takes nothing away from them.
        load().hash(noise(500));
      }
      const alone = hashers.map((_, i) =>
        hex(
          load().hash(Buffer.concat(Array.from({ length: 10 }, (_, round) => noise(500, 100 * i + round)))),
        ),
      );
      expect(hashers.map((hasher) => hex(hasher.digest()))).toEqual(alone);
      expect(new Set(alone).size).toBe(3);
    });

    test('shared memory, and parts of a buffer', () => {
      const content = noise(10_000);
      const shared = Buffer.from(new SharedArrayBuffer(10_010), 7, 10_000);
      shared.set(content);
      expect(hex(load().hash(shared))).toBe(hex(load().hash(content)));
      expect(hex(load().hash(new Uint8Array(content)))).toBe(hex(load().hash(content)));
      const hasher = load().createHasher();
      hasher.update(shared.subarray(0, 3000));
      hasher.update(shared.subarray(3000));
      expect(hex(hasher.digest())).toBe(hex(load().hash(content)));
    });

    test('into 32 bytes that stay as they are', () => {
      const first = load().hash(Buffer.from('first'));
      const before = hex(first);
      const hasher = load().createHasher();
      hasher.update(Buffer.from('second'));
      const second = hasher.digest();
      const third = load().hash(Buffer.from('third'));
      expect([first.length, second.length, third.length]).toEqual([32, 32, 32]);
      expect(hex(first)).toBe(before);
      expect(new Set([first, second, third].map(hex)).size).toBe(3);
    });
  });
}

test.skipIf(!NATIVE.installed)('both codecs hash alike', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000, size: 'max' }), (bytes) => {
      expect(hex(NATIVE.codec().hash(bytes))).toBe(hex(PORTABLE.codec().hash(bytes)));
    }),
  );
});
