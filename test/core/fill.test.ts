/**
 * What the native core puts into a chunk: the same bytes as the portable code, and nothing that is not as it should be.
 */
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { core } from '../../src/core/core.ts';
import { encodeTarHeader, tarHeaderLength } from '../../src/format/tar/tar-header.ts';
import { fromText } from '../../src/format/values/byte-string.ts';
import type { Member } from '../../src/format/values/entry.ts';
import { NO_OUTPUT } from '../../src/io/own-output.ts';
import { FillBatch } from '../../src/pack/chunk/fill-batch.ts';
import type { FileChunkPlan } from '../../src/pack/plan/chunk-plan.ts';
import { MemberColumnsBuilder } from '../../src/pack/plan/member-columns-builder.ts';
import { planChunks } from '../../src/pack/plan/plan.ts';
import { findMembers } from '../../src/pack/walk/inputs.ts';
import { createSlot, type Slot } from '../../src/threads/ring.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const CHUNK_SIZE = 1024 * 1024;
const native = core();
const directory = temporaryDirectory();

function batchOf(plan: FileChunkPlan): { batch: FillBatch; slot: Slot } {
  if (native === undefined) throw new Error('there is no core');
  const slot = createSlot(CHUNK_SIZE);
  slot.input.fill(0xaa);
  return { batch: new FillBatch(native, plan, slot), slot };
}

function planOf(members: readonly Member[]): FileChunkPlan {
  const columns = new MemberColumnsBuilder();
  for (const member of members) {
    columns.append({ ...member, prefix: '', sourceMtime: null, follow: false, linked: false }, 0);
  }
  return {
    sequence: 0,
    last: false,
    filled: null,
    notesAttributes: true,
    continuation: null,
    members: columns.finish(),
    overflow: null,
    newGroups: [],
  };
}

const byteString = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 12 }),
      fc.array(fc.constantFrom(0x61, 0x2f, 0xc3, 0xa9), { minLength: 90, maxLength }),
    )
    .map((bytes) => `x${String.fromCharCode(...bytes)}`);

const id = fc.option(fc.oneof(fc.nat(5), fc.integer({ min: 0o7777770, max: 0o10000010 })));

const member: fc.Arbitrary<Member> = fc.record({
  path: byteString(400),
  // All but files, whose content would have to be there.
  kind: fc.constantFrom(1, 2, 3),
  mode: fc.nat(0o7777),
  mtime: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }),
    fc.constantFrom(0n, -1n, 8n ** 11n * 1_000_000_000n, 8n ** 11n * 1_000_000_000n - 1n),
  ),
  size: fc.constant(0),
  linkTarget: fc.oneof(fc.constant(''), byteString(300)),
  uid: id,
  gid: id,
});

/** The plan of a tree as pack finds it. */
function planned(name: string): { root: string; plan: FileChunkPlan } {
  const root = mkdtempSync(join(directory, `${name}-`));
  mkdirSync(join(root, 'tree/sub'), { recursive: true });
  writeFileSync(join(root, 'tree/a'), 'content of a');
  writeFileSync(join(root, 'tree/empty'), '');
  writeFileSync(join(root, 'tree/sub/b'), noise(100_000));
  writeFileSync(join(root, fromText('tree/sub/é')), 'text');
  symlinkSync('a', join(root, 'tree/zlink'));
  const members = findMembers(
    ['tree'],
    { directory: root },
    { own: NO_OUTPUT, runs: true, onWarning: vi.fn() },
  );
  const groups = { packageType: undefined, repo: undefined, repoFromDirectory: false };
  const [plan] = planChunks(members, { chunkSize: CHUNK_SIZE, ...groups, onWarning: vi.fn() });
  if (plan === undefined) throw new Error('there is no plan');
  return { root, plan };
}

describe.skipIf(native === undefined)('the native core', () => {
  test('writes the headers that the portable code writes', () => {
    fc.assert(
      fc.property(fc.array(member, { minLength: 1, maxLength: 8 }), (members) => {
        const { batch, slot } = batchOf(planOf(members));
        const { row, position } = batch.advance({ row: 0, position: 512 });
        const expected = Buffer.alloc(CHUNK_SIZE);
        let end = 512;
        for (const one of members) end += encodeTarHeader(expected, end, one);
        expect([row, position]).toEqual([members.length, end]);
        expect(slot.input.subarray(512, end).equals(expected.subarray(512, end))).toBe(true);
        expect(end - 512).toBe(members.reduce((sum, one) => sum + tarHeaderLength(one), 0));
      }),
      { numRuns: 300 },
    );
  });

  test('fills a chunk of a tree to its end', () => {
    const { plan } = planned('whole');
    const { batch } = batchOf(plan);
    expect(plan.members.count).toBe(7);
    expect(batch.advance({ row: 0, position: 0 }).row).toBe(7);
  });

  // Row 1 is `a`, 2 is `empty`, 4 is `sub/b`.
  test.each<[string, (root: string) => void, stopsAt: number]>([
    ['is gone', (root) => rmSync(join(root, 'tree/a')), 1],
    ['has grown', (root) => appendFileSync(join(root, 'tree/a'), '!'), 1],
    ['was empty and has grown', (root) => appendFileSync(join(root, 'tree/empty'), '!'), 2],
    ['has shrunk', (root) => writeFileSync(join(root, 'tree/sub/b'), 'short'), 4],
    ['has another time', (root) => utimesSync(join(root, 'tree/a'), 1, 1), 1],
    [
      'is a symlink now',
      (root) => {
        renameSync(join(root, 'tree/a'), join(root, 'elsewhere'));
        symlinkSync('../elsewhere', join(root, 'tree/a'));
      },
      1,
    ],
    [
      'is in a directory that is another one',
      (root) => {
        renameSync(join(root, 'tree/sub'), join(root, 'moved'));
        mkdirSync(join(root, 'tree/sub'));
        linkSync(join(root, 'moved/b'), join(root, 'tree/sub/b'));
      },
      4,
    ],
    [
      'is behind a symlink now',
      (root) => {
        renameSync(join(root, 'tree/sub'), join(root, 'moved'));
        symlinkSync('../moved', join(root, 'tree/sub'));
      },
      4,
    ],
  ])('stops before a file that %s', (_, change, stopsAt) => {
    const { root, plan } = planned('changed');
    change(root);
    const { batch, slot } = batchOf(plan);
    const { row, position } = batch.advance({ row: 0, position: 0 });
    expect(row).toBe(stopsAt);
    // The members before it are there, each at its place.
    expect(position % 512).toBe(0);
    expect(slot.input.toString('latin1', 0, 5)).toBe('tree/');
  });

  test.skipIf(process.getuid?.() === 0)('stops before a file that may not be read', () => {
    const { root, plan } = planned('closed');
    chmodSync(join(root, 'tree/a'), 0);
    expect(batchOf(plan).batch.advance({ row: 0, position: 0 }).row).toBe(1);
  });
});
