/**
 * The line on a terminal that shows how far a command has come. It disappears when the command ends.
 */
import type { Ora } from 'ora';
import type { Streams } from '../process/streams.ts';
import type { World } from '../process/world.ts';
import type { Progress, ReporterSettings } from './reporter.ts';
import { countOf, formatBytes, formatDuration, formatPercent } from './text.ts';

/** A run that takes less time than this shows no progress line. */
const SHOW_AFTER_MS = 300;
const UPDATE_MS = 100;

/**
 * Whether a line on the terminal can be written over. CI services keep a log, even if they have a terminal. And if the
 * terminal has no columns, ora clears lines for ever; a pseudo-terminal has none until its width is set.
 */
function redraws(env: World['env']): boolean {
  return env['TERM'] !== 'dumb' && env['CI'] === undefined && process.stderr.columns > 0;
}

/** The time in milliseconds. Every run calls this, and `performance` would take 0.7 ms to load. */
export function now(): number {
  return process.uptime() * 1000;
}

export class ProgressLine {
  private readonly command: string;
  private readonly env: World['env'];
  private readonly isWanted: () => boolean;
  /** Decided when there is something to show, because process.stderr loads streams. */
  private live: boolean | undefined;
  private readonly start = now();
  private spinner: Ora | undefined;
  private spinnerLoading = false;
  private ended = false;
  private lastUpdate = 0;

  constructor({ env }: World, streams: Streams, { command, progress, quiet }: ReporterSettings) {
    this.command = command;
    this.env = env;
    this.isWanted = () => progress === 'auto' && !quiet && streams.errorIsTerminal && redraws(env);
  }

  update(progress: Progress): void {
    const time = now();
    if (time - this.start < SHOW_AFTER_MS || time - this.lastUpdate < UPDATE_MS) return;
    this.lastUpdate = time;
    if (!(this.live ??= this.isWanted())) return;
    if (this.spinner !== undefined) this.spinner.text = this.describe(progress, time - this.start);
    else if (!this.spinnerLoading) {
      this.spinnerLoading = true;
      void this.startSpinner();
    }
  }

  /** Writes between two updates, so that the output has its own lines. */
  between(write: () => void): void {
    const { spinner } = this;
    if (spinner?.isSpinning === true) spinner.clear();
    write();
    if (spinner?.isSpinning === true) spinner.render();
  }

  end(): void {
    this.ended = true;
    this.spinner?.stop();
  }

  private describe({ members, contentBytes, totalMembers, totalBytes }: Progress, elapsedMs: number): string {
    const rate = contentBytes / (elapsedMs / 1000);
    const known = totalBytes !== undefined && (members === undefined || totalMembers !== undefined);
    const done = formatBytes(contentBytes);
    return [
      this.command,
      ...(known
        ? [`${done} of ${formatBytes(totalBytes)}`, formatPercent(contentBytes, totalBytes)]
        : [done]),
      `${formatBytes(rate)}/s`,
      ...(members === undefined ? [] : [countOf(members, 'member')]),
      ...(known && rate > 0 ? [`${formatDuration(((totalBytes - contentBytes) / rate) * 1000)} left`] : []),
    ].join('  ');
  }

  private async startSpinner(): Promise<void> {
    const { default: ora } = await import('ora');
    if (this.ended) return;
    const color = (this.env['NO_COLOR'] ?? '') === '' ? 'cyan' : false;
    this.spinner = ora({
      stream: process.stderr,
      // This has been decided already.
      isEnabled: true,
      // Do not touch standard input: it may be the data.
      discardStdin: false,
      text: this.command,
      color,
    });
    this.spinner.start();
  }
}
