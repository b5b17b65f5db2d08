/**
 * `znip repair`: its options and its help.
 */
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, THREADS } from '../args/command.ts';
import type { RepairCommandOptions } from './run.ts';

export function defineRepair(program: CliCommand): void {
  const repair = program
    .command('repair')
    .description('write a good archive from what is whole of a damaged one')
    .argument('<archive>', 'archive file, or what is left of one; it is not changed')
    .requiredOption('-o, --output <file>', 'the new archive')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS);
  addExamples(
    addCommonOptions(repair),
    `znip repair broken.znip -o good.znip
znip repair half-downloaded.znip -o rest.znip --json | jq '.report.damage'

Members that are whole are written again, in their order; an archive with which nothing is wrong is copied.
Where the index is whole, times, owners and groups stay as they were; otherwise times are exact to the second
and groups follow from names. Marks of files that changed while they were packed are not kept. The new archive
is verified. What is lost is named, and the status is 4; it is 0 when nothing was wrong.`,
  );
  repair.does(async (context, archive: string, options: RepairCommandOptions) => {
    const { runRepair } = await import('./run.ts');
    await runRepair(context, archive, options);
  });
}
