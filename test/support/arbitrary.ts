/**
 * Arbitrary names, members and numbers for property tests.
 */
import * as fc from 'fast-check';
import { MAX_PATH_LENGTH } from '../../src/format/values/constants.ts';
import { KIND, type Member } from '../../src/format/values/entry.ts';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** Names of any bytes but NUL: mostly short, mostly around the lengths at which ustar's fields end, or long. */
export function byteName(minLength = 1, maxLength = MAX_PATH_LENGTH): fc.Arbitrary<string> {
  const anyBytes = (min: number, max: number): fc.Arbitrary<string> =>
    fc
      .uint8Array({ min: 1, minLength: min, maxLength: Math.min(max, maxLength), size: 'max' })
      .map(latin1)
      .filter((name) => name.length >= minLength);
  const segments = fc
    .array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 5 })
    .map((lengths) => lengths.map((length) => 'n'.repeat(length)).join('/'))
    .filter((name) => name.length >= minLength && name.length <= maxLength);
  return fc.oneof(
    { weight: 4, arbitrary: anyBytes(minLength, 40) },
    { weight: 4, arbitrary: segments },
    { weight: 2, arbitrary: anyBytes(90, 300) },
    { weight: 1, arbitrary: anyBytes(300, maxLength) },
    { weight: 2, arbitrary: text(minLength, 80).map(utf8Name) },
  );
}

/** Text of any code points but surrogates, of one to four bytes each. */
export function text(minLength = 0, maxLength = 60): fc.Arbitrary<string> {
  const codePoint = fc.oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0x7ff }),
    fc.integer({ min: 0x800, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  );
  return fc.array(codePoint, { minLength, maxLength }).map((points) => String.fromCodePoint(...points));
}

/** A name that is UTF-8, with one character per byte as everywhere in znip. */
function utf8Name(text: string): string {
  const name = Buffer.from(text.replaceAll('\0', '0'), 'utf8').toString('latin1');
  return name === '' ? 'n' : name;
}

/** Non-negative numbers that a double holds exactly, the small and the largest ones often. */
export function exactNumber(): fc.Arbitrary<number> {
  return fc.oneof(fc.maxSafeNat(), fc.nat(100_000), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));
}

/** Nanoseconds as an entry holds them, often close to whole seconds and to zero. */
export function nanoseconds(): fc.Arbitrary<bigint> {
  const MIN = -(2n ** 63n);
  const MAX = 2n ** 63n - 1n;
  return fc.oneof(
    fc.bigInt({ min: MIN, max: MAX }),
    fc.bigInt({ min: 0n, max: 2_000_000_000_000_000_000n }),
    fc
      .tuple(fc.bigInt({ min: -20n, max: 20n }), fc.bigInt({ min: -1n, max: 1n }))
      .map(([seconds, rest]) => seconds * 1_000_000_000n + rest),
    fc.constantFrom(MIN, MAX, 8_589_934_592_000_000_000n, 8_589_934_591_999_999_999n),
  );
}

export function owner(): fc.Arbitrary<number | null> {
  return fc.option(
    fc.oneof(
      fc.nat(70_000),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.constantFrom(0o7777777, 0o10000000, 0xffffffff),
    ),
  );
}

/** Any member: its kind decides whether it has content or a link target. */
export function member(): fc.Arbitrary<Member> {
  return fc
    .record({
      path: byteName(),
      kind: fc.constantFrom(KIND.file, KIND.directory, KIND.symlink, KIND.hardlink),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      mtime: nanoseconds(),
      size: fc.oneof(exactNumber(), fc.constantFrom(0o77777777777, 0o100000000000)),
      linkTarget: byteName(),
      uid: owner(),
      gid: owner(),
    })
    .map((any) => ({
      ...any,
      size: any.kind === KIND.file ? any.size : 0,
      linkTarget: any.kind === KIND.symlink || any.kind === KIND.hardlink ? any.linkTarget : '',
    }));
}

export function checksum(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 32, maxLength: 32 });
}
