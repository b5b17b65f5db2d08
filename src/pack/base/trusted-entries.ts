/**
 * The hashes that an older archive has for files whose size and time are unchanged: such files are not read again. Main
 * thread.
 */
import type { Entries } from '../../archive/entries.ts';
import type { EntryBatch } from '../../format/tables/sub-index.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import { startOf, stringAt } from '../../format/values/byte-strings.ts';
import { equalBytes } from '../../format/values/bytes.ts';
import { CHECKSUM_LENGTH } from '../../format/values/constants.ts';
import { KIND } from '../../format/values/entry.ts';
import type { FileChunkPlan } from '../plan/chunk-plan.ts';
import type { MemberColumns } from '../plan/member-columns.ts';

/** An entry of the base. */
interface Row {
  batch: EntryBatch;
  row: number;
}

export class TrustedEntries {
  private readonly entries: Entries;
  /** The entry that comes next if the tree is as it was: mostly it is. */
  private next = 0;
  /** Positions by path, from the first time that it is not. */
  private positions: Map<ByteString, number> | undefined;

  constructor(entries: Entries) {
    this.entries = entries;
  }

  /**
   * The hashes of the files of a chunk, by row; undefined if not all of them are known, or not all of their bytes are in
   * this chunk.
   */
  checksumsOf(plan: FileChunkPlan): Uint8Array | undefined {
    const { members } = plan;
    const expected = this.next;
    // Of a file in several chunks, no chunk has the hash.
    if (plan.last || plan.continuation !== null || plan.overflow !== null || members.contents.size > 0) {
      this.next = expected + members.count;
      return undefined;
    }
    return this.ofUnchanged(members) ?? this.oneByOne(members);
  }

  /** If the members of the chunk are the next entries, and nothing about them has changed: a few comparisons of columns. */
  private ofUnchanged(members: MemberColumns): Uint8Array | undefined {
    const { count, paths, kinds, sizes, mtimes, sourceMtimes } = members;
    const { entries } = this;
    if (count === 0 || this.next + count > entries.length) return undefined;
    const { batch, row: from } = entries.at(this.next);
    if (entries.runLength(this.next, count) < count) return undefined;
    const { plain } = batch;
    if (plain === undefined) return undefined;
    const to = from + count;
    const start = startOf(plain.pathEnds, from);
    const isSame =
      equalBytes(plain.paths.subarray(start, plain.pathEnds[to - 1]), paths.bytes) &&
      equalBytes(plain.kinds.subarray(from, to), kinds) &&
      equalBytes(bytesOf(plain.sizes.subarray(from, to)), bytesOf(sizes)) &&
      equalBytes(bytesOf(plain.mtimes.subarray(from, to)), bytesOf(sourceMtimes ?? mtimes));
    if (!isSame) return undefined;
    for (let row = 0; row < count; row++) {
      if ((plain.pathEnds[from + row] ?? 0) - start !== paths.ends[row] || batch.changed(from + row))
        return undefined;
    }
    this.next += count;
    return plain.checksums.slice(from * CHECKSUM_LENGTH, to * CHECKSUM_LENGTH);
  }

  private oneByOne(members: MemberColumns): Uint8Array | undefined {
    const checksums = new Uint8Array(members.count * CHECKSUM_LENGTH);
    const times = members.sourceMtimes ?? members.mtimes;
    let isKnown = true;
    // To the end, so that the next chunk finds its place.
    for (let row = 0; row < members.count; row++) {
      const found = this.find(stringAt(members.paths, row));
      if (members.kinds[row] !== KIND.file) continue;
      const checksum = found?.batch.checksum(found.row) ?? null;
      isKnown &&=
        found !== undefined &&
        checksum !== null &&
        found.batch.sizes[found.row] === members.sizes[row] &&
        found.batch.mtimes[found.row] === times[row] &&
        !found.batch.changed(found.row);
      if (isKnown && checksum !== null) checksums.set(checksum, row * CHECKSUM_LENGTH);
    }
    return isKnown ? checksums : undefined;
  }

  private find(path: ByteString): Row | undefined {
    const { entries } = this;
    let position: number | undefined = this.next;
    if (position >= entries.length || entries.rawPath(position) !== path) {
      position = this.positionOf(path);
      if (position === undefined) return undefined;
    }
    this.next = position + 1;
    return entries.at(position);
  }

  private positionOf(path: ByteString): number | undefined {
    if (this.positions === undefined) {
      this.positions = new Map();
      for (let i = 0; i < this.entries.length; i++) this.positions.set(this.entries.rawPath(i), i);
    }
    return this.positions.get(path);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | BigInt64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
