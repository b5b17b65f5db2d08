/**
 * docs/comparison.md: its column of znip is what znip does. The others' are asked by `npm run abilities`.
 */
import { beforeAll, expect, test } from 'vitest';
import { ask, NOT_ASKED, readDocument } from '../../bench/abilities.js';
import { ABILITIES } from '../../bench/abilities/abilities.js';

let answers = new Map<string, string | undefined>();
const documented = new Map(readDocument().map(({ ability, answers }) => [ability, answers]));

beforeAll(async () => {
  const rows = await ask(['znip']);
  answers = new Map(rows.map(({ ability, answers }) => [ability, answers['znip']]));
});

test('the document has a row for every question, and no others', () => {
  expect([...documented.keys()]).toEqual(ABILITIES.map(({ name }) => name));
});

test.for(ABILITIES.map(({ name }) => name))('znip: %s', (name, { skip }) => {
  const answer = answers.get(name);
  if (answer === NOT_ASKED) skip('a program that the question needs is not installed');
  expect(answer).toBe(documented.get(name)?.['znip']);
});
