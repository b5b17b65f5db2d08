/**
 * `znip recover`: its options and its help.
 */
import { Option } from 'commander';
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, THREADS } from '../args/command.ts';
import type { RecoverCommandOptions } from './run.ts';

export function defineRecover(program: CliCommand): void {
  const recover = program
    .command('recover')
    .description('unpack everything that is whole of a damaged or truncated archive')
    .argument('<archive>', 'archive file, or what is left of one')
    .option('-C, --directory <dir>', 'unpack into this directory, made when need be', '.')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .addOption(new Option('--overwrite', 'replace files that exist').conflicts('keepOld'))
    .option('-k, --keep-old', 'keep files that exist, silently')
    .option('-n, --dry-run', 'write nothing; print the names that would be written');
  addExamples(
    addCommonOptions(recover),
    `znip recover broken.znip -C rescued
znip recover -n broken.znip              only tell what is lost
znip recover half-downloaded.znip -C rescued --json | jq '.lost'

The index is used when it is whole; otherwise members are found by the headers in the archive, and their
times are exact to the second. Nothing is written that has not the hash that the archive states for it.
What is lost is named, and the status is 4; it is 0 when nothing is.`,
  );
  recover.does(async (context, archive: string, options: RecoverCommandOptions) => {
    const { runRecover } = await import('./run.ts');
    await runRecover(context, archive, options);
  });
}
