/**
 * docs/comparison.md: its columns of znip are what znip does. The others' are asked by `npm run abilities`.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { ask, NOT_ASKED, OF_MEMBERS, readDocument } from '../../scripts/abilities.js';
import { ABILITIES } from '../../scripts/abilities/abilities.js';
import { MEMBERS } from '../../scripts/abilities/members.js';

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

describe('members of other tars', () => {
  const WAYS = ['unpack', 'packed'];
  let found: Awaited<ReturnType<typeof ask>> = [];
  beforeAll(async () => {
    found = await ask(WAYS, undefined, OF_MEMBERS);
    // Every outcome that is asked for reads the stream anew.
  }, 600_000);

  test('the document has a row for every kind, and no others', () => {
    expect(readDocument(OF_MEMBERS).map(({ ability }) => ability)).toEqual(MEMBERS.map(({ name }) => name));
  });

  test.each(MEMBERS.map(({ name }) => name))('%s', (name) => {
    const answersOf = (rows: typeof found): (string | undefined)[] => {
      const answers = rows.find(({ ability }) => ability === name)?.answers;
      return WAYS.map((way) => answers?.[way]);
    };
    expect(answersOf(found)).toEqual(answersOf(readDocument(OF_MEMBERS)));
  });
});
