/**
 * Reads a command line once: its options and operands, in order, and what the user typed for each. All other code uses
 * these tokens, and commander gets its values from them (`cli-command.ts`). The rules are those of commander's own
 * parser, but that parser reports neither the order nor what was typed. `util.parseArgs` has no options with an
 * optional value, and takes a negative number for options.
 */
import { Option } from 'commander';

/** An option that the command has. */
export interface GivenOption {
  kind: 'option';
  option: Option;
  /** undefined if it takes no value, or if the command line ends before the value. */
  value: string | undefined;
  /** The argument that it is part of. */
  typed: string;
}

export interface GivenOperand {
  kind: 'operand';
  value: string;
  /** It comes after `--`, so it is a name, whatever it looks like. */
  literal: boolean;
}

/** Something that looks like an option, but the command does not have it. */
export interface UnknownOption {
  kind: 'unknown';
  /** The flag and everything after it: for `-qz`, this is `-z` if the command has a `-q`. */
  flag: string;
  typed: string;
}

export type Token = GivenOption | GivenOperand | UnknownOption;

/** The options that a command takes. */
export interface Grammar {
  options: readonly Option[];
  /** The option that gets `-1` to `-99` as its value, like the levels of zstd and gzip. */
  digits: Option | undefined;
  /** A letter that is ignored among other letters, such as `h` in `ls -lh`. */
  idle: string | undefined;
}

/** An option whose value may be left out. It takes the next argument only if that looks like a value. */
export class OptionalValue extends Option {
  readonly accepts: RegExp;

  constructor(flags: string, description: string, accepts: RegExp) {
    super(flags, description);
    this.accepts = accepts;
  }
}

export function readArguments(args: readonly string[], { options, digits, idle }: Grammar): Token[] {
  const tokens: Token[] = [];
  const find = (flag: string): Option | undefined =>
    options.find(({ short, long }) => short === flag || long === flag);
  const hasDigits = options.some(({ short }) => short !== undefined && /^-\d$/.test(short));
  let next = 0;

  const takeOption = (option: Option, typed: string): void => {
    const takes =
      option.required || (option instanceof OptionalValue && option.accepts.test(args[next] ?? ''));
    tokens.push({ kind: 'option', option, value: takes ? args[next++] : undefined, typed });
  };

  /** Flags without values, then perhaps one that takes the rest, or the next argument, as its value. */
  const takeCluster = (flags: string, typed: string): void => {
    for (let rest = flags; rest !== ''; rest = rest.slice(1)) {
      const option = find(`-${rest.charAt(0)}`);
      if (option === undefined) {
        tokens.push({ kind: 'unknown', flag: `-${rest}`, typed });
        return;
      }
      if (rest.length > 1 && (option.required || option.optional)) {
        tokens.push({ kind: 'option', option, value: rest.slice(1), typed });
        return;
      }
      takeOption(option, typed);
    }
  };

  while (next < args.length) {
    const typed = args[next++] as string;
    if (typed === '--') {
      for (const value of args.slice(next)) tokens.push({ kind: 'operand', value, literal: true });
      break;
    }
    const whole = find(typed);
    const [, flag = typed, value] = /^(--[^=]+)=(.*)$/s.exec(typed) ?? [];
    const withValue = value === undefined ? undefined : find(flag);
    if (typed === '-' || !typed.startsWith('-')) {
      tokens.push({ kind: 'operand', value: typed, literal: false });
    } else if (whole !== undefined) {
      takeOption(whole, typed);
    } else if (digits !== undefined && /^-[1-9]\d?$/.test(typed)) {
      tokens.push({ kind: 'option', option: digits, value: typed.slice(1), typed });
    } else if (withValue?.required === true || withValue?.optional === true) {
      tokens.push({ kind: 'option', option: withValue, value, typed });
    } else if (!hasDigits && isNegativeNumber(typed)) {
      tokens.push({ kind: 'operand', value: typed, literal: false });
    } else if (typed.startsWith('--')) {
      tokens.push({ kind: 'unknown', flag: typed, typed });
    } else {
      const flags = typed.slice(1);
      const counts = idle !== undefined && /^[a-zA-Z0-9]{2,}$/.test(flags);
      takeCluster(counts ? flags.replaceAll(idle, '') : flags, typed);
    }
  }
  return tokens;
}

function isNegativeNumber(text: string): boolean {
  return /^-(?:\d+|\d*\.\d+)(?:e[+-]?\d+)?$/.test(text);
}

/** The value of the last option with this name; true if it has no value; undefined if it was not given. */
export function valueOf(tokens: readonly Token[], name: string): string | true | undefined {
  const given = tokens.findLast(
    (token): token is GivenOption => token.kind === 'option' && token.option.attributeName() === name,
  );
  return given === undefined ? undefined : (given.value ?? true);
}

export function operandsOf(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token) => (token.kind === 'operand' ? [token.value] : []));
}
