/**
 * What the definitions of the commands share: option groups, value parsers, the shape of the help.
 */
import { type Command, Option } from 'commander';
import { EXIT_STATUS_HELP } from './exit-status.ts';
import { collect, parseWholeNumber } from './options.ts';

export const THREADS = parseWholeNumber('-j', 1, 256);
export const LEVEL = parseWholeNumber('the level', 1, 19);

/** Puts the examples where they are seen first, and the exit statuses last. */
export function addExamples(command: Command, text: string, statuses = EXIT_STATUS_HELP): Command {
  const indented = text.replace(/^(?=.)/gm, '  ');
  return command.addHelpText('before', `Examples:\n${indented}\n`).addHelpText('after', `\n${statuses}`);
}

/** The long names of the options that stand on the command line. */
export function givenFlags(command: Command): string[] {
  return command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .map(({ long }) => long ?? '');
}

/** What every command that works for a while has: -q, -v, --json, --progress. */
export function addCommonOptions(command: Command): Command {
  return command
    .option('-q, --quiet', 'say nothing but errors')
    .option('-v, --verbose', 'say more')
    .option('--json', 'print the result as JSON on standard output')
    .addOption(
      new Option('--progress <mode>', 'progress on standard error: on a terminal, never, or as NDJSON events')
        .choices(['auto', 'never', 'json'])
        .default('auto'),
    );
}

/** --type and --repo: only the sub-indexes of these groups are read. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option('--type <type>', 'only members of this package type (may be repeated)', collect)
    .option('--repo <repo>', 'only members of this repo (may be repeated)', collect);
}
