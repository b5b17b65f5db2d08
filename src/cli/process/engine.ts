/**
 * Sets V8 up for znip's own process. The library must not do this, because it would change the whole program that uses it.
 * node:v8 is loaded only when this is called, because only some commands call it.
 */

/** The versions of V8 in Node.js 20 to 24. Another one may not have the flag, and would print a message about it. */
const KNOWN = /^1[1-3]\./;
/** That of Node.js 20. Later ones count in another way when a function is worth optimising. */
const COUNTS_BYTECODE = /^11\./;

/**
 * Call this first of all: threads take over the settings when they start, and a heap that has grown does not shrink.
 *
 * Garbage: V8 collects old garbage when the heap has grown by a fifth. By default, it lets the heap double or more. With a
 * million members, verify took 497 MB with it, and 582 MB when it was called a tenth of a second late.
 *
 * Compilers: V8 optimises a function only when it has run twelve times as long as by default. Most of znip's own functions run
 * for a fraction of a second, and V8's own four threads took a fourteenth of the CPU time of packing.
 */
export function tuneEngine(): void {
  const { v8 } = process.versions;
  if (!KNOWN.test(v8)) return;
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString('--heap-growing-percent=20');
  if (COUNTS_BYTECODE.test(v8)) setFlagsFromString('--interrupt-budget=800000');
}
