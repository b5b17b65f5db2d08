/**
 * The ring: slots of shared memory, of fixed number and size, that carry chunks between threads; and their control
 * words.
 *
 * One slot holds one chunk on its way. The input area takes tar stream, the output area takes the frame made of it, and
 * the rest says what happened to each member. Chunk number `sequence` uses slot `sequence % slotCount`, so the
 * ring is the only queue and its size is the only memory limit.
 *
 * Each slot has one control word. It only ever rises, one step for each hand-over. So no reset can race with a waiting
 * thread, and no wake-up can be lost: the thread passes the value that it saw to Atomics.wait, which returns at once if
 * the word has changed.
 *
 *     2 * sequence        free for chunk `sequence`: set by the writer (or at the start), main waits for it
 *     2 * sequence + 1    chunk `sequence` is compressed: set by the worker, the writer waits for it
 */
import { ZnipError } from '../errors.ts';
import { CHECKSUM_LENGTH, TAR_RECORD } from '../format/values/constants.ts';

/** Length of the numbers about a whole chunk, see `pack/chunk/chunk-record.ts`. */
const CHUNK_FIELDS_LENGTH = 96;
/** What is hashed of a part of a content, see `codec/backends.ts`. */
const SUBTREES_LENGTH = 54 * CHECKSUM_LENGTH;
/** Bytes of what is said about one member. */
const MEMBER_LENGTH = 8 + CHECKSUM_LENGTH + 4 + 4;

/** What threads pass to each other so that each can map the same memory. */
export interface RingMemory {
  control: SharedArrayBuffer;
  slots: SharedArrayBuffer[];
  chunkSize: number;
}

export interface Slot {
  /** Takes the tar stream: `chunkSize` bytes, and one more record, to notice a file that grew. */
  input: Buffer;
  /** Takes the compressed frame. A frame that needs more than this is not used. */
  output: Buffer;
  /** Takes the numbers about the whole chunk. */
  fields: Buffer;
  members: MemberResults;
  /** Takes what was hashed of the part at the chunk's start, and of the one at its end. */
  subtrees: { continuation: Buffer; overflow: Buffer };
}

/** What happened to the members of a chunk. Row i of every column is member i. */
export interface MemberResults {
  /** Chunk byte at which the data starts. */
  dataOffsets: Uint32Array;
  /** See `pack/chunk/chunk-record.ts`. */
  flags: Uint32Array;
  /** Bytes of content: fewer than planned if the file had shrunk. */
  sizes: Float64Array;
  /** BLAKE3 of each content, one after the other; has no meaning for members that continue in the next chunk. */
  checksums: Buffer;
}

/** Every member takes at least one tar record. One more member may end in this chunk. */
function mostMembers(chunkSize: number): number {
  return chunkSize / TAR_RECORD + 1;
}

function recordsLength(chunkSize: number): number {
  return CHUNK_FIELDS_LENGTH + 2 * SUBTREES_LENGTH + mostMembers(chunkSize) * MEMBER_LENGTH;
}

/** Bytes of shared memory of one slot. */
export function slotLength(chunkSize: number): number {
  return chunkSize + TAR_RECORD + chunkSize + recordsLength(chunkSize);
}

export function createRing(slotCount: number, chunkSize: number): RingMemory {
  const control = new SharedArrayBuffer(slotCount * 4);
  const words = new Int32Array(control);
  for (let slot = 0; slot < slotCount; slot++) words[slot] = 2 * slot;
  const slots = Array.from({ length: slotCount }, () => new SharedArrayBuffer(slotLength(chunkSize)));
  return { control, slots, chunkSize };
}

/** One thread's view of the ring. */
export class Ring {
  readonly slotCount: number;
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly slots: Slot[];
  private closed = false;

  constructor(memory: RingMemory) {
    this.words = new Int32Array(memory.control);
    this.slotCount = memory.slots.length;
    this.slots = memory.slots.map((buffer) => mapSlot(buffer, memory.chunkSize));
  }

  slot(sequence: number): Slot {
    const slot = this.slots[sequence % this.slotCount];
    if (slot === undefined) throw new RangeError(`no slot for chunk ${sequence}`);
    return slot;
  }

  /** Main thread: resolves when the slot of chunk `sequence` is free. Does not block the event loop. */
  async acquire(sequence: number): Promise<void> {
    const index = sequence % this.slotCount;
    for (;;) {
      const word = Atomics.load(this.words, index);
      if (word === 2 * sequence) return;
      if (this.closed) throw new ZnipError('aborted', 'the ring is closed');
      // Woken by the writer's release(), the only call that moves the word to an even value, or by close().
      const { async, value } = Atomics.waitAsync(this.words, index, word);
      if (async) await value;
    }
  }

  /** Main thread: ends what waits in `acquire`. Such a wait would keep the ring's memory for ever. */
  close(): void {
    this.closed = true;
    for (let index = 0; index < this.slotCount; index++) Atomics.notify(this.words, index);
  }

  /** Worker: the slot now holds chunk `sequence`, compressed. Wakes the writer. */
  publish(sequence: number): void {
    this.hand(sequence % this.slotCount, 2 * sequence + 1);
  }

  /** Writer: blocks until chunk `sequence` is compressed. */
  waitPublished(sequence: number): void {
    const index = sequence % this.slotCount;
    for (;;) {
      const word = Atomics.load(this.words, index);
      if (word === 2 * sequence + 1) return;
      // Woken by publish() of the worker that has this chunk.
      Atomics.wait(this.words, index, word);
    }
  }

  /** Writer: chunk `sequence` is written, so its slot may take the next chunk. Wakes the main thread. */
  release(sequence: number): void {
    this.hand(sequence % this.slotCount, 2 * (sequence + this.slotCount));
  }

  private hand(index: number, word: number): void {
    // The store comes first, because a thread that wakes up or arrives now must find the new value. All stores to the
    // slot's memory come before it in program order, and Atomics.store makes them visible with it.
    Atomics.store(this.words, index, word);
    Atomics.notify(this.words, index);
  }
}

/** A slot in ordinary memory, for runs without threads. */
export function createSlot(chunkSize: number): Slot {
  return mapSlot(new ArrayBuffer(slotLength(chunkSize)), chunkSize);
}

function mapSlot(buffer: ArrayBuffer | SharedArrayBuffer, chunkSize: number): Slot {
  let at = 0;
  const bytes = (length: number): Buffer => {
    at += length;
    return Buffer.from(buffer, at - length, length);
  };
  const input = bytes(chunkSize + TAR_RECORD);
  const output = bytes(chunkSize);
  const fields = bytes(CHUNK_FIELDS_LENGTH);
  const subtrees = { continuation: bytes(SUBTREES_LENGTH), overflow: bytes(SUBTREES_LENGTH) };
  // All of these lengths are multiples of 8, as the columns of numbers need it.
  const most = mostMembers(chunkSize);
  const sizes = new Float64Array(buffer, at, most);
  const checksums = Buffer.from(buffer, at + sizes.byteLength, most * CHECKSUM_LENGTH);
  const dataOffsets = new Uint32Array(buffer, checksums.byteOffset + checksums.byteLength, most);
  const flags = new Uint32Array(buffer, dataOffsets.byteOffset + dataOffsets.byteLength, most);
  return { input, output, fields, subtrees, members: { dataOffsets, flags, sizes, checksums } };
}
