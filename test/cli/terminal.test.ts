/**
 * znip on a terminal, a real one in tmux: progress that comes and goes, colours, refusals, Ctrl-C.
 */
import {
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lacks, run, znip, ZNIP } from '../support/run.ts';
import { Terminal } from '../support/terminal.ts';
import { noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const env = { ZNIP: `${process.execPath} ${ZNIP}`, PS1: '$ ', HISTFILE: '/dev/null' };
/** The braille patterns that ora's spinner is drawn with. */
const SPINNER = /[⠀-⣿]/;

let archive = Buffer.alloc(0);
/** A FIFO that an archive arrives through, at the test's pace; a new one for each test. */
let fifo = '';
let fifos = 0;

beforeAll(() => {
  mkdirSync(at('t/sub'), { recursive: true });
  for (let i = 0; i < 6; i++) writeFileSync(at(`t/noise-${i}`), noise(500_000, i + 1));
  writeFileSync(at('t/sub/text'), prose(2000));
  writeFileSync(at('t/sub/binary'), Buffer.from([0x1b, 0x5b, 0x32, 0x4a, 0]));
  expect(znip(['pack', '-q', 't', '-o', 't.znip', '--chunk-size', '64K'], here).status).toBe(0);
  archive = readFileSync(at('t.znip'));
});

beforeEach(() => {
  fifo = `fifo-${++fifos}`;
  expect(run('mkfifo', [at(fifo)]).status).toBe(0);
});

/** A shell whose only output is what is typed, its prompt and what commands print. */
async function openShell(
  options: { columns?: number; env?: Record<string, string> } = {},
): Promise<Terminal> {
  const terminal = new Terminal('dash -i', { cwd: directory, ...options, env: { ...env, ...options.env } });
  await terminal.until((screen) => screen === '$');
  return terminal;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends the archive through a FIFO: in small pieces while `isSlow` says so, and then the rest. */
async function send(name: string, isSlow: () => boolean, meanwhile?: () => Promise<void>): Promise<void> {
  const fd = openSync(at(name), 'w');
  try {
    let sent = 0;
    // There is enough for a minute at this pace; what is awaited is there after a second.
    while (sent < archive.byteLength - 100_000 && isSlow()) {
      sent += writeSync(fd, archive, sent, 4096);
      await pause(60);
    }
    await meanwhile?.();
    while (sent < archive.byteLength) sent += writeSync(fd, archive, sent);
  } finally {
    closeSync(fd);
  }
}

/** Sends the archive slowly until the screen is as expected, and returns that screen. */
async function unpackSlowly(
  terminal: Terminal,
  expected: RegExp,
  meanwhile?: () => Promise<void>,
): Promise<string> {
  let screen = '';
  const isAwaited = (): boolean => !expected.test((screen = terminal.screen()));
  await send(fifo, isAwaited, () => {
    expect(screen).toMatch(expected);
    return meanwhile?.() ?? Promise.resolve();
  });
  return screen;
}

describe.skipIf(lacks('tmux', 'dash'))('progress', () => {
  test('is a line that comes, and goes when the summary comes', async () => {
    const terminal = await openShell();
    terminal.type(`$ZNIP unpack - -C out-line < ${fifo}; echo status $?\n`);
    const during = await unpackSlowly(terminal, /unpack {2}\S/);
    expect(during).toMatch(/\n. unpack {2}\S+ \w+ {2}\S+ \w+\/s {2}\d+ members?$/);
    const after = await terminal.until(/^status 0/m);
    expect(after).toMatch(/^\$ \$ZNIP unpack .*\nunpacked 10 members, 2\.86 MiB in \S+ s\nstatus 0\n\$$/);
    expect(terminal.cursorIsVisible()).toBe(true);
  });

  test('has a colour, unless NO_COLOR is set', async () => {
    for (const [value, coloured] of [
      ['', true],
      ['1', false],
    ] as const) {
      rmSync(at('out-colour'), { recursive: true, force: true });
      const terminal = await openShell({ env: { NO_COLOR: value } });
      terminal.type(`$ZNIP unpack - -C out-colour < ${fifo}\n`);
      let line: string | undefined;
      // The line is cleared and written again ten times a second: a look between the two finds none.
      await unpackSlowly(terminal, SPINNER, async () => {
        while (line === undefined) {
          line = terminal
            .styledScreen()
            .split('\n')
            .find((text) => SPINNER.test(text));
          if (line === undefined) await pause(20);
        }
      });
      expect(line!.includes('\x1b[36m')).toBe(coloured);
      await terminal.until('unpacked');
      terminal.close();
    }
  });

  test('fits a narrow terminal, also when it becomes narrower', async () => {
    const terminal = await openShell({ columns: 60 });
    terminal.type(`clear; $ZNIP unpack - -C out-narrow < ${fifo}\n`);
    await unpackSlowly(terminal, SPINNER, async () => {
      terminal.resize(24, 24);
      // On one line again, so the program has heard of it.
      await terminal.until((screen) => SPINNER.test(screen) && !screen.trim().includes('\n'));
    });
    const after = await terminal.until(/unpacked[^]*\$$/);
    expect(after).not.toMatch(SPINNER);
    // Nothing is left of the progress line: the summary, wrapped by the terminal, is all there is.
    expect(after.replaceAll('\n', '')).toMatch(/^unpacked 10 members, 2\.86 MiB in \S+ s\$$/);
  });

  test.each<[string, string, Record<string, string>, RegExp, string?]>([
    ['-q shows nothing', '-q', {}, /^$/],
    ['--progress never shows only the summary', '--progress never', {}, /^unpacked 10 members, .*\n$/],
    ['so it is where a log is kept', '', { CI: 'true' }, /^unpacked 10 members, .*\n$/],
    ['so it is where lines cannot be redrawn', '', { TERM: 'dumb' }, /^unpacked 10 members, .*\n$/],
    [
      'so it is where nobody knows how long a line is',
      '',
      {},
      /^unpacked 10 members, .*\n$/,
      'stty cols 0; ',
    ],
  ])('%s', async (_, options, environment, output, before = '') => {
    const terminal = await openShell({ env: environment });
    terminal.type(`${before}$ZNIP unpack ${options} - -C out-${fifo} < ${fifo}; echo status $?\n`);
    // Twice as long as progress takes to show.
    const end = Date.now() + 2000;
    const screens = new Set<string>();
    await send(fifo, () => {
      screens.add(terminal.screen());
      return Date.now() < end;
    });
    const after = await terminal.until(/status \d/);
    expect([...screens].filter((screen) => /^. unpack/m.test(screen))).toEqual([]);
    expect(after.slice(after.indexOf('\n') + 1, after.lastIndexOf('status 0'))).toMatch(output);
  });

  test('comes with one thread, too, which has everything else to do', async () => {
    mkdirSync(at('busy'));
    for (let i = 0; i < 8; i++) writeFileSync(at(`busy/${i}`), noise(3_000_000, i + 1));
    const terminal = await openShell();
    terminal.type('clear; $ZNIP pack busy -o busy.znip -19 -j 1 --chunk-size 2M; echo status $?\n');
    expect(await terminal.until(/pack {2}\S|^status/m)).toMatch(/pack {2}\S+ MiB {2}/);
    terminal.press('C-c');
    await terminal.until(/^status 130/m);
  });
});

describe.skipIf(lacks('tmux', 'dash'))('Ctrl-C', () => {
  test('ends a pack: a message, status 130, no temporary file, the cursor', async () => {
    mkdirSync(at('big'));
    for (let i = 0; i < 8; i++) writeFileSync(at(`big/${i}`), noise(3_000_000, i + 1));
    const terminal = await openShell();
    terminal.type('clear; $ZNIP pack big -o big.znip -19 -j 2; echo status $?\n');
    await terminal.until(SPINNER);
    expect(terminal.cursorIsVisible()).toBe(false);
    terminal.press('C-c');
    const screen = await terminal.until(/status \d/);
    expect(screen).toMatch(/znip: ended by SIGINT\nstatus 130\n\$$/);
    expect(screen).not.toMatch(SPINNER);
    expect(terminal.cursorIsVisible()).toBe(true);
    expect(readdirSync(directory).filter((name) => name.includes('big.znip'))).toEqual([]);
  });

  test('ends an unpack that waits for its input', async () => {
    const terminal = await openShell();
    terminal.type(`clear; $ZNIP unpack - -C out-interrupted < ${fifo}; echo status $?\n`);
    await unpackSlowly(terminal, SPINNER, async () => {
      terminal.press('C-c');
      expect(await terminal.until(/status \d/)).toMatch(/znip: ended by SIGINT\nstatus 130\n\$$/);
    }).catch((error: unknown) => {
      // Nobody reads the rest any more.
      if ((error as { code?: string }).code !== 'EPIPE') throw error;
    });
    expect(terminal.cursorIsVisible()).toBe(true);
  });
});

describe.skipIf(lacks('tmux', 'dash'))('a terminal', () => {
  test.each([
    ['pack t', 'znip: an archive is not written to a terminal: use -o FILE, a pipe, or --force'],
    ['pack t -o -', 'znip: an archive is not written to a terminal: use -o FILE, a pipe, or --force'],
    [
      'unpack --tar - t.znip',
      'znip: a tar stream is not written to a terminal: use --tar FILE, a pipe, or --force',
    ],
    [
      'ls --format arrow t.znip',
      'znip: an Arrow table is not written to a terminal: use a file, a pipe, or --force',
    ],
    [
      'cat t.znip t/sub/binary',
      "znip: member 't/sub/binary' is binary, it has NUL bytes, and is not written to a terminal: use a file, a pipe, or --force",
    ],
    ['unpack -', 'znip: no archive is read from a terminal: name a file, or pipe one in'],
    ['verify -', 'znip: no archive is read from a terminal: name a file, or pipe one in'],
  ])('znip %s is refused, status 2', async (args, message) => {
    const terminal = await openShell({ columns: 150 });
    terminal.type(`clear; $ZNIP ${args}; echo status $?\n`);
    expect(await terminal.until(/status \d/)).toBe(`${message}\nstatus 2\n$`);
  });

  test('gets names that cannot act on it, and text of members', async () => {
    const terminal = await openShell();
    mkdirSync(at('odd'));
    writeFileSync(at('odd/\x1b[2Jred'), 'plain text\n');
    expect(znip(['pack', '-q', 'odd', '-o', 'odd.znip'], here).status).toBe(0);
    terminal.type('clear; $ZNIP ls odd.znip\n');
    expect(await terminal.until(/red\n\$$/)).toBe('odd\nodd/\\x1b[2Jred\n$');
    terminal.type("clear; $ZNIP cat odd.znip 'odd/*'\n");
    expect(await terminal.until(/text\n\$$/)).toBe('plain text\n$');
  });

  test('of 50 columns gets the help in 50 columns', async () => {
    const terminal = await openShell({ columns: 50 });
    terminal.type('clear; $ZNIP completion --help\n');
    const screen = await terminal.until(/signal n\n\$$/);
    // A line that the terminal had to break has exactly its width.
    const broken = screen.split('\n').filter((line) => line.length >= 50 && !line.startsWith('  '));
    expect(broken).toEqual([]);
  });
});
