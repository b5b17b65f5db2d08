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
    .description('prove that an archive is whole, or list everything that is wrong')
    .argument('<archive>', "archive file; '-' is standard input")
    .addOption(new Option('--quick', 'check only the index, without reading contents'))
    .option('--root <hash>', 'the root hash that the archive must have (see info --root)', parseRootHash)
    .option(
      '--content-root <hash>',
      'what the archive must hold, whatever packed it (see info --content-root)',
      parseRootHash,
    )
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS);
  addExamples(
    addCommonOptions(verify),
    `znip verify deps.znip
znip verify --quick deps.znip
znip verify deps.znip --root "$(cat deps.root)"
znip verify b.znip --content-root "$(znip info --content-root a.znip)"
curl -s https://example.org/deps.znip | znip verify -
znip verify --json deps.znip | jq -r '.damage[].code'

verify checks the structure and every hash, and that the index and the tar headers agree. It does not stop at the
first damage. Each line shows a code, the blob, the archive byte, and the members that are affected (-v names
all of them). docs/verify.md explains the codes. The status is 4 if anything is wrong.`,
  );
  verify.does(async (context, archive: string, options: VerifyCommandOptions) => {
    const { runVerify } = await import('./run.ts');
    await runVerify(context, archive, options);
  });
}
