import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PROLOGUE } from '../../../src/format/values/constants.ts';
import {
  asSingleSegment,
  checkFrame,
  declareContentSize,
  DECLARED_HEADER_LENGTH,
  decodeFrameHeader,
  rawFrameLength,
  rawFramePieces,
  zstdFrameLength,
} from '../../../src/format/zstd/zstd-frame.ts';
import { codeOf, outcomeOf } from '../../support/refusal.ts';
import { hasProgram, run } from '../../support/run.ts';
import { noise, prose, temporaryDirectory } from '../../support/tree.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const hasZstd = hasProgram('zstd');

const directory = temporaryDirectory();
let files = 0;

/** What the zstd program makes of `content`; `--no-content-size` and the like as `options`. */
function zstd(content: Buffer, ...options: string[]): Buffer {
  const file = join(directory, `${files++}`);
  writeFileSync(file, content);
  const { status, output } = run('zstd', ['-q', '-c', ...options, file]);
  expect(status).toBe(0);
  return output;
}

/** The same through a pipe: zstd does not know how much will come. */
function zstdFromPipe(content: Buffer, ...options: string[]): Buffer {
  const { status, output } = run('zstd', ['-q', '-c', ...options], { input: content });
  expect(status).toBe(0);
  return output;
}

function unzstd(frame: Buffer): Buffer {
  const { status, stderr, output } = run('zstd', ['-q', '-dc'], { input: frame });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return output;
}

const LENGTHS = [0, 1, 128 * KiB - 1, 128 * KiB, 128 * KiB + 1, 256 * KiB, 256 * KiB + 1, 1 * MiB];

describe('a frame of raw blocks', () => {
  test.each(LENGTHS)('of %i bytes has the length foretold and declares its content', (length) => {
    const content = noise(length);
    const pieces = rawFramePieces(content);
    const frame = Buffer.concat(pieces);
    expect(frame).toHaveLength(rawFrameLength(length));
    expect(zstdFrameLength(frame)).toBe(frame.length);
    expect(decodeFrameHeader(frame)).toEqual({
      headerLength: 9,
      contentSize: length,
      windowSize: length,
      hasDictionary: false,
    });
    expect(codeOf(() => checkFrame(frame, length))).toBe('accepted');
    // The content goes to the file without a copy: every other piece is a view of it.
    const views = pieces.filter((piece) => piece.buffer === content.buffer);
    expect(Buffer.concat(views).equals(content)).toBe(true);
  });

  test.skipIf(!hasZstd).each(LENGTHS)('of %i bytes is one for the zstd program', (length) => {
    const content = noise(length, 3);
    expect(unzstd(Buffer.concat(rawFramePieces(content))).equals(content)).toBe(true);
  });
});

describe.skipIf(!hasZstd)('frames of the zstd program', () => {
  const CONTENTS: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('x')],
    ['256 bytes', prose(256)],
    ['300 bytes of prose', prose(300)],
    ['100 kB of prose', prose(100_000)],
    ['300 kB of noise', noise(300_000)],
    ['1 MiB of one byte', Buffer.alloc(1 * MiB, 7)],
    ['prose, zeros and noise', Buffer.concat([prose(200_000), Buffer.alloc(400_000), noise(200_000)])],
  ];

  for (const [what, content] of CONTENTS) {
    describe(what, () => {
      for (const options of [
        ['--check'],
        ['--no-check'],
        ['--check', '--no-content-size'],
        ['--no-check', '-19'],
      ]) {
        test(`with ${options.join(' ')}`, () => {
          const frame = zstd(content, ...options);
          const declared = options.includes('--no-content-size') ? undefined : content.length;
          expect(decodeFrameHeader(frame).contentSize).toBe(declared);
          expect(zstdFrameLength(frame)).toBe(frame.length);
          expect(zstdFrameLength(Buffer.concat([frame, noise(100)]))).toBe(frame.length);
        });
      }

      test('through a pipe', () => {
        const frame = zstdFromPipe(content);
        // Of nothing, zstd knows the length when it has seen the end.
        expect(decodeFrameHeader(frame).contentSize).toBe(content.length === 0 ? 0 : undefined);
        expect(zstdFrameLength(frame)).toBe(frame.length);
      });
    });
  }

  test('the checksum counts', () => {
    const content = prose(5000);
    expect(zstd(content, '--check').length).toBe(zstd(content, '--no-check').length + 4);
  });

  test('cut short anywhere, no frame ends', () => {
    const frame = zstd(Buffer.concat([prose(300_000), noise(100)]), '--check', '-1');
    for (let length = 0; length < frame.length; length++) {
      expect(codeOf(() => zstdFrameLength(frame.subarray(0, length)))).toBe('damaged-block');
    }
  });

  test.each([
    ['--zstd=wlog=10', 2 ** 10],
    ['--zstd=wlog=17', 2 ** 17],
    ['--long=27', 2 ** 27],
    ['--long=30', 2 ** 30],
  ])('through a pipe with %s the window is %i bytes', (option, windowSize) => {
    expect(decodeFrameHeader(zstdFromPipe(prose(5000), option)).windowSize).toBe(windowSize);
  });

  test('a frame that does not declare its content gets a header that does', () => {
    for (const length of [1, 1000, 300_000]) {
      const content = prose(length);
      const frame = zstdFromPipe(content, '--no-check');
      const { headerLength } = decodeFrameHeader(frame);
      expect(headerLength).toBe(6);
      const header = declareContentSize(frame[5] ?? 0, length);
      const declared = Buffer.concat([header, frame.subarray(headerLength)]);
      expect(header).toHaveLength(DECLARED_HEADER_LENGTH);
      expect(decodeFrameHeader(declared)).toEqual({
        ...decodeFrameHeader(frame),
        headerLength: DECLARED_HEADER_LENGTH,
        contentSize: length,
      });
      expect(unzstd(declared).equals(content)).toBe(true);
      // The program refuses one that declares too much, so it has read what was declared.
      const wrong = Buffer.concat([
        declareContentSize(frame[5] ?? 0, length + 1),
        frame.subarray(headerLength),
      ]);
      expect(run('zstd', ['-q', '-dc'], { input: wrong }).status).not.toBe(0);
    }
  });
});

/** Magic and what follows it. */
const frameOf = (...bytes: number[]): Buffer => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...bytes]);

describe('frame headers, by RFC 8878 §3.1.1.1', () => {
  test.each<[string, Buffer, ReturnType<typeof decodeFrameHeader>]>([
    [
      'single segment, one byte of size',
      frameOf(0x20, 0xff),
      { headerLength: 6, contentSize: 255, windowSize: 255, hasDictionary: false },
    ],
    [
      'single segment, two bytes of size, which count from 256',
      frameOf(0x60, 0x01, 0x02),
      { headerLength: 7, contentSize: 0x201 + 256, windowSize: 0x201 + 256, hasDictionary: false },
    ],
    [
      'four bytes of size',
      frameOf(0x80, 0x38, 0xff, 0xff, 0xff, 0xff),
      { headerLength: 10, contentSize: 2 ** 32 - 1, windowSize: 2 ** 17, hasDictionary: false },
    ],
    [
      'eight bytes of size',
      frameOf(0xc0, 0x00, 1, 0, 0, 0, 1, 0, 0, 0),
      { headerLength: 14, contentSize: 2 ** 32 + 1, windowSize: 1024, hasDictionary: false },
    ],
    [
      'no size, mantissa 7',
      frameOf(0x00, 0x07),
      { headerLength: 6, contentSize: undefined, windowSize: 1024 + 7 * 128, hasDictionary: false },
    ],
    [
      'the largest window',
      frameOf(0x00, 0xff),
      { headerLength: 6, contentSize: undefined, windowSize: 15 * 2 ** 38, hasDictionary: false },
    ],
    [
      'one byte of dictionary',
      frameOf(0x21, 0x09, 0x05),
      { headerLength: 7, contentSize: 5, windowSize: 5, hasDictionary: true },
    ],
    [
      'two bytes of dictionary',
      frameOf(0x22, 0x00, 0x09, 0x05),
      { headerLength: 8, contentSize: 5, windowSize: 5, hasDictionary: true },
    ],
    [
      'four bytes of dictionary, all zero: none',
      frameOf(0x03, 0x00, 0, 0, 0, 0),
      { headerLength: 10, contentSize: undefined, windowSize: 1024, hasDictionary: false },
    ],
    [
      'the bit that the RFC leaves unused',
      frameOf(0x30, 0x05),
      { headerLength: 6, contentSize: 5, windowSize: 5, hasDictionary: false },
    ],
  ])('%s', (_, frame, header) => {
    expect(decodeFrameHeader(Buffer.concat([frame, Buffer.alloc(8)]))).toEqual(header);
  });

  test('the prologue is a frame without content', () => {
    expect(zstdFrameLength(PROLOGUE)).toBe(PROLOGUE.length);
    expect(codeOf(() => checkFrame(PROLOGUE, 0))).toBe('accepted');
  });

  test.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /0 bytes are too few/],
    ['a magic number and no more', frameOf(), /4 bytes are too few/],
    ['another magic number', Buffer.from('28b52ffc200001000000', 'hex'), /wrong magic number/],
    ['a skippable frame', Buffer.from('5a2a4d180400000000000000', 'hex'), /wrong magic number/],
    ['its reserved bit', frameOf(0x28, 0x00, 0x01, 0x00, 0x00), /reserved bit/],
    ['a header that is cut short', frameOf(0xe0, 1, 2, 3, 4, 5, 6, 7), /header is cut short/],
  ])('%s is refused', (_, frame, message) => {
    const outcome = outcomeOf(() => decodeFrameHeader(frame));
    expect(outcome).toEqual({ code: 'damaged-block', message: expect.stringMatching(message) });
  });

  test('no bytes make it throw anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, withMagic) => {
        const frame = withMagic ? Buffer.concat([frameOf(), bytes]) : bytes;
        expect(['accepted', 'damaged-block']).toContain(codeOf(() => decodeFrameHeader(frame)));
        const outcome = outcomeOf(() => zstdFrameLength(frame));
        if ('value' in outcome) expect(outcome.value).toBeLessThanOrEqual(frame.length);
        else expect(outcome.code).toBe('damaged-block');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('block headers', () => {
  test('a run-length block stores one byte, whatever its size says', () => {
    // 300 times the byte 0x61: single segment with two bytes of size, last block of type 1.
    const frame = Buffer.concat([
      frameOf(0x60, 300 - 256, 0),
      Buffer.from([(300 << 3) & 0xff, 300 >> 5, 0]),
      Buffer.from('a'),
    ]);
    frame[7] = (frame[7] ?? 0) | (1 << 1) | 1;
    expect(zstdFrameLength(frame)).toBe(frame.length);
    expect(zstdFrameLength(Buffer.concat([frame, frame]))).toBe(frame.length);
    if (hasZstd) expect(unzstd(frame).toString()).toBe('a'.repeat(300));
  });

  test('the reserved type is refused', () => {
    const outcome = outcomeOf(() => zstdFrameLength(frameOf(0x20, 0x00, 0x07, 0x00, 0x00)));
    expect(outcome).toEqual({ code: 'damaged-block', message: expect.stringMatching(/reserved type/) });
  });
});

describe('exactly one frame of a known length', () => {
  const frame = Buffer.concat(rawFramePieces(prose(1000)));
  const skippable = Buffer.from('5a2a4d180400000000000000', 'hex');

  test('is accepted', () => {
    expect(codeOf(() => checkFrame(frame, 1000))).toBe('accepted');
  });

  test.each<[string, Buffer, number, RegExp]>([
    ['another length', frame, 999, /declares 1000 bytes, expected 999/],
    ['no declared length', frameOf(0x00, 0x00, 0x01, 0x00, 0x00), 0, /declares no bytes, expected 0/],
    ['two frames', Buffer.concat([frame, frame]), 1000, /has 1012 bytes, expected 2024/],
    ['a skippable frame behind it', Buffer.concat([frame, skippable]), 1000, /has 1012 bytes, expected 1024/],
    ['a skippable frame before it', Buffer.concat([skippable, frame]), 1000, /wrong magic number/],
    ['an empty frame behind it', Buffer.concat([frame, PROLOGUE]), 1000, /has 1012 bytes, expected 1021/],
    ['a byte too few', frame.subarray(0, -1), 1000, /does not end where it should/],
    ['a dictionary', frameOf(0x21, 0x09, 0x00, 0x01, 0x00, 0x00), 0, /needs a dictionary/],
    // Window_Descriptor 0x88: 2^27 bytes; 0x89: an eighth more. One empty raw block.
    ['a huge window', frameOf(0x80, 0x89, 0, 0, 0, 0, 0x01, 0x00, 0x00), 0, /needs a window of 150994944/],
    ['a block longer than the window', frameOf(0x20, 0x01, 0x11, 0, 0, 1, 2), 1, /has a block of 2 bytes/],
    [
      'a run longer than a block may be',
      frameOf(0x80, 0x88, 0x01, 0x00, 0x02, 0x00, 0x0b, 0x00, 0x10, 0x61),
      0x20001,
      /has a block of 131073 bytes/,
    ],
    [
      'runs that come to more than it declares',
      frameOf(0x20, 0x05, 0x2a, 0, 0, 0x61, 0x2b, 0, 0, 0x61),
      5,
      /holds 10 bytes or more, expected 5/,
    ],
  ])('%s is refused', (_, bytes, length, message) => {
    const outcome = outcomeOf(() => checkFrame(bytes, length));
    expect(outcome).toEqual({ code: 'damaged-block', message: expect.stringMatching(message) });
  });

  test('the largest window is accepted', () => {
    expect(codeOf(() => checkFrame(frameOf(0x80, 0x88, 0, 0, 0, 0, 0x01, 0x00, 0x00), 0))).toBe('accepted');
  });
});

describe('a frame whose content is its window', () => {
  test.skipIf(!hasZstd)('holds the same', () => {
    const content = Buffer.concat([prose(300_000), noise(100_000), prose(100_000)]);
    for (const options of [
      ['--zstd=wlog=10', '--no-check'],
      ['--zstd=wlog=17', '--check'],
    ]) {
      const frame = zstd(content, ...options);
      const whole = asSingleSegment(frame);
      expect(decodeFrameHeader(frame).windowSize).toBeLessThan(content.length);
      expect(decodeFrameHeader(whole)).toMatchObject({
        contentSize: content.length,
        windowSize: content.length,
      });
      expect(codeOf(() => checkFrame(whole, content.length))).toBe('accepted');
      expect(unzstd(Buffer.from(whole)).equals(content)).toBe(true);
    }
  });

  test('is left as it is', () => {
    const frame = Buffer.concat(rawFramePieces(prose(1000)));
    expect(asSingleSegment(frame)).toBe(frame);
    // With a window of 128 MiB: a smaller one would make blocks too long.
    const large = frameOf(0x80, 0x88, 0x03, 0, 0, 0, 0x19, 0x00, 0x00, 0x61, 0x62, 0x63);
    expect(asSingleSegment(large)).toBe(large);
  });
});
