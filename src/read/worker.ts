/**
 * The extraction worker: piscina calls it with one blob at a time.
 */
import { workerData } from 'node:worker_threads';
import { codec } from '../codec/codec.ts';
import { toPlainError, type PlainError } from '../errors.ts';
import type { Frame } from '../format/frame-table.ts';
import { decodeBlob, type PartTarget, writeFiles, writeParts } from './extract-chunk.ts';
import type { FileColumns } from './extract-plan.ts';
import { readFully } from './source.ts';
import type { WriteSettings } from './write-file.ts';

export interface ExtractWorkerData {
  /** The archive, open for reading. */
  fd: number;
  name: string;
  settings: WriteSettings;
}

export interface ExtractTask {
  blob: number;
  frame: Frame;
  files: FileColumns;
  parts: PartTarget[];
  /** Takes the blob. */
  stored: Uint8Array;
  /** Takes the chunk; shared, because the main thread hashes large files from it. */
  chunk: Uint8Array;
}

export interface ExtractTaskResult {
  /** Rows of `files` whose names were taken. */
  taken: number[];
  error?: PlainError;
}

const { fd, name, settings } = workerData as ExtractWorkerData;

export default async function extractTask(task: ExtractTask): Promise<ExtractTaskResult> {
  try {
    const taken = await extract(task, fd, name, settings);
    return { taken };
  } catch (error) {
    return { taken: [], error: toPlainError(error) };
  }
}

async function extract(
  { blob, frame, files, parts, stored, chunk }: ExtractTask,
  archive: number,
  archiveName: string,
  write: WriteSettings,
): Promise<number[]> {
  readFully(archive, archiveName, stored, frame.blobOffset);
  await decodeBlob(stored, chunk, frame, blob, codec());
  writeParts(parts, chunk);
  return writeFiles(files, chunk, write, codec());
}
