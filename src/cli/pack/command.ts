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
import { addXattrOptions } from '../args/xattrs.ts';
import type { PackCommandOptions } from './options.ts';

const MAX_ID = 0xfffffffe;

/** For `--owner root`: `root` is a path. If no such path exists but such a user does, throws `usage`. */
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
    .argument('[path...]', 'files and directories, with everything in them')
    .option(
      '-o, --output <file>',
      "archive to write; '-' is standard output (the default, unless it is a terminal)",
    )
    .option(
      '-C, --directory <dir>',
      'take the paths after this from this directory; it is relative to the -C before it',
      collect,
    )
    .option('-T, --files-from <file>', "also pack the names in this list; '-' is standard input", collect)
    .option('--tar <file>', "pack this tar stream, byte for byte; '-' is standard input")
    .option('--name <name>', "pack standard input (the path '-') as one file with this name")
    .option('-0, --null', 'names in lists end with NUL instead of a line break')
    .option('-x, --exclude <pattern>', 'leave out names that match (may be repeated)', collect)
    .option('--exclude-from <file>', 'file of patterns for -x, one on each line; # begins a comment', collect)
    .option('--include <pattern>', 'pack names that match, even if another option leaves them out', collect)
    .option('--gitignore', 'leave out .git and what .gitignore, .git/info/exclude and core.excludesFile name')
    .option('--keep-tracked', 'with --gitignore: pack files that git tracks, even if a rule ignores them')
    .option('--exclude-vcs', 'leave out version control directories: .git, .hg, .svn, …')
    .option('--exclude-caches', 'leave out the contents of directories with a CACHEDIR.TAG, but not the tag')
    .option('--one-file-system', 'leave out the contents of directories where another file system is mounted')
    .option('-h, --dereference', 'pack what symlinks point to, instead of the symlinks')
    .option(
      '--transform <expr>',
      'change recorded names, as sed does: s,REGEXP,REPLACEMENT,FLAGS (see below)',
      collect,
    )
    .option('--prefix <dir>', 'put all members into this directory')
    .option('--read-special', 'read FIFOs, devices and files of /proc that you name, and pack them as files')
    .digitsOption(
      new Option('--level <n>', 'compression level; -1 to -19 work, too (default: 3)').argParser(LEVEL),
    )
    .option('--long', 'find repetitions up to 128 MiB apart: smaller archive, more memory (see below)')
    .option('-j, --threads <n>', 'worker threads (default: one for each core)', THREADS)
    .option(
      '--memory <size>',
      'memory limit; uses fewer threads if needed (default: some 430M, plus 42M for each core beyond two)',
      parseSize,
    )
    .option(
      '--chunk-size <size>',
      'bytes to compress as one unit, 64K to 128M (default: depends on the input size)',
      parseSize,
    )
    .option('--type <type>', 'package type of all members (default: found from their names)')
    .option('--repo <repo>', 'repo of all members')
    .option('--repo-from-dir', "use each member's first path component as its repo")
    .addOption(
      new OptionalValue(
        '--owner [uid:gid]',
        "record numeric owners: each file's own, or this one for all",
        // A path may follow instead.
        /^\d+(?::\d+)?$/,
      ).argParser(parseOwner),
    )
    .option(
      '--mtime <when>',
      'record this modification time for all: @seconds, or an ISO date (UTC)',
      parseTime,
    )
    .option(
      '--reproducible',
      'record no owners, only the modes 0644 and 0755, and one time for all (see below)',
    )
    .option(
      '--base <archive>',
      'take over unchanged blocks of this older archive, which may be the one that is replaced (see below)',
    )
    .option('--base-optional', 'if the base is missing or damaged, pack without it')
    .option('--base-any', 'also take over blocks that another level, version or zstd has made')
    .option('--trust-mtime', 'do not read files that have the size and time that the base has for them')
    .option('--dry-run', 'list the names that would be packed, one on each line; write nothing')
    .option('-f, --force', 'write an archive even to a terminal')
    .helpOption('--help', 'show this help');
  addNotes(pack, SELECTION_HELP);
  addExamples(
    addCommonOptions(addXattrOptions(pack, 'record extended attributes, ACLs and capabilities (see below)')),
    `znip pack node_modules -o deps.znip
znip pack node_modules -o deps.znip --base deps.znip --base-optional
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
    // `-h` alone asks for help, as in every other command: to dereference nothing makes no sense.
    if (others.length === 0 && only?.kind === 'option' && only.typed === '-h') pack.help();
    refuseNames(pack.line);
    const { runPack } = await import('./run.ts');
    await runPack(context, paths, pack.line, options);
  });
}

const SELECTION_HELP = `Patterns for -x, --exclude-from and --include are compared with names as the archive has them. A
pattern matches a whole name or its last components: node_modules, '*.log', build/tmp. A leading /
means "from the first component on", a trailing / means "directories only". * and ? do not match /,
but ** does; [a-z], {a,b} and \\ work, too. znip does not look inside a directory that is left out.

What wins: a name that matches an --include is packed, whatever other options say and in whatever
order. It does not bring back what is below a directory that is left out: include that directory, too.
--gitignore never leaves out paths that you name, but -x does.

Names in a list (-T) are taken as they are: never as patterns, never as options. A directory in the
list is packed without what it holds, because find and git list that themselves. If a name does not
exist, there is a warning, and the status is 3.

--transform takes what GNU tar takes: basic regular expressions (x: extended), with the flags g, i, a number,
and R (link targets only). You can give several expressions, with ; between them or in further options.
It changes names of members and targets of hard links; targets of symlinks only with the flag s. Patterns are
compared with the names before the change. It is an error if a name becomes empty, unsafe or the same as
another. --prefix is added after the change.

--keep-tracked reads the repository's index (versions 2 to 4, not split or sparse); it does not run git.

--xattrs records extended attributes, as tar --xattrs does, which also restores them: all but labels of security
modules and what belongs to overlay file systems, or those that --xattrs-include names. Without it, none is recorded:
one line says how many members had some. Members that lose an access control list or capabilities are named, and
so are sockets, FIFOs and devices; the status is then 3.

--long makes chunks of 128 MiB, unless you give --chunk-size, and finds repetitions at any distance within a
chunk, as zstd --long=27 does. Packing takes about 300 MB for each thread, unpacking 130 MB. To read one
member, up to 128 MiB must be decompressed.

--name packs one file of any length. If it is longer than 64 MiB and goes to a pipe, the compressed archive waits
in an unnamed file in TMPDIR until the input ends, because the size is written near the start. The file gets the
time given by --mtime, or else 1980-01-01T00:00:00Z, so the same bytes make the same archive.

--memory decides how many threads run (never more than -j says) and how much of the index is kept in memory. The
rest of the index waits in an unnamed file in TMPDIR. The archive's bytes are the same.

--tar takes a .tar, .tar.gz or .tar.zst of any program and puts its tar stream into the archive as it is:
zstd -dc ARCHIVE gives the same bytes. Devices, FIFOs, sparse files, and access control lists as tar --acls writes
them stay in the tar stream but are not in the index. Names that unpack refuses are kept. For all of these there is
a warning, and the status is 3. Extended attributes are in the index.

--base makes the same archive as without it, byte for byte, in less time: blocks that the base also has are copied
instead of compressed. Files are read and compared by their hashes; with --trust-mtime, only files whose size or time
has changed, and files longer than a chunk, are read (and what extended attributes the others have is not looked up).
A copied block is held against its hash first. If the base was made with another level, chunk size, zstd or znip,
nothing is taken over, and a warning says so; with --base-any, it is, and znip info says "mixed". The base is believed:
if somebody has made it to deceive, the new archive holds what it says. znip verify finds that.

--reproducible records the time of --mtime, or else of SOURCE_DATE_EPOCH (seconds), or else
1980-01-01T00:00:00Z.`;
