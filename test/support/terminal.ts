/**
 * A real terminal for tests: a tmux session with its own server, keys that are typed, and what the screen shows.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { run } from './run.ts';

/** Long enough for a machine that does other things: what is awaited comes, or the test has failed. */
const DEADLINE_MS = 30_000;
const POLL_MS = 30;

export interface TerminalOptions {
  cwd: string;
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
}

const opened = new Set<Terminal>();
afterEach(() => {
  for (const terminal of opened) terminal.close();
});

export class Terminal {
  private readonly home = mkdtempSync(join(tmpdir(), 'znip-terminal-'));

  /** Starts a line for sh in a new terminal. */
  constructor(command: string, { cwd, columns = 80, rows = 24, env = {} }: TerminalOptions) {
    opened.add(this);
    // Not by tmux's -e: the shell that it starts the command with may have files that set PATH.
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const size = ['-x', String(columns), '-y', String(rows)];
    this.tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      ...size,
      '-c',
      cwd,
      // Nothing from the environment of the tests but the terminal's own: CI, NO_COLOR and the like change output.
      'env',
      '-i',
      `PATH=${process.env['PATH'] ?? ''}`,
      `TMPDIR=${tmpdir()}`,
      `HOME=${this.home}`,
      'TERM=screen',
      'LANG=C.UTF-8',
      ...variables,
      'sh',
      '-c',
      command,
    );
  }

  private tmux(...args: string[]): string {
    const { status, stdout, stderr } = run('tmux', ['-S', join(this.home, 'socket'), ...args]);
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Types text as it is. */
  type(text: string): void {
    this.tmux('send-keys', '-l', '--', text);
  }

  /** Presses keys by tmux's names for them: `Enter`, `Tab`, `C-c`. */
  press(...keys: string[]): void {
    this.tmux('send-keys', ...keys);
  }

  resize(columns: number, rows: number): void {
    this.tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** The lines on the screen, without blanks at their ends and without empty lines at the end. */
  screen(): string {
    return this.tmux('capture-pane', '-p')
      .replace(/[ \t]+$/gm, '')
      .trimEnd();
  }

  /** The same with the escape sequences of colours. */
  styledScreen(): string {
    return this.tmux('capture-pane', '-p', '-e');
  }

  cursorIsVisible(): boolean {
    return this.tmux('display-message', '-p', '#{cursor_flag}').trim() === '1';
  }

  /** Waits until the screen is as expected, and returns it. Throws with what it shows when it never is. */
  async until(expected: string | RegExp | ((screen: string) => boolean)): Promise<string> {
    const isThere = (screen: string): boolean =>
      typeof expected === 'function'
        ? expected(screen)
        : typeof expected === 'string'
          ? screen.includes(expected)
          : expected.test(screen);
    let screen = '';
    for (const end = Date.now() + DEADLINE_MS; Date.now() < end;) {
      screen = this.screen();
      if (isThere(screen)) return screen;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`the terminal never showed ${String(expected)}, but:\n${screen}`);
  }

  close(): void {
    opened.delete(this);
    spawnSync('tmux', ['-S', join(this.home, 'socket'), 'kill-server']);
    rmSync(this.home, { recursive: true, force: true });
  }
}
