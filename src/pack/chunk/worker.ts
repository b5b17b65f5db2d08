/**
 * The pack worker. piscina calls it with one plan at a time. It fills the plan's slot, compresses it and publishes it
 * to the writer. Only its report goes back to the main thread.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import type { CompressionSettings } from '../../codec/backends.ts';
import { codec } from '../../codec/codec.ts';
import { toPlainError, type PlainError } from '../../errors.ts';
import { Ring, type RingMemory } from '../../threads/ring.ts';
import { isStopping, noteLoaded, type ThreadEnds } from '../../threads/thread-ends.ts';
import { type BaseBlobs, BaseReader } from '../base/base-blobs.ts';
import type { ChunkPlan } from '../plan/chunk-plan.ts';
import { type ChunkReport, compressChunk } from './compress.ts';

export interface PackWorkerData {
  ring: RingMemory;
  settings: CompressionSettings;
  base: BaseBlobs | undefined;
  ends: ThreadEnds;
}

export interface PackTaskResult {
  /** undefined if the chunk was not made. */
  report?: ChunkReport;
  error?: PlainError;
}

const { ring: memory, settings, base: blobs, ends } = workerData as PackWorkerData;
const ring = new Ring(memory);
let base: BaseReader | undefined;
noteLoaded(ends);

export default async function packTask(plan: ChunkPlan): Promise<PackTaskResult> {
  // Buffers from native code are freed in turns of the event loop. Piscina's wait for a task gives it no turn.
  await turn();
  if (isStopping(ends)) return {};
  try {
    base ??= blobs === undefined ? undefined : new BaseReader(blobs, codec());
    const report = await compressChunk(plan, ring.slot(plan.sequence), settings, codec(), base);
    ring.publish(plan.sequence);
    return { report };
  } catch (error) {
    // Piscina would clone the error and drop its code.
    return { error: toPlainError(error) };
  }
}
