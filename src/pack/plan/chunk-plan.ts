/**
 * What the main thread decides about a chunk: which members it holds, and where their bytes are. The bytes of a tree
 * are in files that the worker reads; those of a tar stream are already in the slot.
 */
import type { Remark } from '../../format/remarks.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import type { Group } from '../../format/values/entry.ts';
import type { Slot } from '../../threads/ring.ts';
import type { MemberColumns } from './member-columns.ts';

/** A run of one member's data in one chunk. */
export interface MemberPart {
  path: ByteString;
  /** First byte of the run within the member's content. */
  fileOffset: number;
  /** Bytes of the run. */
  length: number;
  /** Bytes of the whole content; UNKNOWN_SIZE before the last part. */
  size: number;
  /** The member has an entry in the index, because the index knows its kind. */
  indexed: boolean;
}

/** A run of one file's data. The main thread opened the file, and closes it. */
export interface FilePart extends MemberPart {
  fd: number;
  /** Byte of the file at which the content starts, where that is a spool, which stays open; null for a file as it is. */
  spoolOffset: number | null;
  /** The name that was opened, for messages. */
  source: ByteString;
  /** The file's own mtime, as the walk found it. */
  mtime: bigint;
}

/**
 * The size of a member whose end has not arrived. Its header is alone in a chunk that is stored, so that the writer can
 * write it again when the size is known.
 */
export const UNKNOWN_SIZE = Infinity;

interface CommonPlan {
  /** Number of the chunk in the archive, from 0. */
  sequence: number;
  /** The end of the tar stream, and nothing else. */
  last: boolean;
  /** The chunk begins with data of a member whose header is in an earlier chunk. */
  continuation: MemberPart | null;
  members: MemberColumns;
  /** The last member's data continues in the next chunk; this is the part of it in this chunk. */
  overflow: MemberPart | null;
  /** Groups that no earlier plan has announced; their numbers follow the earlier ones. */
  newGroups: Group[];
}

/** A chunk that its worker fills, from files. */
export interface FileChunkPlan extends CommonPlan {
  filled: null;
  /**
   * BLAKE3 of each file, by row, where an older archive has them: then the files are read only if that archive does not have
   * the chunk.
   */
  known?: Uint8Array | undefined;
  /** Whoever reads a file notes what it has of attributes, because none are recorded. */
  notesAttributes: boolean;
  continuation: FilePart | null;
  overflow: FilePart | null;
}

/** What is in a slot that the main thread has filled. */
export interface FilledSlot {
  chunkLength: number;
  /** Chunk byte of the first tar header; undefined if there is none. */
  firstHeaderOffset: number | undefined;
  /** Bytes of chunk that belong to a member of an earlier chunk, including padding. */
  continuationLength: number;
  /** Chunk byte at which each member's data starts, by row. */
  dataOffsets: Uint32Array;
  /** The chunk is stored without compression, whatever it holds. */
  stored: boolean;
}

/** What an index has said about the members of a chunk. */
export interface KnownResults {
  /** BLAKE3 of each content, by row; zeros for what is no file. */
  checksums: Uint8Array;
  /** 1 for a file that changed while it was packed, by row. */
  changed: Uint8Array;
}

/** A blob of another archive. */
export interface StoredBlob {
  /** Open for reading. */
  fd: number;
  offset: number;
  length: number;
  /** BLAKE3 of the blob. */
  checksum: Uint8Array;
  /** It is a frame of raw blocks. */
  stored: boolean;
}

/** A chunk whose blob is that of another archive. */
export interface CopiedBlob extends StoredBlob {
  /** Of the other archive, for messages. */
  name: string;
  /** Stands for the bytes of the chunk, see `format/fingerprint.ts`. */
  fingerprint: Uint8Array;
}

/** A chunk that the main thread has filled, from a stream; or one that is copied, and in no slot yet. */
export interface FilledChunkPlan extends CommonPlan {
  /** What the index cannot say about members in the chunk; headers by chunk byte. */
  remarks?: Remark[];
  filled: FilledSlot;
  /** If the members come with their hashes: they are not hashed again, and may go on in the next chunk. */
  known?: KnownResults;
  copied?: CopiedBlob;
}

export type ChunkPlan = FileChunkPlan | FilledChunkPlan;

/** Bytes of content that the plan's chunk holds. */
export function contentLength({ members, continuation, overflow }: ChunkPlan): number {
  let total = continuation?.indexed === true ? continuation.length : 0;
  const whole = overflow === null ? members.count : members.count - 1;
  for (let row = 0; row < whole; row++) total += members.sizes[row] ?? 0;
  return total + (overflow?.length ?? 0);
}

/** Returns the slot of a chunk when it is free. Throws if something stops the run meanwhile. */
export type AcquireSlot = (sequence: number) => Promise<Slot>;
