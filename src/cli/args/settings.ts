/**
 * What a command line says about how it is to be answered: known before its options are checked, so that an error of
 * theirs is said in the same way.
 */
import type { ReporterSettings } from '../ui/reporter.ts';
import { type Token, valueOf } from './read.ts';

/** `command`: as it was typed. */
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

/** Of a command that has no such option, or of none. */
const MEANT_FOR_PROGRAMS: ReadonlySet<string> = new Set(['--json', '--progress=json', '--format=json']);
