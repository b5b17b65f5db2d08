/**
 * `znip ls`: its options and its help.
 */
import type { Command } from 'commander';
import { addExamples, addSelectionOptions } from '../command.ts';
import type { LsCommandOptions } from '../run/ls.ts';

export function defineLs(program: Command): void {
  const ls = program
    .command('ls')
    .alias('list')
    .description('list the members of an archive')
    .argument('<archive>', 'archive file')
    .option('-l, --long', 'mode, size, time and name')
    .option('-0, --null', 'end each name with NUL instead of a line break')
    .option('--json', 'one JSON object for each member');
  addExamples(
    addSelectionOptions(ls),
    `znip ls deps.znip
znip ls -l deps.znip
znip ls -0 deps.znip | xargs -0 -n1 echo
znip ls --json deps.znip | jq -r 'select(.size > 1000000) | .path'`,
  );
  ls.action(async (archive: string, options: LsCommandOptions) => {
    const { runLs } = await import('../run/ls.ts');
    await runLs(archive, options);
  });
}
