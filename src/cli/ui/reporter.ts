/**
 * What a command tells while it runs and when it ends. There are two: lines for people (`text-reporter.ts`) and, with
 * --json or --progress json, events for programs (`json-reporter.ts`, docs/json.md). Which one it is, is decided once,
 * from the command line; a command says what is so, in both forms where they differ, and does not ask.
 */
import type { ZnipError } from '../../errors.ts';

export type ProgressMode = 'auto' | 'never' | 'json';

export interface ReporterSettings {
  /** As it was typed. */
  command: string;
  quiet: boolean;
  verbose: boolean;
  /** The result goes to standard output as JSON. */
  json: boolean;
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

export interface Reporter {
  /** How many warnings there were, silenced ones too. */
  readonly warnings: number;
  /**
   * What is wrong with a file. `failed`: it is not as it was asked for, the status tells of it, and `-q` does not silence
   * it. Otherwise it is a note, which `-q` silences, and which counts all the same.
   */
  warn(path: string, reason: string, failed?: boolean): void;
  /** Damage, and the member that it costs, if it is known. An error: `-q` does not silence it. `how`: 'is lost'. */
  lost(lost: Lost, how?: string): void;
  /** A pattern that nothing in the archive matches: said even with `-q`, because the status tells of it. */
  unmatched(pattern: string, archiveName: string): void;
  /** Something else that is found: an event for programs, lines for people. `-q` does not silence it. */
  found(event: string, data: Record<string, unknown>, lines: readonly string[]): void;
  /** Lines that programs need not read, because they have got all of it. */
  remark(line: string): void;
  /** A line for `-v` only, and only for people. */
  detail(line: string): void;
  progress(progress: Progress): void;
  /** Ends the progress display, and says for people what has been done. */
  end(summary?: string): void;
  /** What was asked for, on standard output: a value with --json, or what `text` makes of it. */
  print(value: () => object, text: () => string | Uint8Array): void;
  /** The result of a run that did something. `outputIsData`: standard output has what was made. */
  result(result: Record<string, unknown>, outputIsData?: boolean): void;
  /** Why the command failed, and the exit status that it ends with. */
  error(error: Pick<ZnipError, 'code' | 'message' | 'context'>, status: number): void;
  /** What is wrong with the arguments. `said` is that as commander says it to people, with what may have been meant. */
  misuse(message: string, said: string, status: number): void;
  /** What whoever mends a defect needs. */
  defect(stack: string): void;
}
