/**
 * `znip unpack`: its options and its help.
 */
import { type Command, Option } from 'commander';
import { addCommonOptions, addExamples, addSelectionOptions, THREADS } from '../command.ts';
import type { UnpackCommandOptions } from '../run/unpack.ts';

export function defineUnpack(program: Command): void {
  const unpack = program
    .command('unpack')
    .description('unpack an archive')
    .argument('<archive>', "archive file, a .tar, .tar.zst or .tar.gz too; '-' is standard input")
    .option('-C, --directory <dir>', 'unpack into this directory, made when need be', '.')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .addOption(new Option('--overwrite', 'replace files that exist').conflicts('keepOld'))
    .option('-k, --keep-old', 'keep files that exist, silently');
  addExamples(
    addCommonOptions(addSelectionOptions(unpack)),
    `znip unpack deps.znip
znip unpack deps.znip -C /somewhere
znip unpack mirror.znip --type npm --repo team-a
ssh host cat deps.znip | znip unpack -
curl -s https://example.org/src.tar.gz | znip unpack - -C src

A file that exists already is left as it is, everything else is unpacked, and the status is 1;
--overwrite replaces such files, --keep-old keeps them and counts as success.`,
  );
  unpack.action(async (archive: string, options: UnpackCommandOptions) => {
    const { runUnpack } = await import('../run/unpack.ts');
    await runUnpack(archive, options);
  });
}
