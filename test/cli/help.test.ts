/**
 * What znip says of itself: the help on a screen of 80 columns, and the manual page that is made with it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commandNames, examplesOf, helpOf } from '../support/help.ts';
import { lacks, run } from '../support/run.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const page = `${project}/dist/man/znip.1`;
/** `help` itself is a short cut. */
const commands = commandNames().filter((command) => command !== 'help');

describe('the help', () => {
  test('lists the commands', () => {
    expect(commands).toEqual(
      expect.arrayContaining(['pack', 'unpack', 'ls', 'info', 'cat', 'diff', 'completion']),
    );
  });

  test.each([[], ...commands.map((command) => [command])])('of znip %s fits into 80 columns', (...args) => {
    const long = helpOf(...args)
      .split('\n')
      .filter((line) => line.length > 80);
    expect(long).toEqual([]);
  });

  test.each(commands)('znip help %s is znip %s --help', (command) => {
    expect(helpOf('help', command)).toBe(helpOf(command));
  });

  test.each(commands)('of %s begins with examples of it and ends with exit statuses', (command) => {
    const help = helpOf(command);
    expect(help).toMatch(/^Examples:\n {2}\S/);
    expect(help).toMatch(new RegExp(`^ {2}.*znip ${command} `, 'm'));
    expect(help).toMatch(
      /\n\nExit status:\n {2}0 {2}\w.*\n {2}1 {2}\w.*\n[^]* {2}128\+n {2}ended by signal n\n$/,
    );
  });
});

const textOfPage = (): string => {
  const { status, stdout } = run('mandoc', ['-T', 'utf8', '-O', 'width=200', page]);
  expect(status).toBe(0);
  // Bold and italic are struck over.
  return stdout.replace(/.\x08/g, '');
};

describe('the manual page', () => {
  test('is where npm finds it', () => {
    const { man, files } = JSON.parse(readFileSync(`${project}/package.json`, 'utf8')) as {
      man: string[];
      files: string[];
    };
    expect(man).toEqual(['./dist/man/znip.1']);
    expect(files).toContain('dist');
    expect(readFileSync(page, 'utf8')).toMatch(/^\.TH ZNIP 1 /);
  });

  test.skipIf(lacks('man'))('has nothing that man warns of', () => {
    const result = run('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', page], {
      env: { LC_ALL: 'C.UTF-8' },
    });
    expect({ status: result.status, stderr: result.stderr }).toEqual({ status: 0, stderr: '' });
  });

  test.skipIf(lacks('mandoc'))(
    'has nothing that mandoc objects to, but for the date of an unreleased version',
    () => {
      const { stdout } = run('mandoc', ['-T', 'lint', page]);
      const objections = stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'));
      expect(objections).toEqual([]);
    },
  );

  test.skipIf(lacks('mandoc'))('says of every command what the help says', () => {
    const shown = textOfPage().replace(/\s+/g, ' ');
    for (const command of commands) {
      for (const [, flags = '', description = ''] of helpOf(command).matchAll(
        /^ {2}((?:-\S, )?--\S+)(?: [<[]\S+)? {2,}(\S+)/gm,
      )) {
        expect(shown).toContain(flags);
        expect(shown).toContain(description);
      }
      for (const example of examplesOf(command)) expect(shown).toContain(example);
    }
    expect(shown).not.toContain('undefined');
  });
});
