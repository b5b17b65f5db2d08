/**
 * What a task takes from its caller, and what it reports while it runs: events, and snapshots of its progress.
 */
import type { ZnipErrorCode } from '../errors.ts';

/** What every task takes. */
export interface TaskOptions {
  /** Ends the task. The task then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Something that did not go as asked, or that you may want to know, but no reason to stop. `type` says what it is. */
export type ZnipEvent =
  | {
      /** Packing: if `failed`, an input was left out, is not recorded as it is, or changed while it was read. */
      readonly type: 'warning';
      readonly path: string;
      readonly reason: string;
      /** The caller asked for something and did not get it. */
      readonly failed: boolean;
    }
  | {
      /** Unpacking: a member is left out because of its kind, such as a device or a FIFO. */
      readonly type: 'skipped';
      readonly path: string;
      readonly reason: string;
    }
  | {
      /** Unpacking: not all tar programs read this member in the same way, or the index does not have it. */
      readonly type: 'doubt';
      readonly path: string;
      readonly reason: string;
    }
  | {
      /** Unpacking: the file system refuses a member, or its mode, owner or time. */
      readonly type: 'refused';
      readonly path: string;
      readonly reason: string;
    }
  | {
      /** With `keepGoing`, and in `repair`: a member is left out because it is damaged or its name is refused. */
      readonly type: 'lost';
      /** null if it was in a damaged part of the archive where names are not known. */
      readonly path: string | null;
      readonly reason: string;
      /** The code of the error that would have ended the task. */
      readonly code: ZnipErrorCode;
      /** Number of the damaged blob, from 0; null if the damage is elsewhere. */
      readonly blob: number | null;
      /** Archive byte of the damage; null if it has none. */
      readonly offset: number | null;
    }
  | {
      /** This pattern matched nothing, but others did. */
      readonly type: 'unmatched';
      readonly pattern: string;
    }
  | {
      /** Something was done as every tar program does it. Everything is as you asked. */
      readonly type: 'note';
      readonly path: string;
      readonly reason: string;
    }
  | {
      /** In a dry run: what would happen to a member. */
      readonly type: 'planned';
      readonly path: string;
      readonly pathBytes: Uint8Array;
      /**
       * `kept`: something with this name exists and would be left as it is. `amended`, `removed`: with `changed`, a mode,
       * owner or time would be set, or the name would be removed.
       */
      readonly standing: 'new' | 'kept' | 'replaced' | 'amended' | 'removed';
    };

/** Reports events, and counts those that mean that not everything went as asked. */
export class Events {
  count = 0;
  private readonly onEvent: ((event: ZnipEvent) => void) | undefined;

  constructor(onEvent: ((event: ZnipEvent) => void) | undefined) {
    this.onEvent = onEvent;
  }

  tell(event: ZnipEvent): void {
    const { type } = event;
    if (type !== 'note' && type !== 'planned' && !(type === 'warning' && !event.failed)) this.count += 1;
    this.onEvent?.(Object.freeze(event));
  }
}

/** Passes on the progress of a task. Each call gets its own snapshot. */
export function snapshots<T extends object>(
  onProgress: ((progress: Readonly<T>) => void) | undefined,
): ((progress: T) => void) | undefined {
  return onProgress === undefined ? undefined : (progress) => onProgress(Object.freeze({ ...progress }));
}
