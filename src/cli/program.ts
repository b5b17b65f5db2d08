/**
 * The command line: every command. What a command does is loaded when it runs.
 */
import { Command } from 'commander';
import { ZnipError } from '../errors.ts';
import { addExamples } from './args/command.ts';
import { refuseOtherOptions, refuseOtherTools } from './args/other-tools.ts';
import { defineCat } from './cat/command.ts';
import { defineCompletion } from './completion/command.ts';
import { defineDiff } from './diff/command.ts';
import { defineInfo } from './info/command.ts';
import { defineLs } from './ls/command.ts';
import { definePack } from './pack/command.ts';
import { defineRecover } from './recover/command.ts';
import { defineRepair } from './repair/command.ts';
import { defineUnpack } from './unpack/command.ts';
import { defineVerify } from './verify/command.ts';

/** Every command, by the names that it goes by, in the order of the help. */
const COMMANDS = new Map([
  ['pack', definePack],
  ['unpack', defineUnpack],
  ['ls', defineLs],
  ['list', defineLs],
  ['info', defineInfo],
  ['cat', defineCat],
  ['diff', defineDiff],
  ['verify', defineVerify],
  ['recover', defineRecover],
  ['repair', defineRepair],
  ['completion', defineCompletion],
]);

/** `ls|list <archive> [pattern...]`: that there are options goes without saying. */
function subcommandTerm(command: Command): string {
  const values = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [[command.name(), ...command.aliases()].join('|'), ...values].join(' ');
}

/** Throws `usage` for the command lines of other tools, and for the name of no command after `help`. */
export function refuseForeignArguments(program: Command, args: readonly string[]): void {
  const [first = '', ...rest] = args;
  if (first === 'help') {
    const [topic] = rest;
    if (topic !== undefined && topic !== 'help' && !topic.startsWith('-') && !COMMANDS.has(topic)) {
      throw new ZnipError(
        'usage',
        `there is no command '${topic}' to help with: znip --help shows the commands`,
      );
    }
    return;
  }
  if (!COMMANDS.has(first)) return refuseOtherTools(args);
  const [command] = program.commands;
  if (command === undefined) return;
  const flags = command.options.flatMap(({ short, long }) =>
    [short, long].filter((flag) => flag !== undefined),
  );
  refuseOtherOptions(command.name(), rest, new Set(flags));
}

/** The program with all of its commands, or with the one alone that `first`, the first argument, means. */
export function buildProgram(first?: string): Command {
  const program = new Command('znip');
  program
    .description(
      'Packs trees of files into archives that are fast, indexed, verified, and valid .tar.zst files.',
    )
    .usage('COMMAND [OPTION...]')
    .option('-V, --version', 'print the version (with -v: codec and Node.js too)')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(znip --help shows the commands)')
    .helpCommand('help [command]', 'show the help of a command')
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ sortSubcommands: false, minWidthToWrap: 20, subcommandTerm });
  addExamples(
    program,
    `znip pack node_modules -o deps.znip      pack a directory
znip ls deps.znip                        list it
znip unpack deps.znip -C /somewhere      unpack it
tar --zstd -xf deps.znip                 so can everybody else, without znip`,
  );
  const named = COMMANDS.get(first ?? '');
  // Help and suggestions are about all commands, and so is completion.
  const definitions = named === undefined || named === defineCompletion ? COMMANDS.values() : [named];
  for (const define of new Set(definitions)) define(program);
  for (const command of program.commands) {
    command.showHelpAfterError(`(znip ${command.name()} --help shows its options)`);
  }
  return program;
}
