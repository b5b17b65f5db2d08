/**
 * What a run has of the process that it is in. `main.ts` passes the real process; whoever calls the program as a
 * function passes descriptors of its own, and keeps its signals and its heap.
 */

export interface World {
  /** Descriptors. */
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A signal that stops the work when somebody ends the process. */
  interruption: () => AbortSignal;
  /** Called before a command that works with much memory: what lets it do with less. */
  curbGarbage: () => void;
}
