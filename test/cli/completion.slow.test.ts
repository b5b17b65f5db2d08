/**
 * Completion in the shells themselves: bash and zsh in a terminal, fish by its `complete -C`.
 */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { commandNames, optionNames } from '../support/help.ts';
import { lacks, run, znip, ZNIP } from '../support/run.ts';
import { Terminal } from '../support/terminal.ts';
import { temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const env = { PATH: `${at('bin')}:${process.env['PATH'] ?? ''}`, HOME: at('home') };

beforeAll(() => {
  for (const name of ['bin', 'home', 'work/out', 'work/inner', 't/docs/deep', 't/sp ace']) {
    mkdirSync(at(name), { recursive: true });
  }
  writeFileSync(at('bin/znip'), `#!/bin/sh\nexec '${process.execPath}' '${ZNIP}' "$@"\n`);
  chmodSync(at('bin/znip'), 0o755);
  for (const name of ['docs/one.md', 'docs/deep/two', 'sp ace/quote\'"$x', 'a:b=c', 'solo.txt', 'zz\nline']) {
    writeFileSync(at(`t/${name}`), name);
  }
  symlinkSync('solo.txt', at('t/soft'));
  expect(znip(['pack', '-q', '-C', 't', '.', '-o', 'work/things.znip'], here).status).toBe(0);
  writeFileSync(at('work/notes.md'), '');
  writeFileSync(at('work/inner/nested.tar.gz'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { status, stdout, stderr } = znip(['completion', shell]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    writeFileSync(at(`znip.${shell}`), stdout);
  }
});

const COMMANDS = commandNames();

test('every command is in every script; hidden ones are not', () => {
  expect(COMMANDS).toContain('pack');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = readFileSync(at(`znip.${shell}`), 'utf8');
    for (const command of COMMANDS) expect(script).toContain(command);
    expect(script).not.toContain('undefined');
  }
});

const members = (...args: string[]): ReturnType<typeof znip> =>
  znip(['__members', '--', ...args], { cwd: at('work') });

describe('__members', () => {
  test('gives one level, directories with a slash', () => {
    expect(members('things.znip', '').stdout).toBe('a:b=c\0docs/\0soft\0solo.txt\0sp ace/\0zz\nline\0');
    expect(members('things.znip', 'docs/').stdout).toBe('docs/deep/\0docs/one.md\0');
    expect(members('things.znip', 'docs/d').stdout).toBe('docs/deep/\0');
    expect(members('things.znip', '-').stdout).toBe('');
  });

  test('says nothing when there is no archive', () => {
    run('mkfifo', [at('work/fifo')]);
    for (const name of ['missing', 'notes.md', 'out']) {
      const { stdout, stderr } = members(name, '');
      expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
    }
    expect(members('fifo', '')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });
});

/** What follows the prompt once a line was typed and Tab was pressed. */
async function complete(terminal: Terminal, line: string, expected: string): Promise<void> {
  terminal.type(line);
  terminal.press('Tab');
  await terminal.until((screen) => `${screen} `.endsWith(`> ${expected.trimEnd()} `));
  // A blank after the word says that it is complete.
  terminal.type('X');
  const screen = await terminal.until((text) => text.endsWith('X'));
  expect(screen.slice(screen.lastIndexOf('> ') + 2, -1)).toBe(expected);
  terminal.press('C-u');
  await terminal.until((text) => text.endsWith('>'));
}

const CASES: [line: string, expected: string][] = [
  ['znip unp', 'znip unpack '],
  ['znip pack --repro', 'znip pack --reproducible '],
  ['znip pack --progress n', 'znip pack --progress never '],
  ['znip pack --progress=j', 'znip pack --progress=json '],
  ['znip ls --format ar', 'znip ls --format arrow '],
  ['znip ls th', 'znip ls things.znip '],
  ['znip list th', 'znip list things.znip '],
  ['znip unpack inner/n', 'znip unpack inner/nested.tar.gz '],
  ['znip unpack things.znip -C o', 'znip unpack things.znip -C out/'],
  ['znip unpack things.znip --type ca', 'znip unpack things.znip --type cargo '],
  ['znip unpack -C out things.znip so', 'znip unpack -C out things.znip so'],
  ['znip unpack -C out things.znip sol', 'znip unpack -C out things.znip solo.txt '],
  ['znip unpack things.znip -x sol', 'znip unpack things.znip -x solo.txt '],
  ['znip cat things.znip do', 'znip cat things.znip docs/'],
  ['znip cat things.znip docs/o', 'znip cat things.znip docs/one.md '],
  ['znip cat things.znip soft docs/de', 'znip cat things.znip soft docs/deep/'],
  ['znip cat things.znip sp', 'znip cat things.znip sp\\ ace/'],
  ['znip diff things.znip o', 'znip diff things.znip out/'],
  ['znip pack no', 'znip pack notes.md '],
  ['znip completion z', 'znip completion zsh '],
  ['znip help un', 'znip help unpack '],
];

describe.skipIf(lacks('tmux'))('bash', () => {
  test('completes commands, options, values, archives and members', async () => {
    const terminal = new Terminal('bash --noprofile --norc', { cwd: at('work'), columns: 100, env });
    terminal.type(`PS1='> '; source ../znip.bash; bind 'set bell-style none'; clear\n`);
    await terminal.until((screen) => screen === '>');
    for (const [line, expected] of CASES) await complete(terminal, line, expected);
    // Bash splits words at : and =, and knows of quotes.
    await complete(terminal, 'znip cat things.znip a:', 'znip cat things.znip a:b\\=c ');
    await complete(
      terminal,
      "znip cat things.znip 'sp ace/q",
      `znip cat things.znip 'sp ace/quote'\\''"$x' `,
    );
    await complete(terminal, 'znip ls ~/x', 'znip ls ~/x');
    await complete(terminal, 'znip pack --level x', 'znip pack --level x');
  });
});

describe.skipIf(lacks('tmux', 'zsh'))('zsh', () => {
  test('completes commands, options, values, archives and members', async () => {
    const terminal = new Terminal('zsh -f', { cwd: at('work'), columns: 100, env });
    terminal.type(
      `PS1='> '; autoload -U compinit; compinit -u; unsetopt autolist; source ../znip.zsh; clear\n`,
    );
    await terminal.until((screen) => screen === '>');
    for (const [line, expected] of CASES) await complete(terminal, line, expected);
    await complete(terminal, 'znip cat things.znip a', 'znip cat things.znip a:b=c ');
  });

  test('loads from a directory of fpath', async () => {
    mkdirSync(at('home/functions'), { recursive: true });
    writeFileSync(at('home/functions/_znip'), readFileSync(at('znip.zsh')));
    const terminal = new Terminal('zsh -f', { cwd: at('work'), columns: 100, env });
    terminal.type(`PS1='> '; fpath=(~/functions $fpath); autoload -U compinit; compinit -u; clear\n`);
    await terminal.until((screen) => screen === '>');
    await complete(terminal, 'znip cat things.znip docs/o', 'znip cat things.znip docs/one.md ');
  });
});

const fishOffers = (line: string): string[] => {
  const script = `source ../znip.fish; complete -C ${JSON.stringify(line).replaceAll('$', '\\$')}`;
  const { status, stdout, stderr } = run('fish', ['--no-config', '-c', script], { cwd: at('work'), env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n')
    .map((text) => text.split('\t')[0] ?? '');
};

describe.skipIf(lacks('fish'))('fish', () => {
  test('commands', () => {
    expect(fishOffers('znip ').sort()).toEqual([...COMMANDS].sort());
  });

  test.each(['pack', 'unpack', 'ls', 'cat'])('options of %s', (command) => {
    expect(fishOffers(`znip ${command} --`).sort()).toEqual(optionNames(command).sort());
  });

  test.each([
    ['znip pack --progress ', ['auto', 'json', 'never']],
    ['znip ls --format a', ['arrow']],
    ['znip unpack things.znip --type ca', ['cargo']],
    ['znip ls th', ['things.znip']],
    ['znip unpack things.znip -C o', ['out/']],
    ['znip unpack -C out things.znip so', ['soft', 'solo.txt']],
    ['znip unpack things.znip -x sol', ['solo.txt']],
    ['znip cat things.znip d', ['docs/']],
    ['znip cat things.znip soft docs/', ['docs/deep/', 'docs/one.md']],
    ['znip cat things.znip sp', ['sp ace/']],
    ['znip diff things.znip o', ['out/']],
    ['znip completion z', ['zsh']],
  ])('%s', (line, expected) => {
    expect(fishOffers(line).sort()).toEqual(expected);
  });
});
