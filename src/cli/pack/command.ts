/**
 * `znip pack`: its options and its help.
 */
import { existsSync } from 'node:fs';
import { Option } from 'commander';
import { ZnipError } from '../../errors.ts';
import type { CliCommand } from '../args/cli-command.ts';
import { addCommonOptions, addExamples, addNotes, LEVEL, THREADS } from '../args/command.ts';
import { collect, parseSize } from '../args/options.ts';
import { OptionalValue, type Token } from '../args/read.ts';
import { parseTime } from '../args/time.ts';
import { numbersHint } from '../args/user-names.ts';
import type { PackCommandOptions } from './options.ts';

const MAX_ID = 0xfffffffe;

/** `--owner root`: what follows is a path, unless there is none and a user has that name. Throws `usage`. */
function refuseNames(line: readonly Token[]): void {
  for (const [i, token] of line.entries()) {
    const next = line[i + 1];
    if (!isBareOwner(token) || next?.kind !== 'operand' || existsSync(next.value)) continue;
    const hint = numbersHint(next.value);
    if (hint !== '') throw noOwner(next.value, hint);
  }
}

function isBareOwner(token: Token): boolean {
  return token.kind === 'option' && token.option.long === '--owner' && token.value === undefined;
}

function noOwner(text: string, hint: string): ZnipError {
  return new ZnipError('usage', `--owner takes numbers as UID or UID:GID, not '${text}'${hint}`);
}

function parseOwner(text: string): true | { uid: number; gid: number | undefined } {
  if (text === '') return true;
  const match = /^(\d+)(?::(\d+))?$/.exec(text);
  const uid = Number(match?.[1]);
  const gid = match?.[2] === undefined ? undefined : Number(match[2]);
  if (match === null || uid > MAX_ID || (gid ?? 0) > MAX_ID) {
    throw noOwner(text, numbersHint(text));
  }
  return { uid, gid };
}

export function definePack(program: CliCommand): void {
  const pack = program
    .command('pack')
    .description('pack files and directories into an archive')
    .argument('[path...]', 'files and directories; directories with all they hold')
    .option(
      '-o, --output <file>',
      "archive to write; '-' is standard output, the default where that is no terminal",
    )
    .option(
      '-C, --directory <dir>',
      'paths after this are relative to it, and it to the -C before it',
      collect,
    )
    .option('-T, --files-from <file>', "pack the names in this list, too; '-' is standard input", collect)
    .option('--tar <file>', "make the archive of this tar stream, byte for byte; '-' is standard input")
    .option('--name <name>', "pack standard input, given as the path '-', as one file of this name")
    .option('-0, --null', 'names in lists end with NUL instead of a line break')
    .option('-x, --exclude <pattern>', 'leave out what matches (may be repeated)', collect)
    .option('--exclude-from <file>', 'patterns to leave out, one on a line; # begins a comment', collect)
    .option('--include <pattern>', 'take in what matches although something leaves it out', collect)
    .option(
      '--gitignore',
      'leave out what .gitignore, .git/info/exclude and core.excludesFile name, and .git',
    )
    .option('--keep-tracked', 'with --gitignore: pack what git tracks, whatever ignores it, as git does')
    .option('--exclude-vcs', 'leave out directories of version control: .git, .hg, .svn, …')
    .option('--exclude-caches', 'leave out what directories with a CACHEDIR.TAG hold, except the tag')
    .option('--one-file-system', 'leave out what is in directories where another file system is mounted')
    .option('-h, --dereference', 'pack what symlinks point to in their place')
    .option(
      '--transform <expr>',
      'change recorded names, as sed does: s,REGEXP,REPLACEMENT,FLAGS (see below)',
      collect,
    )
    .option('--prefix <dir>', 'put all members into this directory')
    .option('--read-special', 'pack what is read from named FIFOs and devices, and files of /proc, as files')
    .digitsOption(
      new Option('--level <n>', 'compression level, also as -1 to -19 (default: 3)').argParser(LEVEL),
    )
    .option('--long', 'find repetitions up to 128 MiB away: smaller, for more memory (see below)')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .option(
      '--memory <size>',
      'memory to do with, by fewer threads if need be (default: 350M, and 42M for each core beyond two)',
      parseSize,
    )
    .option(
      '--chunk-size <size>',
      'bytes compressed as one unit, 64K to 128M (default: by input size)',
      parseSize,
    )
    .option('--type <type>', 'package type of all members (default: recognised from their names)')
    .option('--repo <repo>', 'repo of all members')
    .option('--repo-from-dir', "each member's first path component is its repo")
    .addOption(
      new OptionalValue(
        '--owner [uid:gid]',
        "record numeric owners: each file's own, or this one for all",
        // Paths may follow, too.
        /^\d+(?::\d+)?$/,
      ).argParser(parseOwner),
    )
    .option(
      '--mtime <when>',
      'record this modification time for all: @seconds, or an ISO date (UTC)',
      parseTime,
    )
    .option('--reproducible', 'record no owners, modes as 0644 or 0755, and one time for all (see below)')
    .option('--dry-run', 'list the names that would be packed, one on a line, and write nothing')
    .option('-f, --force', 'write an archive even to a terminal')
    .helpOption('--help', 'show this help');
  addNotes(pack, SELECTION_HELP);
  addExamples(
    addCommonOptions(pack),
    `znip pack node_modules -o deps.znip
znip pack src docs README.md -o release.znip -9
znip pack . -o src.znip --gitignore -x '*.log' -x /dist
znip pack -C /srv/mirror npm maven -o mirror.znip --repo-from-dir
git ls-files -z | znip pack -T - -0 -o src.znip
git archive HEAD | znip pack --tar - -o src.znip
docker save app | znip pack --tar - -o app.znip
pg_dump shop | znip pack --name shop.sql -o shop.znip -
znip pack dist -o dist.znip --reproducible
znip pack build | ssh host 'znip unpack - -C /srv/app'`,
  );
  pack.does(async (context, paths: string[], options: PackCommandOptions) => {
    const [only, ...others] = pack.line;
    // As in every other command, where nothing else makes sense of it.
    if (others.length === 0 && only?.kind === 'option' && only.typed === '-h') pack.help();
    refuseNames(pack.line);
    const { runPack } = await import('./run.ts');
    await runPack(context, paths, pack.line, options);
  });
}

const SELECTION_HELP = `Patterns for -x, --exclude-from and --include are compared with names as the archive has them. A
pattern means a whole name or its last components: node_modules, '*.log', build/tmp. A / before it
means from the first component on, a / after it directories only. * and ? do not match /, ** does;
[a-z], {a,b} and \\ work too. What is in a directory that is left out is not looked at.

What wins: a name that an --include matches is packed, whatever else leaves it out and in whatever
order. It does not bring back what is below a directory that is left out: include that, too. Paths
that are named count as chosen for --gitignore, but -x leaves them out.

Names in a list (-T) are taken as they are: never patterns, never options. A directory in it is
packed without what it holds, as find and git list that themselves; one that is missing is a
warning, and the status is 3.

--transform takes what GNU tar takes: basic regular expressions (x: extended), with flags g, i, a number, and
R for link targets only; expressions may follow one another, with ; or by further options. Names of members
and targets of hard links change; targets of symlinks only with the flag s. Patterns are compared before that.
A name that becomes empty, unsafe, or that of another member is an error. --prefix is put before what results.

--keep-tracked reads the repository's index (versions 2 to 4, not split or sparse); git is not run.

Extended attributes are not recorded: one line says how many members had some. Those that lose an access
control list or capabilities are named, as are sockets, FIFOs and devices, and the status is 3.

--long makes chunks of 128 MiB, unless --chunk-size says otherwise, and finds repetitions at any distance
within one, as zstd --long=27 does. Packing takes about 300 MB for each thread, unpacking 130 MB, and
reading one member has up to 128 MiB to decompress.

--name packs one file of any length. Longer than 64 MiB, and to a pipe, the archive is kept, compressed, in
an unnamed file in TMPDIR until its end has come, because its size is written near the start. The time of the
file is that of --mtime, else 1980-01-01T00:00:00Z: the same bytes make the same archive.

--memory decides how many threads there are, at most as many as -j says, and how much of the index is kept in
memory; the rest of it waits in an unnamed file in TMPDIR. The archive's bytes are the same.

--tar takes a .tar, .tar.gz or .tar.zst of any program, and puts its tar stream into the archive as it is:
zstd -dc ARCHIVE gives the same bytes. Devices, FIFOs and sparse files stay in it and are not in the
index, nor are access control lists and capabilities, and names that unpack refuses are kept; all of these are
warnings, and the status is 3. Other extended attributes stay in it, too: one line says how many members have some.

--reproducible records the time of --mtime, else of SOURCE_DATE_EPOCH (seconds), else
1980-01-01T00:00:00Z.`;
