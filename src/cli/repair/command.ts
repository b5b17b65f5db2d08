/**
 * `znip repair`: its options and its help.
 */
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, THREADS } from '../args/command.ts';
import type { RepairCommandOptions } from './run.ts';

export function defineRepair(program: CliCommand): void {
  const repair = program
    .command('repair')
    .description('write a good archive from the whole parts of a damaged one')
    .argument('<archive>', 'archive file, or what is left of one; it is not changed')
    .requiredOption('-o, --output <file>', 'the new archive')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS);
  addExamples(
    addCommonOptions(repair),
    `znip repair broken.znip -o good.znip
znip repair half-downloaded.znip -o rest.znip --json | jq '.report.damage'

Members that are whole are written again, in the same order. If nothing is wrong with an archive, it is copied.
Where the index is whole, times, owners and groups stay as they were. Where it is not, times are exact only to the
second, and groups are found from names. Marks of files that changed while they were packed are not kept. The new
archive is verified. What is lost is named, and the status is 4. If nothing was wrong, the status is 0.`,
  );
  repair.does(async (context, archive: string, options: RepairCommandOptions) => {
    const { runRepair } = await import('./run.ts');
    await runRepair(context, archive, options);
  });
}
