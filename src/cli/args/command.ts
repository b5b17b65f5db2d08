/**
 * What the definitions of the commands share: option groups, value parsers, the layout of the help.
 */
import { type Command, Option } from 'commander';
import { EXIT_STATUS_HELP, SILENCE_HELP } from '../process/exit-status.ts';
import { collect, parseWholeNumber } from './options.ts';

export const THREADS = parseWholeNumber('-j', 1, 256);
export const LEVEL = parseWholeNumber('the level', 1, 19);

/**
 * Puts the examples first and the exit statuses last. The first paragraph of `text` has the examples, one command on
 * each line, perhaps with a remark after two blanks. Notes follow.
 */
export function addExamples<C extends Command>(command: C, text: string, statuses = EXIT_STATUS_HELP): C {
  const [examples = '', ...notes] = text.split('\n\n');
  const listed = examples.replace(/^/gm, '  ');
  return command
    .addHelpText('before', () =>
      [`Examples:\n${listed}`, ...notes.map((note) => fitToScreen(command, note)), '']
        .join('\n\n')
        .slice(0, -1),
    )
    .addHelpText('after', `\n${SILENCE_HELP}\n\n${statuses}`);
}

/** Puts notes after the options. */
export function addNotes<C extends Command>(command: C, text: string): C {
  return command.addHelpText('after', () => {
    const notes = text.split('\n\n').map((note) => fitToScreen(command, note));
    return `\n${notes.join('\n\n')}`;
  });
}

/** Wraps a paragraph. If lines begin with blanks, it is a table and stays as it is. */
function fitToScreen(command: Command, paragraph: string): string {
  if (/^ /m.test(paragraph)) return paragraph;
  const width = Math.min(command.configureOutput().getOutHelpWidth?.() ?? 80, 100);
  const lines: string[] = [];
  for (const word of paragraph.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** The options of every command that works for a while: -q, -v, --json, --progress. */
export function addCommonOptions<C extends Command>(command: C): C {
  return command
    .option('-q, --quiet', 'print only errors and what is left out')
    .option('-v, --verbose', 'print more: pack and unpack list members on standard error')
    .option('--json', 'print the result as JSON on standard output')
    .addOption(
      new Option(
        '--progress <mode>',
        'progress on standard error: only on a terminal, never, or as NDJSON events',
      )
        .choices(['auto', 'never', 'json'])
        .default('auto'),
    );
}

/** --type and --repo: only the sub-indexes of these groups are read. */
export function addSelectionOptions<C extends Command>(command: C): C {
  return command
    .option('--type <type>', 'only members of this package type (may be repeated)', collect)
    .option('--repo <repo>', 'only members of this repo (may be repeated)', collect);
}
