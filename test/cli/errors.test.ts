/**
 * What each command says when it cannot do what it is asked: arguments, exit status and standard error, exactly.
 * Nothing goes to standard output. What only a terminal shows is in terminal.test.ts.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { lacks, znip, ZNIP } from '../support/run.ts';
import { temporaryDirectory } from '../support/tree.ts';
import { type Ended, runHere, workIn } from '../support/world.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const root = process.getuid?.() === 0;
/** Runs a command as somebody for whom permissions count. */
const AS_NOBODY = root ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];

workIn(directory);
beforeAll(() => {
  chmodSync(directory, 0o755);
  mkdirSync(at('t/sub'), { recursive: true });
  writeFileSync(at('t/a'), 'alpha\n');
  writeFileSync(at('t/sub/b'), 'beta\n');
  symlinkSync('a', at('t/link'));
  expect(znip(['pack', '-q', 't', '-o', 't.znip'], here).status).toBe(0);
  writeFileSync(at('junk'), 'junk\n');
  writeFileSync(at('empty'), '');
  const archive = readFileSync(at('t.znip'));
  writeFileSync(at('cut.znip'), archive.subarray(0, -1));
  const nuls = 'a\0b\0';
  writeFileSync(at('nuls'), nuls);
  writeFileSync(at('closed.znip'), archive, { mode: 0 });
  mkdirSync(at('taken/t'), { recursive: true });
  writeFileSync(at('taken/t/a'), 'mine');
  for (const [name, mode] of [
    ['closed', 0],
    ['read-only', 0o555],
  ] as const) {
    mkdirSync(at(name));
    chmodSync(at(name), mode);
  }
});

type Case = [args: string[], status: number, ...stderr: string[]];

const ENVIRONMENT = { SOURCE_DATE_EPOCH: '' };

/** As another user, which a process is. Not synchronously: several cases run at a time. */
async function runAs(program: readonly string[], args: readonly string[]): Promise<Ended> {
  const [command = '', ...rest] = [...program, process.execPath, ZNIP, ...args];
  const env = { ...process.env, ...ENVIRONMENT };
  const child = spawn(command, rest, { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece: Buffer) => (stdout += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
  const status = await new Promise<number>((resolve) => child.once('close', resolve));
  return { status, stdout, stderr };
}

function check(cases: readonly Case[], program: readonly string[] = []): void {
  test.concurrent.each(
    cases.map(([args, status, ...stderr]) => ({ line: args.join(' '), args, status, stderr })),
  )('$line', async ({ args, status, stderr }) => {
    const lines = stderr.map((line) => `${line.startsWith('(') ? '' : 'znip: '}${line}\n`).join('');
    const ended = program.length === 0 ? runHere(args, ENVIRONMENT) : runAs(program, args);
    expect(await ended).toEqual({ status, stdout: '', stderr: lines });
  });
}

const ARCHIVE_COMMANDS = ['unpack', 'ls', 'cat', 'info', 'diff', 'verify', 'recover', 'repair'];
const COMMANDS = ['pack', ...ARCHIVE_COMMANDS, 'completion'];

const help = (command: string): string => `(znip ${command} --help shows its options)`;

const missing = (command: string, name: string): string[] => [
  `missing required argument '${name}'`,
  help(command),
];

const time = (text: string): string =>
  `'${text}' is not a time: write @SECONDS since 1970, or a date as in 2026-01-31 or 2026-01-31T12:00:00Z`;

const whole = (option: string, min: number, max: number, value: string): string =>
  `${option} takes a whole number from ${min} to ${max}, not '${value}'`;

const choice = (option: string, value: string, choices: string): string =>
  `option '${option}' argument '${value}' is invalid. Allowed choices are ${choices}.`;

const range = (text: string): string =>
  `'${text}' is not a range: write the first and the last byte as in 0-99, or 100- or -100`;

const conflict = (command: string, one: string, other: string): string[] => [
  `option '${one}' cannot be used with option '${other}'`,
  help(command),
];

/** Each member is named, and then that there is nothing. */
const readOnly = (directory: string): string[] => {
  const why = `cannot create the directory '${directory}/read-only/t': permission denied`;
  const members = ['t/a', 't/sub/b', 't/link', 't', 't/sub'];
  return [...members.map((member) => `${member}: left out: ${why}`), `nothing could be unpacked: ${why}`];
};

const pack = (args: string[], status: number, ...message: string[]): Case => [
  ['pack', 't', '-o', 'x.znip', ...args],
  status,
  ...message,
];

const unpack = (args: string[], status: number, ...message: string[]): Case => [
  ['unpack', 't.znip', '-C', 'out', ...args],
  status,
  ...message,
];

const packOnly = (args: string[], ...message: string[]): Case => [
  ['pack', '-o', 'x.znip', ...args],
  2,
  ...message,
];

/** A whole command line about this archive. */
function about(command: string, archive: string): string[] {
  const more: Record<string, string[]> = {
    unpack: ['-C', 'out'],
    cat: ['t/a'],
    diff: ['t'],
    recover: ['-C', 'out'],
    repair: ['-o', 'new.znip'],
  };
  return [command, archive, ...(more[command] ?? [])];
}

const aboutEach = (archive: string, status: number, message: string): Case[] =>
  ARCHIVE_COMMANDS.map((command) => [about(command, archive), status, message]);

describe('commands and options that there are not', () => {
  const misspelt: [string, string][] = [
    ['pakc', 'pack'],
    ['unpak', 'unpack'],
    ['lst', 'one of list, ls'],
    ['catt', 'cat'],
    ['inf', 'info'],
    ['dif', 'diff'],
    ['verfy', 'verify'],
    ['recovr', 'recover'],
    ['repaire', 'repair'],
    ['complete', 'completion'],
  ];
  check(
    misspelt.map(([word, meant]) => [
      [word, 'x'],
      2,
      `unknown command '${word}'`,
      `(Did you mean ${meant}?)`,
      '(znip --help shows the commands)',
    ]),
  );
  check([
    [['frobnicate'], 2, "unknown command 'frobnicate'", '(znip --help shows the commands)'],
    [['--colour'], 2, "unknown option '--colour'", '(znip --help shows the commands)'],
    [['ls', '--colour'], 2, "unknown option '--colour'", help('ls')],
  ]);
  const near: Record<string, [string, string]> = {
    pack: ['--chunk-sise', '--chunk-size'],
    unpack: ['--overwirte', '--overwrite'],
    ls: ['--lng', '--long'],
    cat: ['--rnage', '--range'],
    info: ['--rot', '--root'],
    diff: ['--mtme', '--mtime'],
    verify: ['--qick', '--quick'],
    recover: ['--keepold', '--keep-old'],
    repair: ['--outptu', '--output'],
    completion: ['--hepl', '--help'],
  };
  check(
    COMMANDS.flatMap((command): Case[] => {
      const [option, meant] = near[command] ?? ['', ''];
      const output = command === 'repair' ? ['-o', 'x'] : [];
      return [
        [
          [command, ...output, option],
          2,
          `unknown option '${option}'`,
          `(Did you mean ${meant}?)`,
          help(command),
        ],
      ];
    }),
  );
});

describe('arguments that are missing, or too many', () => {
  check([
    ...ARCHIVE_COMMANDS.filter((command) => command !== 'repair').map((command): Case => [
      [command],
      2,
      ...missing(command, 'archive'),
    ]),
    [['repair', '-o', 'x'], 2, ...missing('repair', 'archive')],
    [['repair', 't.znip'], 2, "required option '-o, --output <file>' not specified", help('repair')],
    [['cat', 't.znip'], 2, ...missing('cat', 'member')],
    [['diff', 't.znip'], 2, ...missing('diff', 'other')],
    [['completion'], 2, ...missing('completion', 'shell')],
    [['pack'], 2, 'nothing to pack: name at least one file or directory'],
    [['pack', '-o', 'x.znip'], 2, 'nothing to pack: name at least one file or directory'],
    [['unpack', 't.znip', '-C'], 2, "option '-C, --directory <dir>' argument missing", help('unpack')],
    [['pack', 't', '-o'], 2, "option '-o, --output <file>' argument missing", help('pack')],
    ...['info', 'verify', 'recover'].map((command): Case => [
      [command, 't.znip', 'x'],
      2,
      `too many arguments for '${command}'. Expected 1 argument but got 2.`,
      help(command),
    ]),
    [
      ['diff', 't.znip', 't', 'x'],
      2,
      "too many arguments for 'diff'. Expected 2 arguments but got 3.",
      help('diff'),
    ],
  ]);
});

describe('an archive that is missing', () => {
  check(aboutEach('missing.znip', 1, "cannot open 'missing.znip': no such file or directory"));
  check([
    [
      ['unpack', '--tar', 'x.tar', 'missing.znip'],
      1,
      "cannot open 'missing.znip': no such file or directory",
    ],
  ]);
});

describe('an archive that is a directory', () => {
  check(aboutEach('t', 2, "'t' is a directory: expected an archive file"));
  check([[['unpack', '--tar', 'x.tar', 't'], 2, "'t' is a directory: expected an archive file"]]);
});

describe('an archive that is none', () => {
  const none = "'junk' is not a znip archive";
  const others = "'junk' is no archive that znip reads: expected a .znip, .tar, .tar.zst or .tar.gz";
  const nothing = "'junk' holds no whole block of a znip archive: nothing can be recovered";
  check([
    ...['ls', 'cat', 'info', 'diff', 'verify', 'repair'].map((command): Case => [
      about(command, 'junk'),
      4,
      none,
    ]),
    [about('unpack', 'junk'), 4, others],
    [['unpack', '--tar', 'x.tar', 'junk'], 4, others],
    [about('recover', 'junk'), 4, nothing],
    [['ls', 'empty'], 4, "'empty' is not a znip archive"],
    [about('unpack', 'empty'), 4, "'empty' is empty: expected an archive"],
  ]);
  const cut =
    "'cut.znip' begins as a znip archive but does not end as one: it was cut short, or bytes were added to it; recover unpacks what is whole";
  check([
    ...['unpack', 'ls', 'cat', 'info', 'diff'].map((command): Case => [about(command, 'cut.znip'), 4, cut]),
    [['verify', 'cut.znip'], 4, `truncated: ${cut}`, 'cut.znip is damaged: 1 fault'],
  ]);
});

describe('an archive that is standard input', () => {
  check([
    ...['ls', 'cat', 'info', 'diff'].map((command): Case => [
      about(command, '-'),
      2,
      `${command} takes no pipe, because the index is at the end: save it to a file first (write ./- for a file with this name)`,
    ]),
    [
      ['recover', '-'],
      2,
      'recover cannot read a pipe in one pass: save it to a file first, or use unpack --keep-going -',
    ],
    [
      ['repair', '-', '-o', 'x.znip'],
      2,
      'repair cannot work with pipes: it needs files that it can read at any place',
    ],
    [
      ['repair', 't.znip', '-o', '-'],
      2,
      'repair cannot work with pipes: it needs files that it can read at any place',
    ],
    [about('unpack', '-'), 4, 'standard input is empty: expected an archive'],
    [['verify', '-'], 4, 'standard input is empty: expected an archive'],
    [['pack', '--tar', '-', '-o', 'x.znip'], 4, 'standard input is empty: expected an archive'],
    [
      ['unpack', '-', '--type', 'npm', '-C', 'out'],
      2,
      '--type and --repo need the index, which comes last: unpack from a .znip file',
    ],
  ]);
});

describe.skipIf(root && lacks('setpriv'))('what may not be read or written', () => {
  const closed = "cannot open 'closed.znip': permission denied";
  check(aboutEach('closed.znip', 1, closed), AS_NOBODY);
  check(
    [
      [['pack', '--tar', 'closed.znip', '-o', 'x.znip'], 1, closed],
      [['pack', '-T', 'closed.znip', '-o', 'x.znip'], 1, "cannot read 'closed.znip': permission denied"],
      [
        ['pack', '--exclude-from', 'closed.znip', 't', '--dry-run'],
        1,
        "cannot read 'closed.znip': permission denied",
      ],
      [['pack', 'closed/x', '--dry-run'], 1, "cannot pack 'closed/x': permission denied"],
      [['pack', 't', '-o', 'read-only/x.znip'], 1, "cannot write 'read-only/x.znip': permission denied"],
      [['unpack', 't.znip', '-C', 'read-only'], 1, ...readOnly(directory)],
      [
        ['unpack', 't.znip', '-C', 'read-only/new'],
        1,
        "cannot unpack into 'read-only/new': permission denied",
      ],
      [
        ['unpack', '--tar', 'read-only/x.tar', 't.znip'],
        1,
        "cannot write 'read-only/x.tar': permission denied",
      ],
      [['recover', 't.znip', '-C', 'read-only'], 1, ...readOnly(directory)],
      [
        ['repair', 't.znip', '-o', 'read-only/x.znip'],
        1,
        "cannot write 'read-only/x.znip': permission denied",
      ],
      [['diff', 't.znip', 'closed'], 3, 'closed/: cannot read the directory: permission denied'],
      [
        ['unpack', 't.znip', '--same-owner'],
        2,
        'owners can only be restored by root: run as root, or without --same-owner',
      ],
    ],
    AS_NOBODY,
  );
});

describe('outputs and targets', () => {
  check([
    [['pack', 't', '-o', 't'], 2, "'t' is a directory: expected the name of a file to write"],
    [['pack', 't', '-o', 'no/x.znip'], 1, "cannot write 'no/x.znip': no such file or directory"],
    [
      ['pack', 't', '-o', 'junk/x.znip'],
      1,
      "cannot write 'junk/x.znip': a part of the path is not a directory",
    ],
    [['repair', 't.znip', '-o', 't'], 2, "'t' is a directory: expected the name of a file to write"],
    [['repair', 't.znip', '-o', 'no/x'], 1, "cannot write 'no/x': no such file or directory"],
    [
      ['repair', 'cut.znip', '-o', 'cut.znip'],
      2,
      "'cut.znip' is the archive that is to be repaired: give the new one another name",
    ],
    [['unpack', 't.znip', '-C', 'junk'], 1, "cannot unpack into 'junk': it is not a directory"],
    [
      ['unpack', 't.znip', '-C', 'junk/x'],
      1,
      "cannot unpack into 'junk/x': a part of the path is not a directory",
    ],
    [
      ['unpack', 't.znip', 't/a', '-C', 'taken'],
      1,
      `'${directory}/taken/t/a' already exists and was left as it is: use --overwrite to replace or --keep-old to keep what is there`,
    ],
    [
      ['unpack', '--tar', 'junk', 't.znip'],
      1,
      "'junk' already exists and was left as it is: use --overwrite to replace or --keep-old to keep what is there",
    ],
    [['unpack', '--tar', 't', 't.znip'], 2, "'t' is a directory: expected the name of a file to write"],
  ]);
});

describe('members that there are not', () => {
  const group = "no members of that type or repo in 't.znip': info shows which there are";
  check([
    [['ls', 't.znip', 'none'], 3, "nothing in 't.znip' matches 'none'"],
    [['unpack', 't.znip', 'none', '-C', 'out'], 3, "nothing in 't.znip' matches 'none'"],
    [['cat', 't.znip', 'none', 't/a', 'other'], 3, "'t.znip' has no file 'none', 'other'"],
    [['cat', 't.znip', 't'], 2, "member 't' is a directory: expected a file"],
    [
      ['cat', 't.znip', 't/link'],
      2,
      "member 't/link' is a symlink to 'a', which is not followed: expected a file",
    ],
    [['ls', 't.znip', '--type', 'npm'], 3, group],
    [['unpack', 't.znip', '--repo', 'x', '-C', 'out'], 3, group],
    [['diff', 't.znip', 'missing'], 2, "cannot compare with 'missing': no such file or directory"],
    [['diff', 't.znip', 't/a'], 2, "'t/a' is neither a directory nor a znip archive"],
    [['pack', 'missing', '-o', 'x.znip'], 1, "cannot pack 'missing': no such file or directory"],
    [
      ['pack', '--tar', 'missing.tar', '-o', 'x.znip'],
      1,
      "cannot open 'missing.tar': no such file or directory",
    ],
    [['pack', '--tar', 't', '-o', 'x.znip'], 2, "'t' is a directory: expected a file"],
  ]);
});

describe('values', () => {
  const size = "'x' is not a size: write bytes or a number with K, M, G or T, as in 16M";
  check([
    pack(['--level', '0'], 2, whole('the level', 1, 19, '0')),
    pack(['-20'], 2, whole('the level', 1, 19, '20')),
    pack(['-j', '0'], 2, whole('-j', 1, 256, '0')),
    pack(
      ['--chunk-size', '1'],
      2,
      'chunk size 1 is out of range: it must be from 64K to 128M (65536 to 134217728 bytes)',
    ),
    pack(['--chunk-size', 'x'], 2, size),
    pack(['--owner=me'], 2, "--owner takes numbers as UID or UID:GID, not 'me'"),
    pack(['--mtime', 'yesterday'], 2, time('yesterday')),
    pack(['--mtime', '2023-02-29'], 2, time('2023-02-29')),
    pack(
      ['--mtime', '@99999999999'],
      2,
      "--mtime '@99999999999' is out of range: it must be from 1677-09-21 to 2262-04-11",
    ),
    pack(['-x', '/'], 2, "'/' is not a pattern: it names nothing"),
    pack(['--exclude-from', 'missing'], 1, "cannot read 'missing': no such file or directory"),
    pack(['-T', 'missing'], 1, "cannot read 'missing': no such file or directory"),
    pack(['-T', 't'], 1, "cannot read 't': it is a directory"),
    pack(['-T', 'nuls'], 2, "the names in 'nuls' are separated by NUL: use -0"),
    pack(['--progress', 'fast'], 2, choice('--progress <mode>', 'fast', 'auto, never, json'), help('pack')),
    unpack(['-j', 'x'], 2, whole('-j', 1, 256, 'x')),
    unpack(['--strip-components', 'x'], 2, whole('--strip-components', 0, 4096, 'x')),
    unpack(['--max-size', 'x'], 2, size),
    unpack(['--max-members', 'x'], 2, whole('--max-members', 0, 16_000_000, 'x')),
    unpack(['--max-ratio', '0'], 2, whole('--max-ratio', 1, 1_000_000_000, '0')),
    unpack(['--max-depth', '0'], 2, whole('--max-depth', 1, 2048, '0')),
    unpack(['-x', '/'], 2, "'/' is not a pattern: it names nothing"),
    unpack(
      ['--progress', 'fast'],
      2,
      choice('--progress <mode>', 'fast', 'auto, never, json'),
      help('unpack'),
    ),
    [
      ['ls', 't.znip', '--format', 'xml'],
      2,
      choice('--format <format>', 'xml', 'names, long, json, csv, arrow'),
      help('ls'),
    ],
    [
      ['ls', 't.znip', '--sort', 'colour'],
      2,
      choice('--sort <key>', 'colour', 'name, size, mtime, none'),
      help('ls'),
    ],
    ...['abc', '-', '5'].map((text): Case => [['cat', 't.znip', 't/a', '--range', text], 2, range(text)]),
    [['cat', 't.znip', 't/a', '--range', '9-3'], 2, "the range '9-3' ends before it starts"],
    [['cat', 't.znip', 't/a', '--range', '7-'], 2, "member 't/a' has 6 bytes: a range cannot start at 7"],
    [['diff', 't.znip', 't', '--strip-components', 'x'], 2, whole('--strip-components', 0, 4095, 'x')],
    [['verify', 't.znip', '--root', 'x'], 2, "'x' is not a root hash: it has 64 hexadecimal digits"],
    ...['verify', 'recover'].map((command): Case => [
      [command, 't.znip', '-j', '0'],
      2,
      whole('-j', 1, 256, '0'),
    ]),
    [['repair', 't.znip', '-o', 'x', '-j', '0'], 2, whole('-j', 1, 256, '0')],
    [
      ['completion', 'csh'],
      2,
      "command-argument value 'csh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.",
      help('completion'),
    ],
  ]);
});

describe('options that do not go together, or have no effect', () => {
  const alone = "--name works only with standard input, given as '-': pack paths into another archive";
  const asItIs = 'has no effect with --tar: the tar stream goes into the archive as it is';
  check([
    packOnly(['t', '-0'], '-0 has no effect without -T: it is about the names in a list'),
    packOnly(['t', '-C', 't'], "-C 't' has no effect: put it before the paths that it is for"),
    packOnly(
      ['t', '--owner', '--reproducible'],
      "the files' own owners are not reproducible: give one as UID:GID, or none",
    ),
    packOnly(
      ['t', '--tar', 'junk'],
      '--tar takes all members from the tar stream: it does not go with paths',
    ),
    packOnly(['--tar', 'junk', '-x', 'a'], `--exclude ${asItIs}`),
    packOnly(['--tar', 'junk', '--one-file-system'], `--one-file-system ${asItIs}`),
    packOnly(['--tar', 'junk', '--dry-run'], `--dry-run ${asItIs}`),
    packOnly(
      ['--tar', 't.znip'],
      "'t.znip' is a znip archive already: to pack its tar stream anew, pipe it from unpack --tar -",
    ),
    packOnly(['--name', 'f'], alone),
    packOnly(['--name', 'f', 't'], alone),
    packOnly(['--name', 'f', '-', 't'], alone),
    packOnly(
      ['--name', 'f', '-', '-x', 'a'],
      '--exclude has no effect with --name: one file is packed, as it arrives',
    ),
    packOnly(
      ['--name', 'f', '-', '--tar', 'a'],
      '--tar has no effect with --name: one file is packed, as it arrives',
    ),
    packOnly(['--name', '../f', '-'], "'../f' cannot be the name of a member: it has a component '..'"),
    packOnly(['--name', '/f', '-'], "'/f' cannot be the name of a member: it is absolute"),
    packOnly(['--name', '', '-'], "'' cannot be the name of a member: it is empty"),
    packOnly(
      ['-'],
      "'-' is standard input, which needs a name: give --name, or write ./- for a file with this name",
    ),
    unpack(['--overwrite', '-k'], 2, ...conflict('unpack', '--overwrite', '-k, --keep-old')),
    unpack(['--overwrite', '--keep-newer'], 2, ...conflict('unpack', '--overwrite', '--keep-newer')),
    unpack(['-k', '--keep-newer'], 2, ...conflict('unpack', '-k, --keep-old', '--keep-newer')),
    [
      ['unpack', 't.znip', '--tar', 'y.tar', '-n'],
      2,
      '--dry-run has no effect with --tar: the tar stream is written as it is',
    ],
    [
      ['unpack', 't.znip', '--tar', 'y.tar', 't/a'],
      2,
      'a pattern has no effect with --tar: the tar stream is written as it is',
    ],
    unpack(['-f'], 2, '--force has no effect without --tar'),
    [['recover', 't.znip', '--overwrite', '-k'], 2, ...conflict('recover', '--overwrite', '-k, --keep-old')],
    [['ls', 't.znip', '-l', '-0', '--tree'], 2, '-l and --tree and -0 exclude each other: choose one'],
    [['info', '--root', '-v', 't.znip'], 2, ...conflict('info', '--root', '-v, --verbose')],
  ]);
});

describe('limits', () => {
  check([
    [
      ['unpack', 't.znip', '-C', 'out', '--max-members', '1'],
      4,
      'the archive has 5 members or more, expected at most 1 (--max-members): allow more if you trust who made the archive',
    ],
    [
      ['unpack', 't.znip', '-C', 'out', '--max-size', '1'],
      4,
      'the selected members have 11 bytes of content, expected at most 1 (--max-size): allow more if you trust who made the archive',
    ],
  ]);
});

test('nothing was made by any of them', () => {
  expect(['x.znip', 'x.tar', 'y.tar', 'new.znip', 'x'].filter((name) => existsSync(at(name)))).toEqual([]);
});
