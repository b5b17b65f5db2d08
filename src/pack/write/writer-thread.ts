/**
 * The writer thread: takes chunks from the ring in order, writes their blocks, and frees the slots.
 *
 * It blocks on the ring's control words, and reads the plan of a chunk only when the chunk is there. The main thread
 * posts the plan before it hands the chunk to a worker, so the plan has arrived by then.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { codec } from '../../codec/codec.ts';
import { toPlainError, ZnipError, type PlainError } from '../../errors.ts';
import { FdSink, type Sink } from '../../io/sink.ts';
import { Ring, type RingMemory } from '../../threads/ring.ts';
import { noteLoaded, type ThreadEnds } from '../../threads/thread-ends.ts';
import type { ChunkPlan } from '../plan/chunk-plan.ts';
import { type ArchiveSummary, ArchiveWriter, type WriterSettings } from './archive-writer.ts';
import { type RelayMemory, RelaySink } from './relay.ts';

export interface WriterThreadData {
  ring: RingMemory;
  settings: WriterSettings;
  /** Open for writing; or what carries the archive to the main thread, which writes it. */
  output: number | RelayMemory;
  /** For messages. */
  outputName: string;
  ends: ThreadEnds;
}

export type WriterMessage =
  | { type: 'written'; sequence: number; archiveBytes: number }
  | { type: 'bytes'; bytes: Uint8Array<ArrayBuffer> }
  | { type: 'done'; summary: ArchiveSummary }
  | { type: 'failed'; error: PlainError };

async function run(
  post: (message: WriterMessage, transfer?: ArrayBuffer[]) => void,
  receive: () => ChunkPlan | undefined,
): Promise<void> {
  const { ring: memory, settings, output, outputName, ends } = workerData as WriterThreadData;
  const ring = new Ring(memory);
  const sink: Sink =
    typeof output === 'number'
      ? new FdSink(output, outputName)
      : new RelaySink(output, (bytes) => post({ type: 'bytes', bytes }, [bytes.buffer]));
  const writer = new ArchiveWriter(sink, settings, codec());
  noteLoaded(ends);
  try {
    for (let sequence = 0; ; sequence++) {
      ring.waitPublished(sequence);
      const plan = receive();
      if (plan?.sequence !== sequence) {
        throw new ZnipError('internal', `the writer expected the plan of chunk ${sequence}`);
      }
      await writer.append(plan, ring.slot(sequence));
      ring.release(sequence);
      post({ type: 'written', sequence, archiveBytes: sink.position });
      if (plan.last) break;
    }
    post({ type: 'done', summary: await writer.finish() });
  } finally {
    writer.close();
  }
}

const port = parentPort;
if (port !== null) {
  run(
    (message, transfer) => port.postMessage(message, transfer),
    () => receiveMessageOnPort(port)?.message as ChunkPlan | undefined,
  ).catch((error: unknown) =>
    port.postMessage({ type: 'failed', error: toPlainError(error) } satisfies WriterMessage),
  );
}
