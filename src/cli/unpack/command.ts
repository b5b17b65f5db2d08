/**
 * `znip unpack`: its options and its help.
 */
import { Option } from 'commander';
import { ZnipError } from '../../errors.ts';
import { MAX_MEMBERS } from '../../rules/limits.ts';
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, addSelectionOptions, THREADS } from '../args/command.ts';
import { collect, parseRootHash, parseSize, parseWholeNumber } from '../args/options.ts';
import { addXattrOptions, RESTORE_XATTRS } from '../args/xattrs.ts';
import type { UnpackCommandOptions } from './run.ts';

export function defineUnpack(program: CliCommand): void {
  const unpack = program
    .command('unpack')
    .description('unpack an archive')
    .argument('<archive>', "archive file, or a .tar, .tar.zst or .tar.gz; '-' is standard input")
    .argument('[pattern...]', 'names of members or directories, or patterns (default: all members)')
    .option('-C, --directory <dir>', 'unpack into this directory; it is created if needed', '.')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .option(
      '--memory <size>',
      'memory limit; uses fewer threads if needed (default: what the threads and the index need)',
      parseSize,
    )
    .option(
      '-x, --exclude <pattern>',
      'leave out names that match, and all below them (may be repeated)',
      collect,
    )
    .option(
      '--strip-components <n>',
      'remove the first n components of each name; shorter names are left out',
      parseWholeNumber('--strip-components', 0, 4096),
    )
    .addOption(new Option('--overwrite', 'replace files that exist').conflicts(['keepOld', 'keepNewer']))
    .addOption(
      new Option('-k, --keep-old', 'keep files that exist, without a message').conflicts('keepNewer'),
    )
    .option(
      '--keep-newer',
      "replace files that exist if the archive's are newer; keep others without a message",
    )
    .option(
      '-p, --preserve-permissions',
      'restore all permission bits, ignoring the umask (default for root)',
    )
    .option('--no-sparse', 'write long runs of zeros, instead of making holes')
    .option('--no-mtime', 'do not restore modification times')
    .option(
      '--same-owner',
      'restore recorded owners, and set-user-id and similar bits, which are dropped otherwise (root only)',
    )
    .option('--max-size <size>', 'refuse more content than this (default: no limit)', parseSize)
    .option(
      '--max-members <n>',
      'refuse archives with more members than this (default: 16000000)',
      parseWholeNumber('--max-members', 0, MAX_MEMBERS),
    )
    .option(
      '--max-ratio <n>',
      'refuse more than n bytes of content for each byte of archive (default: no limit)',
      parseWholeNumber('--max-ratio', 1, 1_000_000_000),
    )
    .option(
      '--max-depth <n>',
      'refuse names with more components than this (default: 2048, the most a name can have)',
      parseWholeNumber('--max-depth', 1, 2048),
    )
    .option(
      '--ignore-zeros',
      'in a .tar of another program, read on after its end: several archives in a row',
    )
    .option('--changed', 'write only what differs from what is there, by size and time, as rsync does')
    .option('--checksum', 'with --changed: compare contents by their hashes instead of times')
    .option(
      '--delete',
      "with --changed: remove, in the archive's directories, what the archive does not have",
    )
    .option('--delete-top', 'with --delete: also at the top of the target')
    .option(
      '--max-delete <n>',
      'with --delete: change nothing if more names than this would be removed',
      parseWholeNumber('--max-delete', 0, MAX_MEMBERS),
    )
    .option('-i, --itemize-changes', "with --changed: print a line for each change, as rsync's -i does")
    .option('--fsync', 'wait until everything is on the disk')
    .option('--require-index', 'unpack only znip archives: refuse .tar, .tar.zst, .tar.gz')
    .option('--root <hash>', 'unpack only the archive with this root hash (see info --root)', parseRootHash)
    .option('--keep-going', 'leave out damaged or refused members, name them, and unpack everything else')
    .option('--tar <file>', "write the archive's tar stream to this file instead; '-' is standard output")
    .option('-f, --force', 'with --tar, write even to a terminal')
    .option('-n, --dry-run', 'write nothing; only print the names that would be written');
  addExamples(
    addCommonOptions(addSelectionOptions(addXattrOptions(unpack, RESTORE_XATTRS))),
    `znip unpack deps.znip
znip unpack deps.znip -C /somewhere
znip unpack mirror.znip --type npm --repo team-a
znip unpack deps.znip 'node_modules/**/*.wasm' -x test --strip-components 1
ssh host cat deps.znip | znip unpack -
curl -s https://example.org/src.tar.gz | znip unpack - -C src
znip unpack --tar - app.znip | docker load
znip unpack deps.znip --root "$(cat deps.root)"
znip unpack deps.znip --changed --delete -ni  what would change
znip unpack deps.znip --changed --delete      write only differences

Files that exist already are not touched. Everything else is unpacked, and the status is 1. --overwrite
replaces such files. --keep-old keeps them and counts that as success.
With --keep-going, only what is damaged is lost: lost members are named, and the status is 4.
--tar writes the whole tar stream, the same bytes as zstd -dc, and verifies each chunk before writing it. You
cannot give patterns with it. It does not replace a file that exists already, unless you give --overwrite.
--xattrs restores ACLs and the attributes of users. What only root may set, such as capabilities, also takes
--same-owner. It includes -p. Without --xattrs, members that lose an ACL or capabilities are named, and the status is 3.
With --root, nothing is written unless the archive has this root hash. In a pipe, the root hash comes last, so
the archive waits in an unnamed file in TMPDIR until it arrives.
--changed leaves a file alone if its size and time are those in the archive, or its hash with --checksum; it
mends modes, times and links. A directory in the way of a file, or a file in the way of a directory, is
replaced only with --delete; if the archive is damaged, it has its name again. --delete removes names in
directories that are in the archive, when everything has been written; names at the top of the target only with
--strip-components or --delete-top. No file has its name before it is complete.
From a pipe, --keep-newer compares whole seconds, and --max-ratio looks at what has arrived so far.`,
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
