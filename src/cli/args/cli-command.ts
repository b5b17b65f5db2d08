/**
 * A command. Commander defines it, checks it and shows its help. But `read.ts` reads its arguments, once, and commander
 * gets the values.
 */
import type { EventEmitter } from 'node:events';
import { Command, type Option } from 'commander';
import type { Context } from '../ui/context.ts';
import { type Grammar, readArguments, type Token } from './read.ts';

export class CliCommand extends Command {
  /** Everything after the command's name, in order. */
  line: readonly Token[] = [];
  private context: Context | undefined;
  private digits: Option | undefined;
  private idle: string | undefined;

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  /** The command with this name or alias. */
  named(name: string): CliCommand | undefined {
    return this.commands
      .filter((command) => command instanceof CliCommand)
      .find((command) => command.name() === name || command.aliases().includes(name));
  }

  /** Defines the option that gets `-1` to `-99` as its value. */
  digitsOption(option: Option): this {
    this.digits = option;
    return this.addOption(option);
  }

  /** Defines a letter that is ignored among other letters. */
  idleLetter(letter: string): this {
    this.idle = letter;
    return this;
  }

  /** Defines what the command does. `work` gets the context of the run. */
  does(work: (context: Context, ...args: never[]) => Promise<void> | void): this {
    return this.action((...args: unknown[]) => {
      if (this.context === undefined) throw new Error('a command runs before its arguments are read');
      return work(this.context, ...(args as never[]));
    });
  }

  read(args: readonly string[]): readonly Token[] {
    const grammar: Grammar = { options: this.options, digits: this.digits, idle: this.idle };
    return (this.line = readArguments(args, grammar));
  }

  /** Checks what was read, and runs the command. */
  async run(context: Context): Promise<void> {
    this.context = context;
    await this.parseAsync([], { from: 'user' });
  }

  /** Called by commander. Gives the operands, and from the first unknown option on, the rest as unknown. */
  override parseOptions(): { operands: string[]; unknown: string[] } {
    const operands: string[] = [];
    const unknown: string[] = [];
    // Options get their values as events; commander's types do not say that it is an emitter.
    const emitter = this as unknown as EventEmitter;
    for (const token of this.line) {
      if (token.kind === 'unknown') unknown.push(token.flag);
      else if (token.kind === 'operand') (unknown.length > 0 ? unknown : operands).push(token.value);
      else {
        const { option, value } = token;
        if (option.required && value === undefined) {
          this.error(`error: option '${option.flags}' argument missing`, {
            code: 'commander.optionMissingArgument',
          });
        }
        emitter.emit(`option:${option.name()}`, option.optional ? (value ?? null) : value);
      }
    }
    return { operands, unknown };
  }
}
