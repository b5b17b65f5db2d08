/**
 * The command line: every command, its options and its help. What a command does is loaded when it runs.
 */
import { Command, Option } from 'commander';
import { EXIT_STATUS_HELP } from './exit-status.ts';
import { collect, type CommonOptions, parseSize, parseWholeNumber } from './options.ts';
import type { PackCommandOptions } from './pack-command.ts';
import type { UnpackCommandOptions } from './unpack-command.ts';
import type { LsCommandOptions } from './ls-command.ts';

const THREADS = parseWholeNumber('-j', 1, 256);
const LEVEL = parseWholeNumber('the level', 1, 19);

/** Puts the examples where they are seen first. */
function examples(command: Command, text: string): Command {
  return command
    .addHelpText('before', `Examples:\n${text.replace(/^/gm, '  ')}\n`)
    .addHelpText('after', `\n${EXIT_STATUS_HELP}`);
}

function common(command: Command): Command {
  return command
    .option('-q, --quiet', 'say nothing but errors')
    .option('-v, --verbose', 'say more')
    .option('--json', 'print the result as JSON on standard output')
    .addOption(
      new Option('--progress <mode>', 'progress on standard error: on a terminal, never, or as NDJSON events')
        .choices(['auto', 'never', 'json'])
        .default('auto'),
    );
}

function selection(command: Command): Command {
  return command
    .option('--type <type>', 'only members of this package type (may be repeated)', collect)
    .option('--repo <repo>', 'only members of this repo (may be repeated)', collect);
}

export function buildProgram(): Command {
  const program = new Command('znip');
  program
    .description(
      'Packs trees of files into archives that are fast, indexed, verified, and valid .tar.zst files.',
    )
    .usage('COMMAND [OPTION...]')
    .option('-V, --version', 'print the version (with -v: codec and Node.js too)')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(znip --help shows the commands)')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false });
  examples(
    program,
    `znip pack node_modules -o deps.znip      pack a directory
znip ls deps.znip                        list it
znip unpack deps.znip -C /somewhere      unpack it
tar --zstd -xf deps.znip                 so can everybody else, without znip`,
  );

  const pack = program
    .command('pack')
    .description('pack files and directories into an archive')
    .argument('<path...>', 'files and directories; directories with all they hold')
    .requiredOption('-o, --output <file>', "archive to write; '-' is standard output")
    .option('-C, --directory <dir>', 'names are relative to this directory')
    .option('--level <n>', 'compression level, also as -1 to -19 (default: 3)', LEVEL)
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .option(
      '--chunk-size <size>',
      'bytes compressed as one unit, 64K to 128M (default: by input size)',
      parseSize,
    )
    .option('--type <type>', 'package type of all members (default: recognised from their names)')
    .option('--repo <repo>', 'repo of all members')
    .option('--repo-from-dir', "each member's first path component is its repo")
    .option('--owner', 'record numeric owners')
    .option('-f, --force', 'write an archive even to a terminal');
  examples(
    common(pack),
    `znip pack node_modules -o deps.znip
znip pack src docs README.md -o release.znip -9
znip pack -C /srv/mirror npm maven -o mirror.znip --repo-from-dir
znip pack build -o - | ssh host 'cat > build.znip'`,
  );
  pack.action(async (paths: string[], options: PackCommandOptions) => {
    const { runPack } = await import('./pack-command.ts');
    await runPack(paths, options);
  });

  const unpack = program
    .command('unpack')
    .description('unpack an archive')
    .argument('<archive>', 'archive file')
    .option('-C, --directory <dir>', 'unpack into this directory, made when need be', '.')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .addOption(new Option('--overwrite', 'replace files that exist').conflicts('keepOld'))
    .option('-k, --keep-old', 'keep files that exist, silently');
  examples(
    common(selection(unpack)),
    `znip unpack deps.znip
znip unpack deps.znip -C /somewhere
znip unpack mirror.znip --type npm --repo team-a

A file that exists already is left as it is, everything else is unpacked, and the status is 1;
--overwrite replaces such files, --keep-old keeps them and counts as success.`,
  );
  unpack.action(async (archive: string, options: UnpackCommandOptions) => {
    const { runUnpack } = await import('./unpack-command.ts');
    await runUnpack(archive, options);
  });

  const ls = program
    .command('ls')
    .alias('list')
    .description('list the members of an archive')
    .argument('<archive>', 'archive file')
    .option('-l, --long', 'mode, size, time and name')
    .option('-0, --null', 'end each name with NUL instead of a line break')
    .option('--json', 'one JSON object for each member');
  examples(
    selection(ls),
    `znip ls deps.znip
znip ls -l deps.znip
znip ls -0 deps.znip | xargs -0 -n1 echo
znip ls --json deps.znip | jq -r 'select(.size > 1000000) | .path'`,
  );
  ls.action(async (archive: string, options: LsCommandOptions) => {
    const { runLs } = await import('./ls-command.ts');
    await runLs(archive, options);
  });

  return program;
}

export type { CommonOptions };
