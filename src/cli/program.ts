/**
 * The command line: every command. What a command does is loaded when it runs.
 */
import type { Command, OutputConfiguration } from 'commander';
import { ZnipError } from '../errors.ts';
import { CliCommand } from './args/cli-command.ts';
import { addExamples } from './args/command.ts';
import { refuseOtherOptions, refuseOtherTools } from './args/other-tools.ts';
import { operandsOf } from './args/read.ts';
import { settingsOf } from './args/settings.ts';
import { defineCat } from './cat/command.ts';
import { defineCompletion } from './completion/command.ts';
import { defineDiff } from './diff/command.ts';
import { defineInfo } from './info/command.ts';
import { defineLs } from './ls/command.ts';
import { defineMerge } from './merge/command.ts';
import { definePack } from './pack/command.ts';
import { defineRecover } from './recover/command.ts';
import { defineRepack } from './repack/command.ts';
import { defineRepair } from './repair/command.ts';
import type { ReporterSettings } from './ui/reporter.ts';
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
  ['merge', defineMerge],
  ['repack', defineRepack],
  ['verify', defineVerify],
  ['recover', defineRecover],
  ['repair', defineRepair],
  ['completion', defineCompletion],
]);

/** `ls|list <archive> [pattern...]`, without `[options]`: every command has some. */
function subcommandTerm(command: Command): string {
  const values = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [[command.name(), ...command.aliases()].join('|'), ...values].join(' ');
}

/** What a command line asks for, read once. */
export interface CommandLine {
  /** The command, or the program itself if no command is named. */
  command: CliCommand;
  settings: ReporterSettings;
  /** Whether a program reads standard error. */
  forPrograms: boolean;
  /** Throws `usage` for the command lines of other tools, and when the name after `help` is not a command. */
  refuse: () => void;
}

export function readCommandLine(args: readonly string[], output: OutputConfiguration): CommandLine {
  // After `--`, too, comes a command's name. Nothing that follows it is an option.
  const literal = args[0] === '--';
  const [first, ...behind] = literal ? args.slice(1) : args;
  const rest = literal ? ['--', ...behind] : behind;
  const program = buildProgram(first);
  for (const each of [program, ...program.commands]) each.exitOverride().configureOutput(output);
  if (first === undefined) return program.help({ error: true });
  const named = program.named(first);
  const command = named ?? program;
  const line = command.read(named === undefined ? args : rest);
  return {
    command,
    ...settingsOf(named === undefined ? (operandsOf(line)[0] ?? '') : first, line),
    refuse() {
      if (named !== undefined) refuseOtherOptions(command.name(), line);
      else if (first === 'help') refuseTopic(rest[0]);
      else refuseOtherTools(args);
    },
  };
}

/** `help nope`. */
function refuseTopic(topic: string | undefined): void {
  if (topic === undefined || topic === 'help' || topic.startsWith('-') || COMMANDS.has(topic)) return;
  throw new ZnipError('usage', `there is no command '${topic}' to help with: znip --help shows the commands`);
}

/** The program with all of its commands, or with only the command that `first`, the first argument, names. */
export function buildProgram(first?: string): CliCommand {
  const program = new CliCommand('znip');
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
  // Help, suggestions and completion need all commands.
  const definitions = named === undefined || named === defineCompletion ? COMMANDS.values() : [named];
  for (const define of new Set(definitions)) define(program);
  for (const command of program.commands) {
    command.showHelpAfterError(`(znip ${command.name()} --help shows its options)`);
  }
  return program;
}
