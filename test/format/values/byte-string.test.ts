import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareBytes,
  fromText,
  isAscii,
  isUtf8,
  toBytes,
  toFsPath,
  toText,
} from '../../../src/format/values/byte-string.ts';
import { text } from '../../support/arbitrary.ts';

const anyBytes = (): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));

test('text goes in and comes back out', () => {
  fc.assert(
    fc.property(text(), (value) => {
      const name = fromText(value);
      expect(toText(name)).toBe(value);
      expect(isUtf8(name)).toBe(true);
      expect(toBytes(name).equals(Buffer.from(value, 'utf8'))).toBe(true);
      expect(isAscii(name)).toBe(/^[\0-\x7f]*$/.test(value));
    }),
  );
});

test('any bytes pass through unharmed, and fs gets these bytes', () => {
  fc.assert(
    fc.property(anyBytes(), (bytes) => {
      const name = bytes.toString('latin1');
      expect(toBytes(name).equals(bytes)).toBe(true);
      const path = toFsPath(name);
      expect(Buffer.from(path as Buffer).equals(bytes)).toBe(true);
      expect(typeof path === 'string').toBe(isAscii(name));
    }),
  );
});

test('what is UTF-8 is what survives a round trip through text', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyBytes(),
        text().map((value) => Buffer.from(value)),
      ),
      (bytes) => {
        const roundTrip = Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);
        expect(isUtf8(bytes.toString('latin1'))).toBe(roundTrip);
      },
    ),
    { numRuns: 1000 },
  );
});

describe('UTF-8', () => {
  test.each<[string, boolean, string]>([
    ['', true, 'nothing'],
    ['plain', true, 'ASCII'],
    ['\xc3\xa9', true, 'two bytes'],
    ['\xef\xbb\xbfbom', true, 'a byte order mark, which stays'],
    ['\xf0\x9f\x98\x80', true, 'four bytes'],
    ['\xff', false, 'a byte that never occurs'],
    ['\xc3', false, 'a sequence cut short'],
    ['\xc0\xaf', false, 'an overlong slash'],
    ['\xed\xa0\x80', false, 'a surrogate'],
    ['\xf4\x90\x80\x80', false, 'beyond U+10FFFF'],
    ['\xa9\xc3', false, 'a continuation first'],
  ])('%j: %j, %s', (name, expected) => {
    expect(isUtf8(name)).toBe(expected);
  });

  test('a byte order mark is part of the text', () => {
    expect(toText('\xef\xbb\xbfbom')).toBe('\ufeffbom');
  });

  test('bytes that are not UTF-8 are shown as U+FFFD', () => {
    expect(toText('a\xff\xfeb')).toBe('a\ufffd\ufffdb');
  });
});

test('names compare as memcmp does', () => {
  fc.assert(
    fc.property(anyBytes(), anyBytes(), (a, b) => {
      expect(compareBytes(a.toString('latin1'), b.toString('latin1'))).toBe(Buffer.compare(a, b));
    }),
    { numRuns: 500 },
  );
  expect(compareBytes('a', 'a')).toBe(0);
  // U+10000 comes after U+FFFF in bytes, before it in UTF-16.
  expect(compareBytes(fromText('\u{10000}'), fromText('\uffff'))).toBe(1);
});
