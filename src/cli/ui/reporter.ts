/**
 * How a command reports while it runs and when it ends. There are two reporters: lines for people (`text-reporter.ts`)
 * and, with --json or --progress json, events for programs (`json-reporter.ts`, docs/json.md). The command line decides
 * once which one is used. A command never asks which one it is. Where the two forms differ, it gives both.
 */
import type { ZnipError } from '../../errors.ts';

export type ProgressMode = 'auto' | 'never' | 'json';

export interface ReporterSettings {
  /** The command as it was typed. */
  command: string;
  quiet: boolean;
  verbose: boolean;
  /** The result goes to standard output as JSON. */
  json: boolean;
  progress: ProgressMode;
}

export interface Progress {
  /** undefined if the command does not look at members. */
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
  /** How many warnings there were, including those that `-q` silenced. */
  readonly warnings: number;
  /**
   * Says what is wrong with a file. `failed`: the user did not get what was asked for, the status shows it, and `-q`
   * does not silence it. Otherwise it is a note: `-q` silences it, but it still counts.
   */
  warn(path: string, reason: string, failed?: boolean): void;
  /** Damage, and the lost member, if it is known. This is an error: `-q` does not silence it. `how`: 'is lost'. */
  lost(lost: Lost, how?: string): void;
  /** A pattern that matches nothing in the archive. It is reported even with `-q`, because the status shows it. */
  unmatched(pattern: string, archiveName: string): void;
  /** Something else that was found: an event for programs, lines for people. `-q` does not silence it. */
  found(event: string, data: Record<string, unknown>, lines: readonly string[]): void;
  /** A line that programs do not need, because they get the same facts in another way. */
  remark(line: string): void;
  /** A line for `-v` only, and only for people. */
  detail(line: string): void;
  progress(progress: Progress): void;
  /** Ends the progress display, and tells people what has been done. */
  end(summary?: string): void;
  /** Prints on standard output what was asked for: the value with --json, otherwise the text. */
  print(value: () => object, text: () => string | Uint8Array): void;
  /** The result of a run that did something. `outputIsData`: standard output got the data. */
  result(result: Record<string, unknown>, outputIsData?: boolean): void;
  /** Why the command failed, and the exit status that it ends with. */
  error(error: Pick<ZnipError, 'code' | 'message' | 'context'>, status: number): void;
  /** What is wrong with the arguments. `said` is commander's text for people, perhaps with a suggestion. */
  misuse(message: string, said: string, status: number): void;
  /** What a programmer needs to repair a defect. */
  defect(stack: string): void;
}
