/**
 * A short run of every fuzz target, the same each time; `npm run fuzz` goes on for as long as it is told.
 */
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/tree.ts';
import { tryInput } from './main.ts';
import { holds } from './target.ts';
import { triesAll } from './tries.ts';

const scratch = temporaryDirectory();

triesAll(false);

test('what breaks a property, or is no error of znip, is found', async () => {
  const broken = {
    name: 'broken',
    sliceMs: 0,
    run: () => holds(1 + 1 === 3, 'one and one are three'),
  };
  const wrong = { name: 'wrong', sliceMs: 0, run: () => void (undefined as unknown as string).length };
  expect(await tryInput(broken, 7, 3, scratch)).toMatchObject({ seed: 7, input: 3, target: 'broken' });
  expect((await tryInput(wrong, 7, 3, scratch))?.error).toContain('TypeError');
});
