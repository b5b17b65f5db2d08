/**
 * `znip cat`: its options and its help.
 */
import { parseRange } from '../args/byte-range.ts';
import type { CliCommand } from '../args/cli-command.ts';
import { addExamples } from '../args/command.ts';
import type { CatCommandOptions } from './run.ts';

export function defineCat(program: CliCommand): void {
  const cat = program
    .command('cat')
    .description('write the contents of members to standard output')
    .argument('<archive>', 'archive file')
    .argument('<member...>', 'names of files, or patterns, in the order to write them')
    .option(
      '--range <range>',
      'write only these bytes of each member: A-B includes both ends, A-, or -N for the last N',
      parseRange,
    )
    .option('--keep-going', 'leave out damaged members, name them, and write everything else')
    .option('-f, --force', 'write binary content even to a terminal');
  addExamples(
    cat,
    `znip cat deps.znip node_modules/commander/package.json
znip cat release.znip 'release/*.sha256'
znip cat logs.znip logs/today.log --range -4096
znip cat images.znip images/disk.img --range 1048576-2097151 | xxd

Only the chunks that hold the members are read. Every byte is checked before it is written. If several
chunks hold a member, the whole member is checked once more at its end; the status is 4 if it is not
what was packed.`,
  );
  cat.does(async (context, archive: string, members: string[], options: CatCommandOptions) => {
    const { runCat } = await import('./run.ts');
    await runCat(context, archive, members, options);
  });
}
