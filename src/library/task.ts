/**
 * What a task takes from its caller, and what it tells on the way: events, and snapshots of how far it is.
 */
import type { ZnipErrorCode } from '../errors.ts';

/** What every task takes. */
export interface TaskOptions {
  /** Ends the task, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Something that is not as it was asked for, or worth a word, and no reason to stop. Told apart by `type`. */
export type ZnipEvent =
  | {
      /** Packing: an input was left out, is not recorded as it is, or changed while it was read, where `failed`. */
      readonly type: 'warning';
      readonly path: string;
      readonly reason: string;
      /** The caller asked for something and did not get it. */
      readonly failed: boolean;
    }
  | {
      /** Unpacking: a member is left out because of its kind: a device, a FIFO. */
      readonly type: 'skipped';
      readonly path: string;
      readonly reason: string;
    }
  | {
      /** Unpacking: tar programs do not all read a member alike, or the index does not have it. */
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
      /** null for what a damaged part of the archive held, where names are not known. */
      readonly path: string | null;
      readonly reason: string;
      /** The code of the error that would have ended the task. */
      readonly code: ZnipErrorCode;
      /** Number of the damaged blob, from 0; null where the damage lies elsewhere. */
      readonly blob: number | null;
      /** Archive byte of the damage; null where it has none. */
      readonly offset: number | null;
    }
  | {
      /** A pattern matched nothing, while others did. */
      readonly type: 'unmatched';
      readonly pattern: string;
    }
  | {
      /** Something is done as every tar program does it. All is as it was asked for. */
      readonly type: 'note';
      readonly path: string;
      readonly reason: string;
    }
  | {
      /** A dry run: what would become of a member. */
      readonly type: 'planned';
      readonly path: string;
      readonly pathBytes: Uint8Array;
      /** `kept`: something has the name and would be left as it is. */
      readonly standing: 'new' | 'kept' | 'replaced';
    };

/** Tells events, and counts those by which not all is as it was asked for. */
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

/** Passes on how far a task is: each time a snapshot of its own. */
export function snapshots<T extends object>(
  onProgress: ((progress: Readonly<T>) => void) | undefined,
): ((progress: T) => void) | undefined {
  return onProgress === undefined ? undefined : (progress) => onProgress(Object.freeze({ ...progress }));
}
