/**
 * Makes plans of the chunks of an archive that is made from others: what they have in common, wherever their members come from; and
 * chunks of members that are made anew. Main thread.
 */
import { ChunkReader, readContent } from '../archive/member-reader.ts';
import type { Remark } from '../format/remarks.ts';
import { encodeTarHeader, paddedLength, tarHeaderLength } from '../format/tar/tar-header.ts';
import { TAR_END_LENGTH } from '../format/values/constants.ts';
import type { Group } from '../format/values/entry.ts';
import { AnnouncedGroups } from '../pack/plan/announced-groups.ts';
import type { AcquireSlot, FilledChunkPlan, MemberPart } from '../pack/plan/chunk-plan.ts';
import type { Slot } from '../threads/ring.ts';
import type { GrowSource, RemadeMember } from './grow-source.ts';
import { KnownMembers } from './known-members.ts';

export interface GrownOptions {
  /** Bytes that a chunk has at most: those of the source with the longest. */
  chunkSize: number;
  /** Compress every chunk anew. */
  recompress: boolean;
}

export class ChunkBuilder {
  private readonly acquireSlot: AcquireSlot;
  private readonly options: GrownOptions;
  private readonly groups = new AnnouncedGroups();
  private sequence = 0;

  constructor(acquire: AcquireSlot, options: GrownOptions) {
    this.acquireSlot = acquire;
    this.options = options;
  }

  /** The slot of the next chunk. */
  acquire(): Promise<Slot> {
    return this.acquireSlot(this.sequence);
  }

  numberOf(group: Group): number {
    return this.groups.numberOf(group);
  }

  plan(
    found: KnownMembers,
    chunk: {
      chunkLength: number;
      continuation: MemberPart | null;
      continuationLength: number;
      firstHeaderOffset: number | undefined;
      remarks: Remark[];
      copied?: FilledChunkPlan['copied'];
    },
  ): FilledChunkPlan {
    const { chunkLength, continuation, continuationLength, firstHeaderOffset, remarks, copied } = chunk;
    const { members, known, dataOffsets } = found.finish();
    return {
      sequence: this.sequence++,
      last: false,
      continuation,
      members,
      overflow: null,
      newGroups: this.groups.takeAnnounced(),
      remarks,
      filled: { chunkLength, firstHeaderOffset, continuationLength, dataOffsets, stored: false },
      known,
      ...(copied === undefined ? {} : { copied }),
    };
  }

  async end(): Promise<FilledChunkPlan> {
    const { input } = await this.acquire();
    input.fill(0, 0, TAR_END_LENGTH);
    const nothing = { continuation: null, continuationLength: 0, firstHeaderOffset: undefined, remarks: [] };
    return { ...this.plan(new KnownMembers(), { ...nothing, chunkLength: TAR_END_LENGTH }), last: true };
  }

  /** Chunks with members that are made anew. */
  async *remade(source: GrowSource, members: readonly RemadeMember[]): AsyncGenerator<FilledChunkPlan, void> {
    const { chunkSize } = this.options;
    const chunks = await ChunkReader.open(source.archive);
    let found = new KnownMembers();
    let slot: Slot | undefined;
    let filled = 0;
    let continuation: MemberPart | null = null;
    let first: number | undefined;
    const finish = (): FilledChunkPlan => {
      const continuationLength = continuation === null ? 0 : paddedLength(continuation.length);
      const made = {
        chunkLength: filled,
        continuation,
        continuationLength,
        firstHeaderOffset: first,
        remarks: [],
      };
      const plan = this.plan(found, made);
      found = new KnownMembers();
      slot = undefined;
      filled = 0;
      continuation = null;
      first = undefined;
      return plan;
    };
    for (const { member, group, content } of members) {
      const headerLength = tarHeaderLength(member);
      const length = headerLength + paddedLength(member.size);
      if (filled > 0 && filled + Math.min(length, chunkSize) > chunkSize) yield finish();
      slot ??= await this.acquire();
      first ??= filled;
      encodeTarHeader(slot.input, filled, member);
      filled += headerLength;
      const { batch, row } = content ?? { batch: undefined, row: 0 };
      const facts = { checksum: batch?.checksum(row) ?? null, changed: batch?.changed(row) === true };
      found.append(member, this.numberOf(group), filled, facts);
      if (content === undefined) continue;
      let done = 0;
      for await (const piece of readContent(chunks, content)) {
        for (let at = 0; at < piece.byteLength;) {
          if (filled === chunkSize) {
            yield finish();
            slot = await this.acquire();
            continuation = {
              path: member.path,
              fileOffset: done,
              length: 0,
              size: member.size,
              indexed: false,
            };
          }
          slot ??= await this.acquire();
          const part = piece.subarray(at, at + chunkSize - filled);
          slot.input.set(part, filled);
          if (continuation !== null) continuation.length += part.byteLength;
          at += part.byteLength;
          filled += part.byteLength;
          done += part.byteLength;
        }
      }
      const padding = paddedLength(member.size) - member.size;
      slot.input.fill(0, filled, filled + padding);
      filled += padding;
    }
    if (filled > 0) yield finish();
  }
}
