/**
 * The worker that unpacks: piscina calls one of its tasks for one chunk at a time. Chunks lie in shared memory; only
 * small results go back.
 */
import { decodeBlob } from '../blocks/decode-blob.ts';
import type { DecodeTask } from '../blocks/decode-worker.ts';
import { codec } from '../codec/codec.ts';
import { readFully } from '../io/source.ts';
import type { FileColumns, PartTarget } from '../target/chunk-files.ts';
import { TargetTree } from '../target/target-tree.ts';
import { writeChunk, type WrittenFiles } from '../target/write-files.ts';
import type { WriteSettings } from '../target/write-settings.ts';
import { setTimes, type TimesTask } from '../target/written-times.ts';
import { workerIsLoaded, workerTask } from '../threads/worker-task.ts';

/** Writes the files of a chunk that has been decoded. */
export interface WriteTask {
  files: FileColumns;
  parts: PartTarget[];
  chunk: Uint8Array;
  settings: WriteSettings;
}

/** Decodes a chunk and writes its files. If the archive is a file, reads the blob from it first. */
export interface ExtractTask extends DecodeTask, WriteTask {
  /** The archive, open for reading; undefined if the blob is in `stored` already. */
  fd: number | undefined;
  name: string;
}

workerIsLoaded();

export const decode = workerTask((task: DecodeTask) => decodeTask(task));

export const write = workerTask((task: WriteTask) => writeTask(task));

export const times = workerTask((task: TimesTask) => setTimes(task));

export const extract = workerTask(async (task: ExtractTask) => {
  if (task.fd !== undefined) readFully(task.fd, task.name, task.stored, task.frame.blobOffset);
  await decodeTask(task);
  return writeTask(task);
});

function decodeTask({ blob, frame, stored, chunk }: DecodeTask): Promise<void> {
  return decodeBlob(stored, chunk, frame, blob, codec());
}

function writeTask(task: WriteTask): WrittenFiles {
  const tree = new TargetTree(task.settings);
  try {
    return writeChunk(task, task.chunk, tree, codec());
  } finally {
    tree.release();
  }
}
