/**
 * The frame table: one row for each blob, in archive order. It turns ranges of the tar stream into blobs.
 * Implements docs/format.md, "Frame table".
 */
import { ZnipError } from '../../errors.ts';
import { CHECKSUM_LENGTH, MAX_CHUNK_SIZE } from '../values/constants.ts';
import { maxBlobLength } from '../zstd/zstd-frame.ts';
import { boolColumn, checksumColumn, type Column, uint64Column, Validity } from './table-columns.ts';
import { decodeTable } from './table-reader.ts';

export interface Frame {
  /** Where the chunk starts in the tar stream. */
  streamOffset: number;
  /** Bytes of tar stream in the chunk. */
  streamLength: number;
  /** Archive byte at which the zstd frame starts. */
  blobOffset: number;
  blobLength: number;
  /** The blob is a frame of raw blocks. */
  stored: boolean;
  /** BLAKE3 hash of the blob. */
  checksum: Uint8Array;
  /** Stands for the bytes of the chunk, see `format/fingerprint.ts`; null if the writer did not make one. */
  fingerprint: Uint8Array | null;
}

export function frameColumns(frames: readonly Frame[]): Column[] {
  const numbers = (pick: (frame: Frame) => number): Float64Array => Float64Array.from(frames, pick);
  const checksums = new Uint8Array(frames.length * CHECKSUM_LENGTH);
  const fingerprints = new Uint8Array(frames.length * CHECKSUM_LENGTH);
  const isKnown = new Validity();
  frames.forEach(({ checksum, fingerprint }, i) => {
    checksums.set(checksum, i * CHECKSUM_LENGTH);
    if (fingerprint !== null) fingerprints.set(fingerprint, i * CHECKSUM_LENGTH);
    isKnown.append(i, fingerprint !== null);
  });
  return [
    uint64Column(
      'stream_offset',
      numbers((frame) => frame.streamOffset),
    ),
    uint64Column(
      'stream_length',
      numbers((frame) => frame.streamLength),
    ),
    uint64Column(
      'blob_offset',
      numbers((frame) => frame.blobOffset),
    ),
    uint64Column(
      'blob_length',
      numbers((frame) => frame.blobLength),
    ),
    boolColumn('stored', frames.length, (row) => frames[row]?.stored === true),
    checksumColumn('checksum', checksums),
    checksumColumn('fingerprint', fingerprints, isKnown),
  ];
}

/** Reads a frame table's Arrow stream. Throws `damaged-frame-table`. */
export function decodeFrameTable(stream: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  for (const batch of decodeTable(stream, 'damaged-frame-table', 'the frame table').batches) {
    const streamOffsets = batch.uint64('stream_offset');
    const streamLengths = batch.uint64('stream_length');
    const blobOffsets = batch.uint64('blob_offset');
    const blobLengths = batch.uint64('blob_length');
    const stored = batch.bool('stored');
    const { bytes, isNull } = batch.checksums('checksum');
    const fingerprints = batch.has('fingerprint') ? batch.checksums('fingerprint') : undefined;
    for (let row = 0; row < batch.length; row++) {
      if (isNull(row)) throw new ZnipError('damaged-frame-table', `row ${row} has no checksum`);
      frames.push({
        streamOffset: streamOffsets[row] ?? 0,
        streamLength: streamLengths[row] ?? 0,
        blobOffset: blobOffsets[row] ?? 0,
        blobLength: blobLengths[row] ?? 0,
        stored: stored(row),
        checksum: bytes.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH),
        fingerprint:
          fingerprints === undefined || fingerprints.isNull(row)
            ? null
            : fingerprints.bytes.subarray(row * CHECKSUM_LENGTH, (row + 1) * CHECKSUM_LENGTH),
      });
    }
  }
  return frames;
}

/**
 * Checks that the frames cover the tar stream from 0 on without gap or overlap, that each chunk has a length that the
 * format allows, and that the blobs come in order before `blobsEnd`. No blob may be longer than its chunk would be if
 * it were stored. Throws `inconsistent`.
 */
export function checkFrames(frames: readonly Frame[], blobsEnd: number): void {
  let stream = 0;
  let archive = 0;
  frames.forEach((frame, blob) => {
    const fault =
      frame.streamOffset !== stream
        ? `starts at stream byte ${frame.streamOffset}, expected ${stream}`
        : frame.streamLength === 0 || frame.streamLength > MAX_CHUNK_SIZE
          ? `holds ${frame.streamLength} bytes, expected 1 to ${MAX_CHUNK_SIZE}`
          : frame.blobOffset < archive
            ? `lies at archive byte ${frame.blobOffset}, within what stands before it`
            : frame.blobLength === 0 || frame.blobOffset + frame.blobLength > blobsEnd
              ? `has ${frame.blobLength} bytes at ${frame.blobOffset}, outside the blobs`
              : frame.blobLength > maxBlobLength(frame.streamLength)
                ? `has ${frame.blobLength} bytes for a chunk of ${frame.streamLength}`
                : undefined;
    if (fault !== undefined) {
      throw new ZnipError('inconsistent', `frame table: blob ${blob} ${fault}`, { blob });
    }
    stream += frame.streamLength;
    archive = frame.blobOffset + frame.blobLength;
  });
}

/** Index of the frame that holds this byte of the tar stream; -1 if none does. */
export function findFrame(frames: readonly Frame[], streamOffset: number): number {
  let low = 0;
  let high = frames.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const frame = frames[middle] as Frame;
    if (streamOffset < frame.streamOffset) high = middle - 1;
    else if (streamOffset >= frame.streamOffset + frame.streamLength) low = middle + 1;
    else return middle;
  }
  return -1;
}
