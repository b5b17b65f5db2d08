/**
 * Descriptors of large files, each open until the last chunk that reads from it is written. Main thread.
 */
import { closeSync } from 'node:fs';
import type { ChunkPlan } from './plan/chunk-plan.ts';

export class LargeSources {
  private readonly lastUse = new Map<number, number>();

  add(plan: ChunkPlan): void {
    if (plan.filled !== null) return;
    for (const part of [plan.continuation, plan.overflow]) {
      // A spool is of many members, and its owner's.
      if (part?.spoolOffset === null) this.lastUse.set(part.fd, plan.sequence);
    }
  }

  /** Chunks up to `sequence` are written. A file is closed when its last part is among them. */
  written(sequence: number): void {
    // If the next part of a file is not planned yet, the file also has `sequence` as its last use. So it is closed one
    // chunk later, unless its last use has moved on by then.
    for (const [fd, last] of this.lastUse) if (last < sequence) this.close(fd);
  }

  closeAll(): void {
    for (const fd of this.lastUse.keys()) this.close(fd);
  }

  private close(fd: number): void {
    this.lastUse.delete(fd);
    closeSync(fd);
  }
}
