/**
 * Extended attributes as pax records: what is written is read again, and nothing else is.
 */
import { expect, test } from 'vitest';
import { decodeXattrs, encodeXattrs } from '../../../src/format/values/xattrs.ts';

const RECORDS = '25 SCHILY.xattr.user.a=1\n25 SCHILY.xattr.user.b=2\n';

test.each([
  [[['user.a', '']]],
  [
    [
      ['user.b', '2'],
      ['user.a', '1'],
    ],
  ],
  [
    [
      ['user.a=b', '=\n\0\xff'],
      ['user.a%3Db', 'x'],
      ['user.%', '%25'],
    ],
  ],
  // Lengths around those at which the length gets one more digit.
  ...Array.from({ length: 120 }, (_, n) => [[['user.n', 'v'.repeat(n * 9)]]]),
] as [[string, string][]][])('come back: %j', (pairs) => {
  const records = encodeXattrs(new Map(pairs)) ?? '';
  expect(decodeXattrs(records)).toEqual(new Map(pairs));
  expect([...(decodeXattrs(records)?.keys() ?? [])]).toEqual(pairs.map(([name]) => name).sort());
});

test('none are nothing', () => {
  expect(encodeXattrs(new Map())).toBeUndefined();
  expect(
    encodeXattrs(
      new Map([
        ['user.b', '2'],
        ['user.a', '1'],
      ]),
    ),
  ).toBe(RECORDS);
});

test.each([
  ['a wrong length', RECORDS.replace('25', '26')],
  ['a length that goes on', RECORDS.replace('25', '025')],
  ['a length that is none', RECORDS.replace('25', '-5')],
  ['a length that is too long', RECORDS.replace('25', '1e9')],
  ['no line break', RECORDS.slice(0, -1)],
  ['another order', '25 SCHILY.xattr.user.b=2\n25 SCHILY.xattr.user.a=1\n'],
  ['a name twice', '25 SCHILY.xattr.user.a=1\n25 SCHILY.xattr.user.a=1\n'],
  ['another keyword', '13 path=abcd\n'],
  ['no name', '19 SCHILY.xattr.=1\n'],
  ['a name that is not escaped', '28 SCHILY.xattr.user.%=1\n'],
  ['an escape that is none', '27 SCHILY.xattr.user.%41=1\n'],
  ['a value that ends behind the end', RECORDS.replace('25', '99')],
])('%s is refused', (_, records) => {
  expect(decodeXattrs(records)).toBeUndefined();
});
