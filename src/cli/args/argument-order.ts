/**
 * The order of options and paths: `-C` counts for the paths after it, as tar has it, which commander's
 * parser does not tell.
 */
import { Command, type Option } from 'commander';

/** An option with a value, and how many operands stand before it among the arguments that were parsed. */
export interface PlacedOption {
  /** Name of the option's value as commander has it: `directory`. */
  name: string;
  value: string;
  operandsBefore: number;
}

export interface ArgumentOrder {
  options: PlacedOption[];
  operandCount: number;
}

/** A command that remembers where its options stood. */
export class OrderedCommand extends Command {
  order: ArgumentOrder = { options: [], operandCount: 0 };

  override parseOptions(args: string[]): { operands: string[]; unknown: string[] } {
    this.order = scanArguments(args, this.options);
    return super.parseOptions(args);
  }
}

/** Goes through arguments as commander's parser does, and keeps the places of options that have values. */
export function scanArguments(args: readonly string[], known: readonly Option[]): ArgumentOrder {
  const options: PlacedOption[] = [];
  let operandCount = 0;
  const find = (flag: string): Option | undefined =>
    known.find(({ short, long }) => short === flag || long === flag);
  const place = (option: Option, value: string | undefined): void => {
    if (value !== undefined)
      options.push({ name: option.attributeName(), value, operandsBefore: operandCount });
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--') {
      operandCount += args.length - i - 1;
      break;
    }
    if (arg === '-' || !arg.startsWith('-')) {
      operandCount += 1;
      continue;
    }
    const next = args[i + 1];
    const whole = find(arg);
    if (whole !== undefined) {
      if (whole.required || (whole.optional && next !== undefined && !next.startsWith('-'))) {
        place(whole, next);
        i += 1;
      }
      continue;
    }
    if (arg.startsWith('--')) {
      const equals = arg.indexOf('=');
      const option = equals < 0 ? undefined : find(arg.slice(0, equals));
      if (option !== undefined) place(option, arg.slice(equals + 1));
      continue;
    }
    // A cluster: flags without values, then perhaps one that takes the rest as its value.
    for (let at = 1; at < arg.length; at++) {
      const option = find(`-${arg.charAt(at)}`);
      if (option === undefined) break;
      if (!option.required && !option.optional) continue;
      if (at + 1 < arg.length) place(option, arg.slice(at + 1));
      else if (option.required) place(option, args[++i]);
      break;
    }
  }
  return { options, operandCount };
}
