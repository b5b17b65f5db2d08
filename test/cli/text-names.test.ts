/**
 * Long names in messages: their middle is left out, so that what is said of them is found.
 */
import { expect, test } from 'vitest';
import { readable, shortName } from '../../src/cli/ui/text.ts';
import { znip } from '../support/run.ts';

const long = `${'a/'.repeat(2000)}end`;

test('a name of 4,003 bytes is 181 characters of a message, and the numbers behind it are whole', () => {
  expect(shortName(long)).toBe(`${'a/'.repeat(60)}…${long.slice(-60)}`);
  expect(readable(`'${long}' ends at byte 4660046610375530309`)).toBe(
    `'${shortName(long)}' ends at byte 4660046610375530309`,
  );
  expect(readable(`two: '${long}', '${long}'; 12`)).toBe(
    `two: '${shortName(long)}', '${shortName(long)}'; 12`,
  );
});

test('quotes within, none around, and characters of two units', () => {
  const quote = `'it's ${'b'.repeat(1000)}' is 7`;
  expect(readable(quote).length).toBeLessThan(260);
  expect(readable(quote)).toMatch(/ is 7$/);
  expect(readable(`${'😀'.repeat(500)} 9`)).toBe(`${'😀'.repeat(120)}…${'😀'.repeat(60)} 9`);
  expect(readable(`a\u001b[31m'${'\n'.repeat(300)}' 3`)).toMatch(/^a\\x1b\[31m'(?:\\n)+…(?:\\n)+' 3$/);
  expect(readable('short')).toBe('short');
});

test('on the command line', () => {
  const { stderr, status } = znip(['ls', `${long}.znip`]);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^znip: cannot open '(?:a\/)+….*end\.znip': (?:no such file|the name is too long)/);
  expect(stderr.length).toBeLessThan(300);
});
