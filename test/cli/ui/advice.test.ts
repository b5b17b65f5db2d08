/**
 * The library names its own options in messages, and no flag of the command line, which has its flags in their place.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ZnipError } from '../../../src/errors.ts';
import { FLAGS, messageOf, withFlags } from '../../../src/cli/ui/advice.ts';
import { buildProgram } from '../../../src/cli/program.ts';

const source = fileURLToPath(new URL('../../../src', import.meta.url));

/** Comments, which may say anything, and literals. */
const PIECES = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

const literals = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith('cli/'))
  .flatMap((file) => {
    const pieces = readFileSync(join(source, file), 'utf8').match(PIECES) ?? [];
    return pieces.filter((piece) => !piece.startsWith('/')).map((text) => ({ file, text }));
  });

const options = buildProgram().commands.flatMap((command) => [...command.options]);
const flags = new Set(options.flatMap(({ short, long }) => [short, long]));

describe('messages of the library', () => {
  test('name no flag', () => {
    expect(literals.length).toBeGreaterThan(1000);
    // Those of npm and others have other names.
    const naming = literals.filter(({ text }) =>
      [...text.matchAll(/--[a-z][a-z-]*|\(-\w\)/g)].some(([flag]) => flags.has(flag.replace(/[()]/g, ''))),
    );
    expect(naming).toEqual([]);
  });

  test('name options that have flags, and each of those is named', () => {
    const named = literals.flatMap(({ text }) =>
      [...text.slice(1, -1).matchAll(/\\?`([A-Za-z]+)\\?`/g)].map(([, option = '']) => option),
    );
    expect(new Set([...named, ...LIMITS])).toEqual(new Set(FLAGS.keys()));
  });

  test('the flags are there', () => {
    for (const flag of [...FLAGS.values()].filter((each) => each.startsWith('-'))) {
      expect(flags, flag).toContain(flag);
    }
  });
});

/** Of one message, which has the option's name by a variable. */
const LIMITS = ['maxMembers', 'maxDepth', 'maxSize', 'maxRatio'];

test.each([
  ['expected at most 1 (`maxMembers`): allow more', 'expected at most 1 (--max-members): allow more'],
  ["'`memory`' is left as it is: use `overwrite`", "'`memory`' is left as it is: use --overwrite"],
  ["'it's' has 3 components (`maxDepth`)", "'it's' has 3 components (--max-depth)"],
  ['make one with `znip pack`', 'make one with `znip pack`'],
  ['nothing of ours: `nothing`', 'nothing of ours: `nothing`'],
])('%s', (message, expected) => {
  expect(withFlags(message)).toBe(expected);
  expect(messageOf(new ZnipError('usage', message))).toBe(expected);
});
