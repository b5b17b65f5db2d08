import { expect, it } from 'vitest';
import { Handover } from '../../src/threads/handover.ts';

async function read<T>(handover: Handover<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of handover) values.push(value);
  return values;
}

it('makes the giver wait until the next value is asked for', async () => {
  const handover = new Handover<number>();
  const events: string[] = [];
  const giving = (async () => {
    for (const value of [1, 2]) {
      await handover.give(value);
      events.push(`gave ${value}`);
    }
    handover.close();
  })();
  for await (const value of handover) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    events.push(`done with ${value}`);
  }
  await giving;
  expect(events).toEqual(['done with 1', 'gave 1', 'done with 2', 'gave 2']);
});

it('ends, or throws, behind what was given before', async () => {
  const ended = new Handover<number>();
  void ended.give(1);
  ended.close();
  expect(await read(ended)).toEqual([1]);
  const failed = new Handover<number>();
  void failed.give(1);
  failed.close({ cause: new Error('behind it') });
  const values: number[] = [];
  await expect(
    (async () => {
      for await (const value of failed) values.push(value);
    })(),
  ).rejects.toThrow('behind it');
  expect(values).toEqual([1]);
});
