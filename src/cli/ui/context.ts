/**
 * The run of a command: where it reads and writes, how it reports what it does, and the status that it ends with.
 */
import type { Outcome } from '../process/exit-status.ts';
import type { Streams } from '../process/streams.ts';
import type { World } from '../process/world.ts';
import type { Reporter } from './reporter.ts';

export interface Context {
  readonly world: World;
  readonly streams: Streams;
  readonly reporter: Reporter;
  readonly outcome: Outcome;
}
