/**
 * What znip says on standard error: lines for people or, with --json or --progress json, NDJSON events for
 * programs (docs/json.md). One process runs one command, so what it speaks is decided once.
 */
import type { ZnipError } from '../../errors.ts';
import { writeMessage } from '../process/standard-streams.ts';
import { jsonLine, readable, shortName } from './text.ts';

/** The command whose events these are, or undefined where people read. */
let eventsOf: string | undefined;

/** Decides it from the arguments, before they are parsed: an error of parsing is said in the same way. */
export function chooseMessages(args: readonly string[]): void {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  const given = (option: string, value: string): boolean =>
    options.includes(`${option}=${value}`) ||
    options.some((arg, i) => arg === option && options[i + 1] === value);
  if (options.includes('--json') || given('--progress', 'json') || given('--format', 'json')) {
    eventsOf = options.find((arg) => !arg.startsWith('-')) ?? '';
  }
}

export function speaksJson(): boolean {
  return eventsOf !== undefined;
}

/** An event, as one line. Only where `speaksJson`. */
export function writeEvent(event: string, data: Record<string, unknown>): void {
  writeMessage(jsonLine({ command: eventsOf, event, ...data }).trimEnd());
}

/** A file and what is wrong with it. */
export function writeWarning(path: string, reason: string): void {
  if (speaksJson()) writeEvent('warning', { path, reason });
  else writeMessage(`znip: ${shortName(path)}: ${readable(reason)}`);
}

/** A pattern that nothing in the archive matches. */
export function writeUnmatched(pattern: string, archiveName: string): void {
  if (speaksJson()) writeEvent('unmatched', { pattern });
  else writeMessage(readable(`znip: nothing in ${archiveName} matches '${pattern}'`));
}

/** Why the command failed, and the exit status that it ends with. */
export function writeError(
  { code, message, context }: Pick<ZnipError, 'code' | 'message' | 'context'>,
  status: number,
): void {
  if (speaksJson()) writeEvent('error', { code, message, status, ...context });
  else writeMessage(`znip: ${readable(message)}`);
}
