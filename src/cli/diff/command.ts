/**
 * `znip diff`: its options and its help.
 */
import type { CliCommand } from '../args/cli-command.ts';
import { addExamples } from '../args/command.ts';
import { parseWholeNumber } from '../args/options.ts';
import type { DiffCommandOptions } from './run.ts';

const STATUSES = `Exit status:
  0  no difference
  1  different, or failed with a message
  2  usage error
  3  some things could not be read or compared, so the answer is not known
  4  the archive is damaged, hostile or of an unknown version
  128+n  ended by signal n`;

export function defineDiff(program: CliCommand): void {
  const diff = program
    .command('diff')
    .description('show how a directory, or another archive, differs from an archive')
    .argument('<archive>', 'archive file')
    .argument('<other>', 'directory, or a newer archive, to compare with the archive')
    .option(
      '--strip-components <n>',
      "ignore the first n components of members' names (default: those that name the directory)",
      parseWholeNumber('--strip-components', 0, 4095),
    )
    .option('--mtime', 'compare modification times, too')
    .option('--json', 'one JSON object for each difference')
    .option('-q, --quiet', 'print no differences; only set the exit status');
  addExamples(
    diff,
    `znip pack build -o build.znip && znip diff build.znip build
znip diff -q deps.znip node_modules || npm ci
znip diff --json release.znip /srv/release | jq -r .path
znip diff yesterday.znip today.znip

  + path   only in OTHER              - path   only in the archive
  M path   content differs            T path   another kind: file, symlink, …
  L path   symlink leads elsewhere    P path   permissions differ
  t path   time, with --mtime         O path   owner, of two archives
  MP path  content and permissions differ

The size and BLAKE3 hash of each file are compared with the archive's index; nothing is decompressed.
Of two archives, only the indexes are read. A hard link is compared like the file that it leads to.`,
    STATUSES,
  );
  diff.does(async (context, archive: string, directory: string, options: DiffCommandOptions) => {
    const { runDiff } = await import('./run.ts');
    await runDiff(context, archive, directory, options);
  });
}
