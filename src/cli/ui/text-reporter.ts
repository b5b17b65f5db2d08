/**
 * Reports to people: lines on standard error.
 */
import type { ZnipError } from '../../errors.ts';
import type { Streams } from '../process/streams.ts';
import { messageOf, withFlags } from './advice.ts';
import type { ProgressLine } from './progress-line.ts';
import type { Lost, Progress, Reporter, ReporterSettings } from './reporter.ts';
import { printable, readable, shortName } from './text.ts';

export class TextReporter implements Reporter {
  private readonly streams: Streams;
  private readonly settings: Pick<ReporterSettings, 'quiet' | 'verbose'>;
  private readonly line: ProgressLine;
  private count = 0;

  constructor(streams: Streams, settings: Pick<ReporterSettings, 'quiet' | 'verbose'>, line: ProgressLine) {
    this.streams = streams;
    this.settings = settings;
    this.line = line;
  }

  get warnings(): number {
    return this.count;
  }

  warn(path: string, reason: string, failed = true): void {
    this.count += 1;
    if (failed || !this.settings.quiet) this.say(`znip: ${shortName(path)}: ${readable(withFlags(reason))}`);
  }

  lost({ member, reason }: Lost, how = 'is lost'): void {
    const why = withFlags(reason);
    this.say(`znip: ${readable(member === null ? why : `'${member}' ${how}: ${why}`)}`);
  }

  unmatched(pattern: string, archiveName: string): void {
    this.say(readable(`znip: nothing in ${archiveName} matches '${pattern}'`));
  }

  found(_event: string, _data: Record<string, unknown>, lines: readonly string[]): void {
    for (const line of lines) this.say(line);
  }

  remark(line: string): void {
    this.say(line);
  }

  detail(line: string): void {
    if (this.settings.verbose && !this.settings.quiet) this.say(line);
  }

  progress(progress: Progress): void {
    this.line.update(progress);
  }

  end(summary?: string): void {
    this.line.end();
    if (summary !== undefined && !this.settings.quiet) this.say(summary);
  }

  print(_value: () => object, text: () => string | Uint8Array): void {
    this.streams.write(text());
  }

  result(): void {
    // end() has told people already.
  }

  error(error: Pick<ZnipError, 'code' | 'message' | 'context'>): void {
    this.say(`znip: ${readable(messageOf(error))}`);
  }

  misuse(_message: string, said: string): void {
    this.say(said);
  }

  defect(stack: string): void {
    this.say('znip: this is a defect in znip; please report it with what follows');
    this.say(stack.split('\n').map(printable).join('\n'));
  }

  private say(text: string): void {
    this.line.between(() => this.streams.message(text));
  }
}
