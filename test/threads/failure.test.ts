import { expect, test } from 'vitest';
import { deferred } from '../../src/threads/deferred.ts';
import { Failure } from '../../src/threads/failure.ts';

const NEVER = new Promise<never>(() => {});

test('work ends as it does where nothing fails', async () => {
  const failure = new Failure();
  expect(await failure.unless(Promise.resolve(1))).toBe(1);
  await expect(failure.unless(Promise.reject(new Error('its own')))).rejects.toThrow('its own');
});

test('the first reason ends everything that waits, and what waits later', async () => {
  const failure = new Failure();
  const first = failure.unless(NEVER);
  const second = failure.unless(NEVER);
  const heard: unknown[] = [];
  failure.onFail((reason) => heard.push(reason));
  failure.fail('the reason');
  failure.fail('another');
  failure.onFail((reason) => heard.push(reason));
  await expect(first).rejects.toBe('the reason');
  await expect(second).rejects.toBe('the reason');
  await expect(failure.unless(NEVER)).rejects.toBe('the reason');
  expect(heard).toEqual(['the reason', 'the reason']);
});

test('work that fails when nobody waits any more is no unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', listener);
  try {
    const failure = new Failure();
    const { promise, reject } = deferred<void>();
    const waiting = failure.unless(promise);
    failure.fail('the reason');
    await expect(waiting).rejects.toBe('the reason');
    reject(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', listener);
  }
});

test('keeps nothing of work that is done', async () => {
  const failure = new Failure();
  const results: WeakRef<object>[] = [];
  for (let i = 0; i < 3; i++) {
    const result = { bytes: new Uint8Array(1024) };
    results.push(new WeakRef(result));
    await failure.unless(Promise.resolve(result));
  }
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  expect(results.slice(0, 2).map((result) => result.deref())).toEqual([undefined, undefined]);
  failure.fail('the end');
});
