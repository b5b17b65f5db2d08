/**
 * Pauses of work that keeps its thread busy: signals are heard, and who shows the progress gets to load and draw it.
 */
import { setImmediate as turn, setTimeout as rest } from 'node:timers/promises';

/** Whoever is told of the progress begins to show it about then: shorter runs never rest. */
const FIRST_REST_MS = 300;
/** Part of the time that is rested. */
const SHARE = 0.02;
/** Loading takes less than this, in many small steps; after it, a turn of the event loop now and then is enough. */
const TOTAL_MS = 200;

/** Makes a function to be called between pieces of work. */
export function givingWay(): () => Promise<void> {
  const start = performance.now();
  let last = start;
  let rested = 0;
  return async () => {
    await turn();
    const now = performance.now();
    const due = (now - last) * SHARE;
    if (now - start < FIRST_REST_MS || due < 1 || rested >= TOTAL_MS) return;
    await rest(due);
    rested += due;
    last = performance.now();
  };
}
