/**
 * `znip merge`: its options and its help.
 */
import { Option } from 'commander';
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, LEVEL, THREADS } from '../args/command.ts';
import { parseSize } from '../args/options.ts';
import type { MergeCommandOptions } from './run.ts';

export function defineMerge(program: CliCommand): void {
  const merge = program
    .command('merge')
    .description('make one archive of several, without compressing anew')
    .argument('<archive...>', 'archive files, in the order of their members')
    .option('-o, --output <file>', "the new archive; '-' is standard output (default)")
    .addOption(
      new Option(
        '--on-conflict <which>',
        'if archives have different members of a name: stop, or take that of the first or last',
      ).choices(['error', 'first', 'last']),
    )
    .option('--level <n>', 'level of blocks that are made anew (default: that of the archives)', LEVEL)
    .option('-j, --threads <n>', 'worker threads (default: one for each core, if they are needed)', THREADS)
    .option('--memory <size>', 'memory limit', parseSize)
    .option('-f, --force', 'write an archive even to a terminal');
  addExamples(
    addCommonOptions(merge),
    `znip merge core.znip docs.znip -o all.znip
znip merge old.znip new.znip --on-conflict last -o newest.znip
znip merge part-*.znip | ssh host 'cat > all.znip'

Groups stay. Directories, and the same member twice, are no conflict. Blocks are copied after their hashes
were checked; only those with a member that another archive replaces are made anew. A hard link to such a
member becomes a file, with the content that it had. Block contents are not decoded: what an archive says of
them is believed, and znip verify checks it.`,
  );
  merge.does(async (context, archives: string[], options: MergeCommandOptions) => {
    const { runMerge } = await import('./run.ts');
    await runMerge(context, archives, options);
  });
}
