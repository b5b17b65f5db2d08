/**
 * How the user wants the answer to a command line. This is known before the options are checked, so that an error in
 * them is reported in the same way.
 */
import type { ReporterSettings } from '../ui/reporter.ts';
import { type Token, valueOf } from './read.ts';

/** `command` is the command as it was typed. */
export function settingsOf(
  command: string,
  line: readonly Token[],
): { settings: ReporterSettings; forPrograms: boolean } {
  const progress = valueOf(line, 'progress');
  const settings: ReporterSettings = {
    command,
    quiet: valueOf(line, 'quiet') !== undefined,
    verbose: valueOf(line, 'verbose') !== undefined,
    json: valueOf(line, 'json') !== undefined,
    progress: progress === 'json' || progress === 'never' ? progress : 'auto',
  };
  const forPrograms =
    settings.json ||
    settings.progress === 'json' ||
    valueOf(line, 'format') === 'json' ||
    line.some((token) => token.kind === 'unknown' && MEANT_FOR_PROGRAMS.has(token.typed));
  return { settings, forPrograms };
}

/** Options that ask for output for programs, even if the command does not have them, or if there is no command. */
const MEANT_FOR_PROGRAMS: ReadonlySet<string> = new Set(['--json', '--progress=json', '--format=json']);
