import { expect, test } from 'vitest';
import { deferred } from '../../src/threads/deferred.ts';

test('resolves from outside, once', async () => {
  const { promise, resolve, reject } = deferred<number>();
  resolve(1);
  resolve(2);
  reject(new Error('too late'));
  await expect(promise).resolves.toBe(1);
});

test('rejects from outside', async () => {
  const { promise, reject } = deferred<number>();
  reject(new Error('the reason'));
  await expect(promise).rejects.toThrow('the reason');
});

test('is pending until then', async () => {
  const { promise, resolve } = deferred<string>();
  const pending = Symbol('pending');
  const later = new Promise((onResolve) => setImmediate(() => onResolve(pending)));
  expect(await Promise.race([promise, later])).toBe(pending);
  resolve('now');
  expect(await promise).toBe('now');
});
