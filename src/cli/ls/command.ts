/**
 * `znip ls`: its options and its help.
 */
import { Option } from 'commander';
import type { CliCommand } from '../args/cli-command.ts';
import { addExamples, addSelectionOptions } from '../args/command.ts';
import type { LsCommandOptions } from './run.ts';

export function defineLs(program: CliCommand): void {
  const ls = program
    .command('ls')
    .alias('list')
    // `-h` means readable sizes elsewhere; here they are the default.
    .idleLetter('h')
    .description('list the members of an archive')
    .argument('<archive>', 'archive file')
    .argument('[pattern...]', 'names of members or directories, or patterns (default: all members)')
    .option('-l, --long', 'print mode, size, time and name')
    .option('-1, --one-per-line', 'print one name on each line (this is the default)')
    .option('-b, --bytes', 'print exact sizes in bytes')
    .option('-0, --null', 'end each name with NUL instead of a line break')
    .option('--tree', 'draw the directories as a tree')
    .option('--json', 'print one JSON object for each member')
    .addOption(
      new Option(
        '--format <format>',
        'what to print; arrow: a table of all columns, as an Arrow IPC stream',
      ).choices(['names', 'long', 'json', 'csv', 'arrow']),
    )
    .addOption(
      new Option(
        '--sort <key>',
        'sort by name, size (largest first) or mtime (newest first); none: archive order',
      ).choices(['name', 'size', 'mtime', 'none']),
    )
    .option('-r, --reverse', 'reverse the order')
    .option('--total', 'print number and size of the listed members, on standard error')
    .option('-f, --force', 'write an Arrow table even to a terminal');
  addExamples(
    addSelectionOptions(ls),
    `znip ls deps.znip
znip ls -l deps.znip 'node_modules/**/*.wasm'
znip ls -l --sort size deps.znip | head
znip ls --tree deps.znip node_modules/commander
znip ls -0 deps.znip | xargs -0 -n1 echo
znip ls --json deps.znip | jq -r 'select(.size > 1000000) | .path'
znip ls --format arrow deps.znip > deps.arrows      for Polars, pandas, DuckDB`,
  );
  ls.does(async (context, archive: string, patterns: string[], options: LsCommandOptions) => {
    const { runLs } = await import('./run.ts');
    await runLs(context, archive, patterns, options);
  });
}
