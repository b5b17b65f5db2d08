/**
 * `znip info`: its options and its help.
 */
import { Option } from 'commander';
import type { CliCommand } from '../args/cli-command.ts';
import { addExamples } from '../args/command.ts';
import type { InfoCommandOptions } from './run.ts';

export function defineInfo(program: CliCommand): void {
  const info = program
    .command('info')
    .description('show what an archive consists of')
    .argument('<archive>', 'archive file')
    .option('-v, --verbose', 'show every group and every section of the index')
    .option('--json', 'print JSON, with every group and section')
    .addOption(new Option('--root', 'print only the root hash').conflicts(['json', 'verbose', 'contentRoot']))
    .addOption(
      new Option('--content-root', 'print only the hash of what the archive holds (see below)').conflicts([
        'json',
        'verbose',
      ]),
    );
  addExamples(
    info,
    `znip info deps.znip
znip info --json deps.znip | jq .ratio
znip info --root deps.znip               one value for the whole archive
znip info --content-root deps.znip       the same for all archives of a tree

info reads and checks the index, but not the contents. --root reads only the end of the archive.
The content root covers names, kinds, modes, times, owners, sizes, targets and the hashes of contents:
not levels, chunks, groups or the order of members. Archives of the same tree have the same one.`,
  );
  info.does(async (context, archive: string, options: InfoCommandOptions) => {
    const { runInfo } = await import('./run.ts');
    await runInfo(context, archive, options);
  });
}
