/**
 * What a command tells a person while it runs: warnings, progress and a summary, all on standard error.
 */
import type { Ora } from 'ora';
import type { ZnipError } from '../../errors.ts';
import { isTerminal, STDERR, writeMessage, writeOutput } from '../process/standard-streams.ts';
import { speaksJson, writeError, writeEvent, writeUnmatched, writeWarning } from './messages.ts';
import { countOf, formatBytes, formatDuration, formatPercent, jsonLine, readable } from './text.ts';

export type ProgressMode = 'auto' | 'never' | 'json';

export interface ReporterOptions {
  command: string;
  quiet: boolean;
  verbose: boolean;
  progress: ProgressMode;
}

export interface Progress {
  /** undefined where members are not looked at. */
  members: number | undefined;
  contentBytes: number;
  /** undefined while it is not known. */
  totalMembers: number | undefined;
  totalBytes: number | undefined;
}

export interface Lost {
  member: string | null;
  code: string;
  reason: string;
  blob: number | null;
  offset: number | null;
}

/** A run that ends before this shows no progress line. */
const SHOW_AFTER_MS = 300;
const UPDATE_MS = 100;
/** Programs get fewer events than people get frames. */
const EVENT_MS = 500;

/**
 * Whether what is written to the terminal can be replaced. CI services keep a log, even behind a terminal; and on
 * one that is no columns wide, as pseudo-terminals are until somebody says how wide, ora clears lines for ever.
 */
function redraws(): boolean {
  return process.env['TERM'] !== 'dumb' && process.env['CI'] === undefined && process.stderr.columns > 0;
}

export class Reporter {
  private readonly options: ReporterOptions;
  private readonly start = performance.now();
  private readonly live: boolean;
  private spinner: Ora | undefined;
  private spinnerLoading = false;
  private ended = false;
  private lastUpdate = 0;
  private warningCount = 0;

  constructor(options: ReporterOptions) {
    this.options = options;
    this.live = options.progress === 'auto' && !options.quiet && isTerminal(STDERR) && redraws();
  }

  get warnings(): number {
    return this.warningCount;
  }

  /** A loss names the file and what is not as it was asked for. `-q` does not silence it: the status tells of it. */
  warn(path: string, reason: string): void {
    this.warningCount += 1;
    this.between(() => writeWarning(path, reason));
  }

  /** A note is about what is as it was asked for. It is counted as a warning; `-q` silences it. */
  note(path: string, reason: string): void {
    this.warningCount += 1;
    if (!this.options.quiet) this.between(() => writeWarning(path, reason));
  }

  /** What pack and diff tell of. */
  warning({ path, reason, failed }: { path: string; reason: string; failed: boolean }): void {
    if (failed) this.warn(path, reason);
    else this.note(path, reason);
  }

  /** Damage, and the member that it costs, if it is known. An error: `-q` does not silence it. */
  lost({ member, reason, ...place }: Lost): void {
    this.between(() => {
      if (speaksJson()) writeEvent('lost', { member, reason, ...place });
      else writeMessage(`znip: ${readable(member === null ? reason : `'${member}' is lost: ${reason}`)}`);
    });
  }

  /** An error that does not end the command. */
  error(error: ZnipError, status: number): void {
    this.between(() => writeError(error, status));
  }

  /** A pattern that nothing matches: said even with `-q`, because the status tells of it. */
  unmatched(pattern: string, archiveName: string): void {
    this.between(() => writeUnmatched(pattern, archiveName));
  }

  /** A line for `-v` only, and only for people. */
  detail(text: string): void {
    if (this.options.verbose && !this.options.quiet && !speaksJson()) this.between(() => writeMessage(text));
  }

  /** Between progress updates, so that what is written has lines of its own. */
  private between(write: () => void): void {
    const { spinner } = this;
    if (spinner?.isSpinning === true) spinner.clear();
    write();
    if (spinner?.isSpinning === true) spinner.render();
  }

  progress(progress: Progress): void {
    const now = performance.now();
    if (this.options.progress === 'json') {
      if (now - this.lastUpdate < EVENT_MS) return;
      this.lastUpdate = now;
      writeEvent('progress', { ...progress, elapsedMs: Math.round(now - this.start) });
      return;
    }
    if (!this.live || now - this.start < SHOW_AFTER_MS || now - this.lastUpdate < UPDATE_MS) return;
    this.lastUpdate = now;
    if (this.spinner === undefined) this.loadSpinner();
    else this.spinner.text = this.describe(progress, now - this.start);
  }

  /** Ends the progress display, and says for people what has been done. */
  end(summary?: string): void {
    this.ended = true;
    this.spinner?.stop();
    if (summary !== undefined && !this.options.quiet && !speaksJson()) writeMessage(summary);
  }

  /**
   * Gives the result to programs: with --json on standard output, unless that has the data; with
   * --progress json as the last event.
   */
  result(result: Record<string, unknown>, options: { json?: boolean }, outputIsData = false): void {
    if (options.json === true && !outputIsData) writeOutput(jsonLine(result));
    if (this.options.progress === 'json' || (options.json === true && outputIsData))
      writeEvent('result', { result });
  }

  private describe({ members, contentBytes, totalMembers, totalBytes }: Progress, elapsedMs: number): string {
    const rate = contentBytes / (elapsedMs / 1000);
    const known = totalBytes !== undefined && (members === undefined || totalMembers !== undefined);
    const done = formatBytes(contentBytes);
    return [
      this.options.command,
      ...(known
        ? [`${done} of ${formatBytes(totalBytes)}`, formatPercent(contentBytes, totalBytes)]
        : [done]),
      `${formatBytes(rate)}/s`,
      ...(members === undefined ? [] : [countOf(members, 'member')]),
      ...(known && rate > 0 ? [`${formatDuration(((totalBytes - contentBytes) / rate) * 1000)} left`] : []),
    ].join('  ');
  }

  private loadSpinner(): void {
    if (this.spinnerLoading) return;
    this.spinnerLoading = true;
    void this.startSpinner();
  }

  private async startSpinner(): Promise<void> {
    const { default: ora } = await import('ora');
    if (this.ended) return;
    const color = process.env['NO_COLOR'] === undefined || process.env['NO_COLOR'] === '' ? 'cyan' : false;
    this.spinner = ora({
      stream: process.stderr,
      // Decided already.
      isEnabled: true,
      // Standard input stays as it is: it may be the data.
      discardStdin: false,
      text: this.options.command,
      color,
    });
    this.spinner.start();
  }
}
