/**
 * Limits how much garbage V8 keeps in znip's own process. The library must not do this, because it would change the
 * whole program that uses it. node:v8 is loaded only when this is called, because only some commands call it.
 */

/** The versions of V8 in Node.js 20 to 24. Another one may not have the flag, and would print a message about it. */
const KNOWN = /^1[1-3]\./;

/**
 * Makes V8 collect old garbage when the heap has grown by a fifth. By default, V8 lets the heap double or more. Call
 * this first of all: threads take over the setting when they start, and a heap that has grown does not shrink. With a
 * million members, verify took 497 MB with it, and 582 MB when it was called a tenth of a second late.
 */
export function curbGarbage(): void {
  if (!KNOWN.test(process.versions.v8)) return;
  process.getBuiltinModule('node:v8').setFlagsFromString('--heap-growing-percent=20');
}
