/**
 * What a run of the pipeline needs, on threads or without.
 */
import type { Sink } from '../io/sink.ts';
import type { BaseBlobs } from './base/base-blobs.ts';
import type { ChunkReport } from './chunk/compress.ts';
import type { ChunkPlan } from './plan/chunk-plan.ts';
import type { WriterSettings } from './write/archive-writer.ts';

export interface PipelineOptions {
  /** Worker threads; 1 runs everything on the calling thread. */
  threads: number;
  /** Slots of the ring, at least one. The calling thread alone needs one. */
  slots: number;
  settings: WriterSettings;
  /** Blobs of an older archive, to be taken over. */
  base: BaseBlobs | undefined;
  /** Open for writing, so that the archive goes to its current position; or what takes it on this thread. */
  output: number | Sink;
  outputName: string;
  /** Called with the report about a chunk after it was made. */
  onReport: (report: ChunkReport) => void;
  /** Called when a chunk is in the archive. */
  onChunk: (plan: ChunkPlan, archiveBytes: number) => void;
  signal: AbortSignal | undefined;
}
