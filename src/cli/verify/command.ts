/**
 * `znip verify`: its options and its help.
 */
import { Option } from 'commander';
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, THREADS } from '../args/command.ts';
import { parseRootHash } from '../args/options.ts';
import type { VerifyCommandOptions } from './run.ts';

export function defineVerify(program: CliCommand): void {
  const verify = program
    .command('verify')
    .description('prove an archive whole, or tell everything that is wrong with it')
    .argument('<archive>', "archive file; '-' is standard input")
    .addOption(new Option('--quick', 'check the index alone, without reading contents'))
    .option('--root <hash>', 'the root hash that it must have, as info --root prints it', parseRootHash)
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS);
  addExamples(
    addCommonOptions(verify),
    `znip verify deps.znip
znip verify --quick deps.znip
znip verify deps.znip --root "$(cat deps.root)"
curl -s https://example.org/deps.znip | znip verify -
znip verify --json deps.znip | jq -r '.damage[].code'

Structure, every hash, and that index and tar headers say the same. It goes on after damage: each line has
a code, the blob and the archive byte, and the members that are hit (-v names all of them). The codes are
in docs/verify.md. The status is 4 when anything is wrong.`,
  );
  verify.does(async (context, archive: string, options: VerifyCommandOptions) => {
    const { runVerify } = await import('./run.ts');
    await runVerify(context, archive, options);
  });
}
