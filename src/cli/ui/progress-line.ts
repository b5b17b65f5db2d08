/**
 * The line that shows on a terminal how far a command has come, and that is gone when the command ends.
 */
import type { Ora } from 'ora';
import type { Streams } from '../process/streams.ts';
import type { World } from '../process/world.ts';
import type { Progress, ReporterSettings } from './reporter.ts';
import { countOf, formatBytes, formatDuration, formatPercent } from './text.ts';

/** A run that ends before this shows no progress line. */
const SHOW_AFTER_MS = 300;
const UPDATE_MS = 100;

/**
 * Whether what is written to the terminal can be replaced. CI services keep a log, even behind a terminal; and on
 * one that is no columns wide, as pseudo-terminals are until somebody says how wide, ora clears lines for ever.
 */
function redraws(env: World['env']): boolean {
  return env['TERM'] !== 'dumb' && env['CI'] === undefined && process.stderr.columns > 0;
}

/** Milliseconds. Every run asks once, and `performance` takes 0.7 ms to load. */
export function now(): number {
  return process.uptime() * 1000;
}

export class ProgressLine {
  private readonly command: string;
  private readonly env: World['env'];
  private readonly isWanted: () => boolean;
  /** Decided when there is something to show: process.stderr loads streams. */
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

  /** Between updates, so that what is written has lines of its own. */
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
      // Decided already.
      isEnabled: true,
      // Standard input stays as it is: it may be the data.
      discardStdin: false,
      text: this.command,
      color,
    });
    this.spinner.start();
  }
}
