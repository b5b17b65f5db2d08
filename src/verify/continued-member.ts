/**
 * The member in which a chunk ends, and what the next block must therefore say and hold. Main thread. Implements
 * docs/format.md, "Block header": continuation.
 */
import type { ScannedBlock } from '../blocks/block-scanner.ts';
import type { InspectedChunk } from '../blocks/inspect-chunk.ts';
import type { Hasher } from '../codec/backends.ts';
import { codec } from '../codec/codec.ts';
import type { BlockHeader } from '../format/block-header.ts';
import { paddedLength } from '../format/tar/tar-header.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import type { DamageList } from './damage.ts';

interface ComparedMember {
  path: ByteString;
  size: number;
  done: number;
  /** Tar stream byte at which its content starts, and its hash so far; undefined for members that no index knows. */
  content: { streamOffset: number; hasher: Hasher } | undefined;
}

export class ContinuedMember {
  private readonly list: DamageList;
  private open: ComparedMember | undefined;
  /** It is not known what the next chunk continues. */
  private unknown = false;

  constructor(list: DamageList) {
    this.list = list;
  }

  get isWithin(): boolean {
    return this.open !== undefined;
  }

  /** What a block header says about a continued member must be true, if the truth is known. */
  checkHeader({ header, number, headerOffset }: ScannedBlock): void {
    const { continuation, firstHeaderOffset, chunkLength, last, streamOffset } = header;
    const wrong = (why: string): void =>
      void this.list.add(
        'wrong-block-header',
        `the header of block ${number} at byte ${headerOffset} ${why}`,
        {
          blob: number,
          offset: headerOffset,
          members: continuation === undefined ? [] : [toText(continuation.path)],
        },
      );
    if (continuation === undefined) {
      const expected = last ? undefined : 0;
      if (firstHeaderOffset !== expected)
        wrong(`says that tar headers start at ${firstHeaderOffset ?? 'none'}`);
    } else {
      const left = continuation.memberSize - continuation.memberOffset;
      const expected = left < chunkLength ? paddedLength(left) : chunkLength;
      if ((firstHeaderOffset ?? chunkLength) !== Math.min(expected, chunkLength)) {
        wrong(
          `says that tar headers start at chunk byte ${firstHeaderOffset ?? 'none'}, expected ${expected}`,
        );
      }
    }
    const { open } = this;
    if (this.unknown || streamOffset === 0) {
      if (streamOffset === 0 && continuation !== undefined) wrong('goes on with a member that never began');
      return;
    }
    if (open === undefined && continuation !== undefined) {
      wrong(`goes on with '${toText(continuation.path)}', but no member is unfinished`);
    } else if (open !== undefined && continuation === undefined) {
      wrong(`does not go on with '${toText(open.path)}', which is unfinished`);
    } else if (open !== undefined && continuation !== undefined) {
      const { path, memberOffset, memberSize } = continuation;
      if (path !== open.path || memberOffset !== open.done || memberSize !== open.size) {
        const found = `byte ${memberOffset} of ${memberSize} of '${toText(path)}'`;
        wrong(`goes on at ${found}, expected byte ${open.done} of ${open.size} of '${toText(open.path)}'`);
      }
    }
  }

  /** Takes the member's bytes from a chunk. Returns the hash of its content if it ends there and all of it was seen. */
  goOn(
    { continuation }: BlockHeader,
    chunk: Buffer,
  ): { streamOffset: number; checksum: Uint8Array } | undefined {
    const { open, unknown } = this;
    this.unknown = false;
    if (open === undefined) {
      // What continued from a lost block continues from here, by what the header says.
      if (!unknown || continuation === undefined) return undefined;
      const { path, memberOffset, memberSize: size } = continuation;
      const done = memberOffset + chunk.byteLength;
      if (done < size) this.open = { path, size, done, content: undefined };
      return undefined;
    }
    const length = Math.min(open.size - open.done, chunk.byteLength);
    open.content?.hasher.update(chunk.subarray(0, length));
    open.done += length;
    if (open.done < open.size) return undefined;
    this.open = undefined;
    if (open.content === undefined) return undefined;
    const { streamOffset, hasher } = open.content;
    return { streamOffset, checksum: hasher.digest() };
  }

  /** Remembers the member in which a chunk ends, if there is one. */
  begin(header: BlockHeader, { unfinished, members }: InspectedChunk, chunk: Buffer): void {
    if (unfinished === null) return;
    const row = members.count - 1;
    const isFile = unfinished.indexed && members.kinds[row] === KIND.file;
    let content: ComparedMember['content'];
    if (isFile) {
      const dataOffset = members.dataOffsets[row] ?? 0;
      content = { streamOffset: header.streamOffset + dataOffset, hasher: codec().createHasher() };
      content.hasher.update(chunk.subarray(dataOffset, dataOffset + unfinished.done));
    }
    const { path, size, done } = unfinished;
    this.open = { path, size, done, content };
  }

  /**
   * For a chunk whose tar headers cannot be found: the member in which it ends is known only if the whole chunk belongs
   * to it.
   */
  loseUnlessWithin(): void {
    this.unknown = this.open === undefined;
  }

  /** The next chunk is lost. Returns the path of the member that it would have continued, if that is known. */
  lose(): ByteString | undefined {
    const path = this.open?.path;
    this.open = undefined;
    this.unknown = true;
    return path;
  }
}
