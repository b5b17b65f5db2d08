/**
 * `znip unpack`: its options and its help.
 */
import { Option } from 'commander';
import { ZnipError } from '../../errors.ts';
import { MAX_MEMBERS } from '../../rules/limits.ts';
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, addSelectionOptions, THREADS } from '../args/command.ts';
import { collect, parseRootHash, parseSize, parseWholeNumber } from '../args/options.ts';
import type { UnpackCommandOptions } from './run.ts';

export function defineUnpack(program: CliCommand): void {
  const unpack = program
    .command('unpack')
    .description('unpack an archive')
    .argument('<archive>', "archive file, a .tar, .tar.zst or .tar.gz too; '-' is standard input")
    .argument('[pattern...]', 'names of members or directories, or patterns (default: all members)')
    .option('-C, --directory <dir>', 'unpack into this directory, made when need be', '.')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .option(
      '--memory <size>',
      'memory to do with, by fewer threads if need be (default: what threads and index need)',
      parseSize,
    )
    .option('-x, --exclude <pattern>', 'leave out what matches, with all below it (may be repeated)', collect)
    .option(
      '--strip-components <n>',
      'take n leading components off each name; shorter names are left out',
      parseWholeNumber('--strip-components', 0, 4096),
    )
    .addOption(new Option('--overwrite', 'replace files that exist').conflicts(['keepOld', 'keepNewer']))
    .addOption(new Option('-k, --keep-old', 'keep files that exist, silently').conflicts('keepNewer'))
    .option('--keep-newer', "replace files that exist when the archive's are newer, keep others silently")
    .option(
      '-p, --preserve-permissions',
      'restore permission bits that the umask takes away (default for root)',
    )
    .option('--no-sparse', 'write long runs of zeros out, instead of leaving holes')
    .option('--no-mtime', 'leave modification times at the time of unpacking')
    .option(
      '--same-owner',
      'restore recorded owners, and set-user-id and the like, which are dropped otherwise (root only)',
    )
    .option('--max-size <size>', 'refuse more content than this (default: no limit)', parseSize)
    .option(
      '--max-members <n>',
      'refuse archives of more members than this (default: 16000000)',
      parseWholeNumber('--max-members', 0, MAX_MEMBERS),
    )
    .option(
      '--max-ratio <n>',
      'refuse more than n bytes of content for each byte of archive (default: no limit)',
      parseWholeNumber('--max-ratio', 1, 1_000_000_000),
    )
    .option(
      '--max-depth <n>',
      'refuse names of more components than this (default: 2048, as many as a name can have)',
      parseWholeNumber('--max-depth', 1, 2048),
    )
    .option('-i, --ignore-zeros', 'in a .tar of others, read on behind its end: several archives in a row')
    .option('--require-index', 'refuse what is no znip archive: .tar, .tar.zst, .tar.gz')
    .option('--root <hash>', 'unpack no archive but the one with this root hash (info --root)', parseRootHash)
    .option('--keep-going', 'leave out what is damaged or refused, name it, and unpack everything else')
    .option('--tar <file>', "write the archive's tar stream to this file instead; '-' is standard output")
    .option('-f, --force', 'with --tar, write even to a terminal')
    .option('-n, --dry-run', 'write nothing; print the names that would be written');
  addExamples(
    addCommonOptions(addSelectionOptions(unpack)),
    `znip unpack deps.znip
znip unpack deps.znip -C /somewhere
znip unpack mirror.znip --type npm --repo team-a
znip unpack deps.znip 'node_modules/**/*.wasm' -x test --strip-components 1
ssh host cat deps.znip | znip unpack -
curl -s https://example.org/src.tar.gz | znip unpack - -C src
znip unpack --tar - app.znip | docker load
znip unpack deps.znip --root "$(cat deps.root)"

A file that exists already is left as it is, everything else is unpacked, and the status is 1;
--overwrite replaces such files, --keep-old keeps them and counts as success.
With --keep-going, damage costs only what it hits: lost members are named, and the status is 4.
--tar gives the whole tar stream, the same bytes as zstd -dc, each chunk verified before it is written.
It does not go with patterns. A file that exists already is left as it is, unless with --overwrite.
With --root, nothing is written unless the archive is the one that is meant. From a pipe, where the root hash
comes last, the archive waits in an unnamed file in TMPDIR until it has come.
From a pipe, --keep-newer compares whole seconds, and --max-ratio what has arrived so far.`,
  );
  unpack.does(async (context, archive: string, patterns: string[], options: UnpackCommandOptions) => {
    const { tar } = options;
    if (tar !== undefined) {
      const { runUnpackTar } = await import('./tar.ts');
      await runUnpackTar(context, archive, patterns, unpack.line, { ...options, tar });
      return;
    }
    if (options.force === true) throw new ZnipError('usage', '--force has no effect without --tar');
    const { runUnpack } = await import('./run.ts');
    await runUnpack(context, archive, patterns, options);
  });
}
