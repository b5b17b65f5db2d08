/**
 * `znip recover`: its options and its help.
 */
import { Option } from 'commander';
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, THREADS } from '../args/command.ts';
import { addXattrOptions, RESTORE_XATTRS } from '../args/xattrs.ts';
import type { RecoverCommandOptions } from './run.ts';

export function defineRecover(program: CliCommand): void {
  const recover = program
    .command('recover')
    .description('unpack everything that is still whole in a damaged or truncated archive')
    .argument('<archive>', 'archive file, or what is left of one')
    .option('-C, --directory <dir>', 'unpack into this directory; it is created if needed', '.')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .addOption(new Option('--overwrite', 'replace files that exist').conflicts('keepOld'))
    .option('-k, --keep-old', 'keep files that exist, without a message')
    .option('--same-owner', 'restore recorded owners, and set-user-id and similar bits (root only)')
    .option('-n, --dry-run', 'write nothing; only print the names that would be written');
  addExamples(
    addCommonOptions(addXattrOptions(recover, RESTORE_XATTRS)),
    `znip recover broken.znip -C rescued
znip recover -n broken.znip              only shows what is lost
znip recover half-downloaded.znip -C rescued --json | jq '.lost'

If the index is whole, members are found by it. If not, they are found by the headers in the archive, and
their times are exact only to the second. A file is written only if its hash matches the archive. What is
lost is named, and the status is 4. If nothing is lost, the status is 0.`,
  );
  recover.does(async (context, archive: string, options: RecoverCommandOptions) => {
    const { runRecover } = await import('./run.ts');
    await runRecover(context, archive, options);
  });
}
