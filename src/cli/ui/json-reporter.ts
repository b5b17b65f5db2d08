/**
 * Reports to programs: NDJSON events on standard error, and with --json the result on standard output (docs/json.md).
 */
import type { ZnipError } from '../../errors.ts';
import type { Streams } from '../process/streams.ts';
import { messageOf, withFlags } from './advice.ts';
import { now, type ProgressLine } from './progress-line.ts';
import type { Lost, Progress, Reporter, ReporterSettings } from './reporter.ts';
import { jsonLine } from './text.ts';

/** Milliseconds between progress events. Programs need fewer updates than people. */
const EVENT_MS = 500;

export class JsonReporter implements Reporter {
  private readonly streams: Streams;
  private readonly settings: ReporterSettings;
  /** On a terminal, --json alone does not change the progress line. */
  private readonly line: ProgressLine;
  private readonly start = now();
  private lastUpdate = 0;
  private count = 0;

  constructor(streams: Streams, settings: ReporterSettings, line: ProgressLine) {
    this.streams = streams;
    this.settings = settings;
    this.line = line;
  }

  get warnings(): number {
    return this.count;
  }

  warn(path: string, reason: string, failed = true): void {
    this.count += 1;
    if (failed || !this.settings.quiet) this.event('warning', { path, reason: withFlags(reason) });
  }

  lost({ member, reason, ...place }: Lost): void {
    this.event('lost', { member, reason: withFlags(reason), ...place });
  }

  unmatched(pattern: string): void {
    this.event('unmatched', { pattern });
  }

  found(event: string, data: Record<string, unknown>): void {
    this.event(event, data);
  }

  remark(): void {
    // For people.
  }

  detail(): void {
    // For people.
  }

  progress(progress: Progress): void {
    if (this.settings.progress !== 'json') {
      this.line.update(progress);
      return;
    }
    const time = now();
    if (time - this.lastUpdate < EVENT_MS) return;
    this.lastUpdate = time;
    this.event('progress', { ...progress, elapsedMs: Math.round(time - this.start) });
  }

  end(): void {
    this.line.end();
  }

  print(value: () => object, text: () => string | Uint8Array): void {
    this.streams.write(this.settings.json ? jsonLine(value()) : text());
  }

  /**
   * Writes the result to standard output, unless the data goes there. With --progress json, it is also the last event.
   */
  result(result: Record<string, unknown>, outputIsData = false): void {
    const { json, progress } = this.settings;
    if (json && !outputIsData) this.streams.write(jsonLine(result));
    if (progress === 'json' || (json && outputIsData)) this.event('result', { result });
  }

  error(error: Pick<ZnipError, 'code' | 'message' | 'context'>, status: number): void {
    // The message says already what kind of file it is.
    const { foreign: _, ...place } = error.context;
    this.event('error', { code: error.code, message: messageOf(error), status, ...place });
  }

  misuse(message: string, _said: string, status: number): void {
    this.error({ code: 'usage', message, context: {} }, status);
  }

  defect(): void {
    // The error event has the code `internal`. A stack is only for people.
  }

  private event(event: string, data: Record<string, unknown>): void {
    const line = jsonLine({ command: this.settings.command, event, ...data }).trimEnd();
    this.line.between(() => this.streams.message(line));
  }
}
