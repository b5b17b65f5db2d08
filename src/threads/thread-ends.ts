/**
 * Ends threads without ending the process. Node.js 20.20 may abort if a thread is ended while it loads a module
 * ("v8::Module::IsGraphAsync must be used on an instantiated module"), and one in the native core would leave its work half
 * done. So znip first waits, for a limited time, for work that has begun.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { milliseconds } from './clock.ts';

/** How long such work may take to end. Most chunks take a tenth of that. */
const GRACE_MS = 2000;

/** A thread that dies while it loads wakes no other thread. */
const LOAD_POLL_MS = 50;

/** Shared with all threads of a run. */
export interface ThreadEnds {
  /** 1 when the run has ended: no new work begins. */
  stopping: Int32Array;
  /** How many threads have loaded. */
  loaded: Int32Array;
}

export function createThreadEnds(): ThreadEnds {
  return {
    stopping: new Int32Array(new SharedArrayBuffer(4)),
    loaded: new Int32Array(new SharedArrayBuffer(4)),
  };
}

/** Called by a thread, once, when it has loaded all its modules. */
export function noteLoaded({ loaded }: ThreadEnds): void {
  Atomics.add(loaded, 0, 1);
  Atomics.notify(loaded, 0);
}

export function isStopping({ stopping }: ThreadEnds): boolean {
  return Atomics.load(stopping, 0) === 1;
}

/**
 * Tells the threads to begin nothing more, and waits for work that has begun: `tasks`, and loading. Does not wait for
 * loading if some of the `threads` will not load because one `hasDied`.
 */
export async function settleThreads(
  ends: ThreadEnds,
  threads: number,
  tasks: Iterable<Promise<unknown>>,
  hasDied: () => boolean,
): Promise<void> {
  Atomics.store(ends.stopping, 0, 1);
  const running = [...tasks];
  if (running.length > 0) {
    const grace = new AbortController();
    const { signal } = grace;
    await Promise.race([Promise.allSettled(running), sleep(GRACE_MS, undefined, { signal }).catch(() => {})]);
    grace.abort();
  }
  const deadline = milliseconds() + GRACE_MS;
  for (;;) {
    const count = Atomics.load(ends.loaded, 0);
    const left = deadline - milliseconds();
    if (count >= threads || left <= 0 || hasDied()) return;
    // Woken by a thread that has loaded: it counts itself before it notifies. A wait does not keep the event loop alive, and
    // if no thread could be started, nothing else does. A timer as long as the wait may end before it.
    const poll = Math.min(left, LOAD_POLL_MS);
    const alive = setInterval(() => {}, LOAD_POLL_MS);
    await Atomics.waitAsync(ends.loaded, 0, count, poll).value;
    clearInterval(alive);
  }
}
