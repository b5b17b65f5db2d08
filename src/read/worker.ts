/**
 * The reading worker: piscina calls one of its tasks for one chunk at a time. Chunks lie in shared
 * memory; only small results go back.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { codec } from '../codec/codec.ts';
import { toPlainError, ZnipError, type PlainError } from '../errors.ts';
import type { Frame } from '../format/frame-table.ts';
import { TarReader } from '../format/tar-reader.ts';
import { isStopping, noteLoaded, type ThreadEnds } from '../ring/thread-ends.ts';
import { decodeBlob, type PartTarget, writeFiles, writeParts, type WrittenFiles } from './extract-chunk.ts';
import type { FileColumns } from './extract-plan.ts';
import { type InspectedChunk, inspectChunk } from './inspect-chunk.ts';
import { readFully } from './source.ts';
import { TargetTree } from './target-tree.ts';
import type { WriteSettings } from './write-settings.ts';

/** Decompresses one blob into shared memory and checks its hash. */
export interface DecodeTask {
  blob: number;
  frame: Pick<Frame, 'blobOffset' | 'checksum'>;
  stored: Uint8Array;
  chunk: Uint8Array;
}

/** Writes the files of a chunk that has been decoded. */
export interface WriteTask {
  files: FileColumns;
  parts: PartTarget[];
  chunk: Uint8Array;
  settings: WriteSettings;
}

/** Both, and reads the blob from the archive before. */
export interface ExtractTask extends DecodeTask, WriteTask {
  /** The archive, open for reading. */
  fd: number;
  name: string;
}

/** Decodes a blob and reads the tar headers in it from chunk byte `start` on. */
export interface InspectTask extends DecodeTask {
  start: number;
  streamOffset: number;
}

export interface TaskResult extends WrittenFiles {
  error?: PlainError;
  /** What an `inspect` found. */
  inspected?: InspectedChunk;
}

export type ReadWorkerData = ThreadEnds;

const ends = workerData as ReadWorkerData;
noteLoaded(ends);

const NOTHING: WrittenFiles = { taken: [], checksums: null, damaged: [], refused: [] };

/** Piscina would clone an error, and with that drop its code: errors go back as plain values. */
async function guard(work: () => Promise<TaskResult>): Promise<TaskResult> {
  try {
    // The native hash frees its results in turns of the event loop, and piscina's wait for a task is none.
    await turn();
    if (isStopping(ends)) throw new ZnipError('aborted', 'the run has ended');
    return await work();
  } catch (error) {
    return { ...NOTHING, error: toPlainError(error) };
  }
}

async function decodeChunk({ blob, frame, stored, chunk }: DecodeTask): Promise<WrittenFiles> {
  await decodeBlob(stored, chunk, frame, blob, codec());
  return NOTHING;
}

function writeChunk({ files, parts, chunk, settings }: WriteTask): WrittenFiles {
  const tree = new TargetTree(settings);
  try {
    writeParts(parts, chunk, tree);
    return writeFiles(files, chunk, tree, codec());
  } finally {
    tree.release();
  }
}

export function decode(task: DecodeTask): Promise<TaskResult> {
  return guard(() => decodeChunk(task));
}

export function write(task: WriteTask): Promise<TaskResult> {
  return guard(async () => writeChunk(task));
}

export function inspect(task: InspectTask): Promise<TaskResult> {
  return guard(async () => {
    await decodeChunk(task);
    const { chunk, start, streamOffset } = task;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return { ...NOTHING, inspected: inspectChunk(bytes, start, streamOffset, new TarReader(), codec()) };
  });
}

export function extract(task: ExtractTask): Promise<TaskResult> {
  return guard(async () => {
    readFully(task.fd, task.name, task.stored, task.frame.blobOffset);
    await decodeChunk(task);
    return writeChunk(task);
  });
}
