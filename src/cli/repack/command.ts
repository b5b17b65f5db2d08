/**
 * `znip repack`: its options and its help.
 */
import { Option } from 'commander';
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, LEVEL, THREADS } from '../args/command.ts';
import { collect, parseSize } from '../args/options.ts';
import type { RepackCommandOptions } from './run.ts';

export function defineRepack(program: CliCommand): void {
  const repack = program
    .command('repack')
    .description('remove members from an archive, or compress it anew')
    .argument('<archive>', 'archive file')
    .argument('[pattern...]', 'members that stay: names, directories, or patterns (default: all)')
    .option('-o, --output <file>', "the new archive; '-' is standard output (default)")
    .option(
      '-x, --exclude <pattern>',
      'remove names that match, and all below them (may be repeated)',
      collect,
    )
    .digitsOption(
      new Option('--level <n>', 'compress everything anew at this level; -1 to -19 work, too').argParser(
        LEVEL,
      ),
    )
    .option('-j, --threads <n>', 'worker threads (default: one for each core, if they are needed)', THREADS)
    .option('--memory <size>', 'memory limit', parseSize)
    .option('-f, --force', 'write an archive even to a terminal');
  addExamples(
    addCommonOptions(repack),
    `znip repack deps.znip -x '*.map' -x test -o slim.znip
znip repack mirror.znip -19 -o mirror.znip
znip repack all.znip src docs -o some.znip

The archive and the new one may be the same file. Order, groups and times stay. Without a level, blocks are
copied, and only those from which something is removed are made anew. A hard link to a removed member becomes
a file, with the content that it had. -v names what is removed.`,
  );
  repack.does(async (context, archive: string, patterns: string[], options: RepackCommandOptions) => {
    const { runRepack } = await import('./run.ts');
    await runRepack(context, archive, patterns, options);
  });
}
