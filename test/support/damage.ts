/**
 * One sweep over damaged archives: a byte changed, an end or a beginning cut off, a mark and another byte changed, at
 * any place of a sample. test/damage/ has what each command must do with them.
 */
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openArchive, pack } from 'znip/internal';
import { type BlockPlace, blocksOf } from './blocks.ts';
import { type Described, describeTree, noise, prose } from './tree.ts';

const CHUNK = 65536;

export interface Sample {
  /** Where it was made, and where properties may write. */
  directory: string;
  archive: Buffer;
  /** What is below `t`, which was packed. */
  source: Map<string, Described>;
  /** Blobs in order, and the last one of each member that has its content or header there. */
  blocks: BlockPlace[];
  lastBlob: Map<string, number>;
}

/** An archive of members in one chunk and members in several, small enough to damage every byte. */
export async function makeSample(directory: string): Promise<Sample> {
  const at = (name: string): string => join(directory, name);
  mkdirSync(at('t/d'), { recursive: true });
  writeFileSync(at('t/a'), 'first');
  utimesSync(at('t/a'), 1_600_000_000.25, 1_600_000_000.25);
  writeFileSync(at('t/b'), prose(30_000));
  writeFileSync(at('t/c'), prose(50_000));
  writeFileSync(at('t/d/large'), Buffer.concat([noise(600), prose(2 * CHUNK + 100)]));
  writeFileSync(at('t/e'), 'behind the large one');
  linkSync(at('t/a'), at('t/f'));
  symlinkSync('a', at('t/g'));
  writeFileSync(at('t/zz'), '');
  await pack(['t'], { directory, output: at('t.znip'), chunkSize: CHUNK });
  const opened = await openArchive(at('t.znip'));
  const table = await opened.frames();
  const lastBlob = new Map<string, number>();
  for (const { batch, row } of await opened.entries()) {
    const start = (batch.streamOffsets[row] ?? 0) - 1;
    const end = Math.max(start, start + (batch.sizes[row] ?? 0));
    lastBlob.set(
      batch.path(row),
      table.findIndex((frame) => end < frame.streamOffset + frame.streamLength),
    );
  }
  opened.close();
  const blocks = await blocksOf(at('t.znip'));
  expect(blocks.length).toBeGreaterThan(4);
  return { directory, archive: readFileSync(at('t.znip')), source: describeTree(at('t')), blocks, lastBlob };
}

/** A copy with bits of one byte changed. */
export function flipped(archive: Buffer, offset: number, mask: number): Buffer {
  const bytes = Buffer.from(archive);
  bytes[offset] = (bytes[offset] ?? 0) ^ mask;
  return bytes;
}

export interface Damaged {
  kind: Kind;
  /** Byte of the archive that is changed, or from which on or up to which it is gone. */
  offset: number;
  bytes: Buffer;
  /** The damaged archive as a file. */
  path: string;
}

const KINDS = {
  changed: (archive: Buffer, offset: number): Buffer => flipped(archive, offset, 1 << (offset % 8)),
  cut: (archive: Buffer, offset: number): Buffer => archive.subarray(0, offset),
  beheaded: (archive: Buffer, offset: number): Buffer => archive.subarray(offset + 1),
  'changed at a mark, too,': (archive: Buffer, offset: number): Buffer => {
    const marks = [0, 5, 9, 17, 20, archive.length - 1];
    const mark = marks[(offset >> 2) % marks.length] ?? 0;
    return flipped(flipped(archive, offset, 0x04), mark, 0x20);
  },
};
export type Kind = keyof typeof KINDS;

/** What must hold of one damaged archive; what it returns is counted. */
export type Property = (damaged: Damaged, sample: Sample) => Promise<string>;

/**
 * @param steps one place in so many is damaged: the first number is for every run of the tests, and the second for the
 *   run of all, which leaves out what the other has
 * @returns how often each outcome came
 */
export async function sweep(
  sample: Sample,
  kind: Kind,
  steps: readonly [few: number, many: number],
  isRest: boolean,
  property: Property,
): Promise<Record<string, number>> {
  const { archive, directory } = sample;
  const [few, many] = steps;
  const path = join(directory, 'damaged.znip');
  // The same file each time: opening files is what takes the time in thousands of cases.
  const fd = openSync(path, 'w');
  const outcomes: Record<string, number> = {};
  try {
    for (let offset = 0; offset < archive.length; offset++) {
      if (isRest ? offset % few === 0 || offset % many !== 0 : offset % few !== 0) continue;
      const bytes = KINDS[kind](archive, offset);
      ftruncateSync(fd, bytes.length);
      writeSync(fd, bytes, 0, bytes.length, 0);
      const damaged = { kind, offset, bytes, path };
      const outcome = await property(damaged, sample).catch((cause: unknown) => {
        throw new Error(`${kind} at byte ${offset}: ${String(cause)}`, { cause });
      });
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  } finally {
    closeSync(fd);
  }
  return outcomes;
}

/** The blob that holds this byte, or -1. */
export function blobAt({ blocks }: Sample, offset: number): number {
  return blocks.findIndex(({ blobOffset, end }) => offset >= blobOffset && offset < end);
}

/** Everything that came out is as it was packed. */
export function expectOriginals(tree: Map<string, Described>, source: Map<string, Described>): void {
  for (const [path, { kind, content }] of tree) {
    const { kind: expectedKind, content: expectedContent } = source.get(path) ?? {};
    expect({ path, kind, content }).toEqual({ path, kind: expectedKind, content: expectedContent });
  }
}
