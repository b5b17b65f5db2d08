/**
 * Preloaded into a run of znip (NODE_OPTIONS=--require), and with that into each of its threads: makes
 * calls of node:fs in the threads that are named fail, stall or end their thread.
 *
 * ZNIP_TEST_FAULTS is a JSON array of objects:
 *   thread  'main', 'writer', 'pack-worker' or 'read-worker'
 *   call    function of node:fs
 *   nth     first call that is hit in a thread, from 1; all later ones are hit too
 *   act     what happens: a name of ACTS, or a system error code, which the call then throws
 *   once    path of a file: only the first thread that comes to it is hit
 */
'use strict';
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const { isMainThread, workerData } = require('node:worker_threads');

const { closeSync, openSync } = fs;
const word = new Int32Array(new SharedArrayBuffer(4));

const ACTS = {
  /** A defect: an exception that nobody expects. */
  throw() {
    throw new TypeError('a defect for this test');
  },
  exit() {
    process.exit(7);
  },
  /** The heap is filled until it is exhausted. */
  heap() {
    const kept = [];
    const thousand = Array.from({ length: 1000 }, (_, i) => i);
    for (;;) kept.push([...thousand]);
  },
  /** The thread stands still for ever. */
  stall() {
    for (;;) Atomics.wait(word, 0, 0);
  },
};

function threadName() {
  if (isMainThread) return 'main';
  if (workerData?.outputName !== undefined) return 'writer';
  return workerData?.ring === undefined ? 'read-worker' : 'pack-worker';
}

function isFirst(once) {
  try {
    closeSync(openSync(once, 'wx'));
    return true;
  } catch {
    return false;
  }
}

const name = threadName();
const mine = JSON.parse(process.env.ZNIP_TEST_FAULTS ?? '[]').filter(({ thread }) => thread === name);
for (const { call, nth, act, once } of mine) {
  const original = fs[call];
  let calls = 0;
  let hit = once === undefined;
  fs[call] = (...args) => {
    calls += 1;
    if (calls >= nth) {
      hit ||= calls === nth && isFirst(once);
      const run = ACTS[act];
      if (hit && run === undefined) throw Object.assign(new Error(act), { code: act });
      if (hit) run();
    }
    return original(...args);
  };
}
if (mine.length > 0) syncBuiltinESMExports();
