/**
 * Reads a command line, once: which options and operands there are, in their order, and what was typed for each. All
 * that is said of a command line is said of these tokens, and commander gets its values from them (`cli-command.ts`).
 * By the rules of commander's own parser, which tells neither order nor what was typed; `util.parseArgs` has no options
 * that need no value, and takes a negative number for options.
 */
import { Option } from 'commander';

/** An option that the command has. */
export interface GivenOption {
  kind: 'option';
  option: Option;
  /** undefined where it takes none, or where the command line ends before it. */
  value: string | undefined;
  /** The argument that it stands in. */
  typed: string;
}

export interface GivenOperand {
  kind: 'operand';
  value: string;
  /** Behind `--`, so that it is a name whatever it looks like. */
  literal: boolean;
}

/** What looks like an option and is none of the command. */
export interface UnknownOption {
  kind: 'unknown';
  /** The flag and all behind it: `-z` of `-qz` where there is a `-q`. */
  flag: string;
  typed: string;
}

export type Token = GivenOption | GivenOperand | UnknownOption;

/** What a command takes. */
export interface Grammar {
  options: readonly Option[];
  /** The option that `-1` to `-99` are values of, as zstd and gzip have levels. */
  digits: Option | undefined;
  /** A letter that means nothing among others, as `h` in `ls -lh`. */
  idle: string | undefined;
}

/** An option whose value may be left out: only what looks like one is taken from the argument behind it. */
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

  /** Flags without values, then perhaps one that takes the rest as its value, or the next argument. */
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

/** The value of the last option of this name, true for one without, undefined where there is none. */
export function valueOf(tokens: readonly Token[], name: string): string | true | undefined {
  const given = tokens.findLast(
    (token): token is GivenOption => token.kind === 'option' && token.option.attributeName() === name,
  );
  return given === undefined ? undefined : (given.value ?? true);
}

export function operandsOf(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token) => (token.kind === 'operand' ? [token.value] : []));
}
