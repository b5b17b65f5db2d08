/**
 * docs/security.md names tests: each must be there, by its file and its title.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');

/** A test file, and titles in it: `file`: "title", "title" */
const REFERENCE = /`(test\/[^`]+\.ts)`(?:: ((?:"[^"]+"(?:, )?)+))?/g;

const references = [...read('docs/security.md').matchAll(REFERENCE)].map(([, file = '', titles = '']) => ({
  file,
  titles: [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title),
}));

test('the document names tests for every attack', () => {
  const rows = read('docs/security.md')
    .split('\n')
    .filter((line) => /^\| (?!-)/.test(line));
  const attacks = rows.filter((row) => !row.startsWith('| attack') && !row.startsWith('| fault'));
  expect(attacks.length).toBeGreaterThan(20);
  for (const row of attacks) expect(row).toMatch(/`test\/[^`]+\.ts`/);
});

test.each(references)('$file has the tests that the document names', ({ file, titles }) => {
  expect(existsSync(fileURLToPath(new URL(`../${file}`, import.meta.url))), file).toBe(true);
  const source = read(file);
  for (const title of titles) expect(source, title).toContain(`'${title}'`);
});
