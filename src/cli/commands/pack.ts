/**
 * `znip pack`: its options and its help.
 */
import type { Command } from 'commander';
import { addCommonOptions, addExamples, LEVEL, THREADS } from '../command.ts';
import { parseSize } from '../options.ts';
import type { PackCommandOptions } from '../run/pack.ts';

export function definePack(program: Command): void {
  const pack = program
    .command('pack')
    .description('pack files and directories into an archive')
    .argument('<path...>', 'files and directories; directories with all they hold')
    .requiredOption('-o, --output <file>', "archive to write; '-' is standard output")
    .option('-C, --directory <dir>', 'names are relative to this directory')
    .option('--level <n>', 'compression level, also as -1 to -19 (default: 3)', LEVEL)
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .option(
      '--chunk-size <size>',
      'bytes compressed as one unit, 64K to 128M (default: by input size)',
      parseSize,
    )
    .option('--type <type>', 'package type of all members (default: recognised from their names)')
    .option('--repo <repo>', 'repo of all members')
    .option('--repo-from-dir', "each member's first path component is its repo")
    .option('--owner', 'record numeric owners')
    .option('-f, --force', 'write an archive even to a terminal');
  addExamples(
    addCommonOptions(pack),
    `znip pack node_modules -o deps.znip
znip pack src docs README.md -o release.znip -9
znip pack -C /srv/mirror npm maven -o mirror.znip --repo-from-dir
znip pack build -o - | ssh host 'cat > build.znip'`,
  );
  pack.action(async (paths: string[], options: PackCommandOptions) => {
    const { runPack } = await import('../run/pack.ts');
    await runPack(paths, options);
  });
}
