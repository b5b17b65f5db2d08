/**
 * Command lines of other tools, above all of tar, zip and 7z. znip understands what they mean, and its error names the
 * command of znip that does the same.
 */
import { ZnipError } from '../../errors.ts';
import type { Token } from './read.ts';

type Meaning = 'pack' | 'unpack' | 'ls' | 'verify' | 'change' | 'version' | 'help';

/** First words in command lines of other tools. They are not commands of znip. */
const WORDS = new Map<string, Meaning>(
  Object.entries<readonly string[]>({
    pack: ['c', 'create', 'a', 'add', 'zip', 'archive', 'compress', '--create'],
    unpack: [
      'x',
      'e',
      'extract',
      'unzip',
      'expand',
      'decompress',
      '-d',
      '--extract',
      '--get',
      '--decompress',
    ],
    ls: ['l', 't', 'dir', 'contents', '--list'],
    verify: ['test', 'check', '--test'],
    change: ['r', 'u', 'd', 'append', 'update', 'delete', 'rm', 'remove', '--append', '--update', '--delete'],
    version: ['version', '-version'],
    help: ['-?', '/?', '-help'],
  }).flatMap(([meaning, words]) => words.map((word): [string, Meaning] => [word, meaning as Meaning])),
);

/** tar's letters that say what to do. They come with or without a dash, and the first one counts. */
const LETTERS: Partial<Record<string, Meaning>> = {
  c: 'pack',
  x: 'unpack',
  t: 'ls',
  r: 'change',
  u: 'change',
};
const CLUSTER = /^-?(?=[a-zA-Z]*[cxtru])[cxtruvfzjJapPkmSh]+$/;

function meaningOf(word: string): Meaning | undefined {
  const known = WORDS.get(word);
  if (known !== undefined || !CLUSTER.test(word) || (!word.startsWith('-') && !word.includes('f')))
    return known;
  const letter = Array.from(word).find((one) => LETTERS[one] !== undefined) ?? '';
  return LETTERS[letter];
}

/** Throws `usage` with the command to use, if these are arguments of another tool. */
export function refuseOtherTools(args: readonly string[]): void {
  const [word = '', ...rest] = args;
  const meaning = meaningOf(word);
  if (meaning === undefined) return;
  const [archive = 'ARCHIVE', ...others] = operandsOf(rest);
  const directory = directoryOf(rest);
  const into = directory === undefined ? '' : ` -C ${quoted(directory)}`;
  const line = (...words: readonly string[]): string => `\`znip ${words.map(quoted).join(' ')}\``;
  const paths = others.length > 0 ? others : ['PATH...'];
  const advice: Record<Meaning, string> = {
    pack: `to pack, use ${line('pack', ...paths, '-o', archive)}`,
    unpack: `to unpack, use ${line('unpack', archive, ...others).slice(0, -1)}${into}\``,
    ls: `to list, use ${line('ls', archive, ...others)}`,
    verify: `to test an archive, use ${line('verify', archive)}`,
    change: `an archive is never changed: pack a new one with ${line('pack', ...paths, '-o', archive)}`,
    version: `use ${line('--version')}`,
    help: `use ${line('--help')}`,
  };
  throw new ZnipError('usage', `there is no command '${word}': ${advice[meaning]}`);
}

/** The arguments that are not options, without the value of -C. */
function operandsOf(args: readonly string[]): string[] {
  return args.filter((arg, i) => !arg.startsWith('-') && !isDirectoryFlag(args[i - 1]));
}

function isDirectoryFlag(arg: string | undefined): boolean {
  return arg === '-C' || arg === '--directory';
}

function directoryOf(args: readonly string[]): string | undefined {
  return args.find((_, i) => isDirectoryFlag(args[i - 1]));
}

/** Options of other tools that a command does not know, and what to use instead. */
const OPTIONS: Partial<Record<string, [flags: RegExp, instead: string][]>> = {
  unpack: [
    [
      /^(?:-o|-d|--output(?:-dir)?|--out|--dest(?:ination)?|--target)(?:=|$)/,
      '-C DIR, the directory to unpack into',
    ],
    [/^-[xzjJvf]*[xzjJ][xzjJvf]*$/, 'no letters of tar: `znip unpack ARCHIVE`'],
    [/^(?:-y|-u)$/, '--overwrite, which replaces files that exist'],
  ],
  pack: [
    [/^(?:-r|--recursive|--recurse-paths)$/, 'it without: directories are packed with all they hold'],
    [/^-[czjJvf]*[czjJ][czjJvf]*$/, 'no letters of tar: `znip pack PATH... -o ARCHIVE`'],
    [/^--(?:file|out)(?:=|$)/, '-o FILE'],
  ],
  ls: [[/^(?:-t[vf]*|--list)$/, 'no letters of tar: `znip ls ARCHIVE`']],
};

/** Throws `usage` for such an option. */
export function refuseOtherOptions(command: string, line: readonly Token[]): void {
  for (const token of line) {
    if (token.kind === 'option') continue;
    const typed = token.kind === 'operand' ? token.value : token.typed;
    // The parser takes a negative number as an operand.
    if (/^-\d+$/.test(typed) && command !== 'pack' && (token.kind === 'unknown' || !token.literal)) {
      throw new ZnipError(
        'usage',
        `unknown option '${typed}': ${command} has no levels (./${typed} is a file with this name)`,
      );
    }
    if (token.kind === 'operand' || token.flag !== typed) continue;
    const found = OPTIONS[command]?.find(([flags]) => flags.test(typed));
    if (found !== undefined)
      throw new ZnipError('usage', `${command} has no option '${typed}': use ${found[1]}`);
  }
}

/** A word, quoted for a shell if needed. */
export function quoted(word: string): string {
  return /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
