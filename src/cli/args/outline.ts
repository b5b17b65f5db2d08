/**
 * The command line as plain data, taken from the same commander program that parses it. The completions and the manual
 * page are made from it, so every command or option that is defined is in all of them.
 */
import type { Argument, Command, Option } from 'commander';
import { collect } from './options.ts';

export interface OutlineOption {
  /** `-o`. */
  short: string | undefined;
  /** `--output`. */
  long: string | undefined;
  /** The value and its name, such as `file` in `--output <file>`. */
  value: { name: string; required: boolean; choices: readonly string[] } | undefined;
  repeatable: boolean;
  description: string;
}

export interface OutlineArgument {
  name: string;
  required: boolean;
  variadic: boolean;
  choices: readonly string[];
  description: string;
}

export interface OutlineCommand {
  name: string;
  aliases: readonly string[];
  description: string;
  arguments: readonly OutlineArgument[];
  options: readonly OutlineOption[];
}

export interface Outline extends OutlineCommand {
  commands: readonly OutlineCommand[];
}

/** What a program offers to its users, without hidden commands and options. */
export function outlineOf(program: Command): Outline {
  const commands = program.createHelp().visibleCommands(program);
  return {
    ...outlineCommand(program),
    commands: commands.map(outlineCommand),
  };
}

export function outlineCommand(command: Command): OutlineCommand {
  return {
    name: command.name(),
    aliases: command.aliases(),
    description: command.description(),
    arguments: command.registeredArguments.map(outlineArgument),
    options: command.createHelp().visibleOptions(command).map(outlineOption),
  };
}

function outlineArgument(argument: Argument): OutlineArgument {
  return {
    name: argument.name(),
    required: argument.required,
    variadic: argument.variadic,
    choices: argument.argChoices ?? [],
    description: argument.description,
  };
}

function outlineOption(option: Option): OutlineOption {
  const name = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1]?.replace(/\.\.\.$/, '');
  return {
    short: option.short,
    long: option.long,
    value:
      name === undefined ? undefined : { name, required: option.required, choices: option.argChoices ?? [] },
    repeatable: option.parseArg === collect,
    description: option.description,
  };
}

/** The names that mean a command: its own and its aliases. */
export function namesOf({ name, aliases }: OutlineCommand): readonly string[] {
  return [name, ...aliases];
}

/** The spellings of an option: `-o`, `--output`. */
export function spellingsOf({ short, long }: OutlineOption): string[] {
  return [short, long].filter((name) => name !== undefined);
}
