/**
 * What a run gets from its process. `main.ts` passes the real process. Code that calls the program as a function passes
 * its own descriptors, and keeps its own signals and heap.
 */

export interface World {
  /** Descriptors. */
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A signal that stops the work when the process is asked to end. */
  interruption: () => AbortSignal;
  /** Called before a command that may have much to do. It makes V8 use less memory and time for it. */
  tuneEngine: () => void;
}
