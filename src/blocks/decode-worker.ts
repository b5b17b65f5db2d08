/**
 * The worker that decodes. piscina calls one of its tasks for one chunk at a time. Chunks lie in shared memory; only
 * small results go back.
 */
import { codec } from '../codec/codec.ts';
import type { Frame } from '../format/tables/frame-table.ts';
import { TarReader } from '../format/tar/tar-reader.ts';
import { workerIsLoaded, workerTask } from '../threads/worker-task.ts';
import { decodeBlob } from './decode-blob.ts';
import { inspectChunk } from './inspect-chunk.ts';

/** Decompresses one blob into shared memory and checks its hash. */
export interface DecodeTask {
  blob: number;
  frame: Pick<Frame, 'blobOffset' | 'checksum'>;
  stored: Uint8Array;
  chunk: Uint8Array;
}

/** Decodes a blob and reads the tar headers in it from chunk byte `start` on. */
export interface InspectTask extends DecodeTask {
  start: number;
  streamOffset: number;
}

workerIsLoaded();

export const decode = workerTask((task: DecodeTask) => decodeTask(task));

export const inspect = workerTask(async (task: InspectTask) => {
  await decodeTask(task);
  const { chunk, start, streamOffset } = task;
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return inspectChunk(bytes, start, streamOffset, new TarReader(), codec());
});

function decodeTask({ blob, frame, stored, chunk }: DecodeTask): Promise<void> {
  return decodeBlob(stored, chunk, frame, blob, codec());
}
