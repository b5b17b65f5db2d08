/**
 * Globs for member names: `*` and `?` within a component, `[...]`, `**` across components, `{a,b}`; a `\` makes the
 * next character mean itself. Hidden names are matched like all others.
 */
import { type Automaton, AutomatonBuilder } from './automaton.ts';
import { parseBracket } from './bracket.ts';

/** Whether a pattern can match more than the name that it spells. A `\` makes a character mean itself. */
export function isGlob(pattern: string): boolean {
  return /[*?[{\\]/.test(pattern);
}

/**
 * A glob for whole paths. Every text is a glob: characters without a special meaning, such as a `{` without its `}`,
 * mean themselves.
 */
export function compileGlob(glob: string): Automaton {
  return new GlobCompiler(glob).compile();
}

class GlobCompiler {
  private readonly glob: string;
  private readonly builder = new AutomatonBuilder();
  /** Positions of the braces and commas of alternatives. */
  private readonly groups: ReadonlySet<number>;
  /** A bracket has no end. Then the brackets after it have none either. */
  private isUnended = false;

  constructor(glob: string) {
    this.glob = glob;
    this.groups = findGroups(glob);
  }

  compile(): Automaton {
    const { glob, builder } = this;
    for (let at = 0; at < glob.length;) at = this.take(at);
    return builder.finish();
  }

  /** Reads the element at this position. Returns where the next one is. */
  private take(at: number): number {
    const { glob, builder } = this;
    const character = glob.charAt(at);
    if (this.groups.has(at)) {
      if (character === '{') builder.open();
      else if (character === ',') builder.alternative();
      else builder.close();
      return at + 1;
    }
    if (character === '*') return this.takeStars(at);
    if (character === '?') {
      builder.any();
      return at + 1;
    }
    if (character === '[' && !this.isUnended) {
      const bracket = parseBracket(glob, at + 1);
      if (bracket !== undefined) {
        builder.set(bracket.set);
        return bracket.end + 1;
      }
      this.isUnended = true;
    }
    const literalAt = character === '\\' && at + 1 < glob.length ? at + 1 : at;
    const codePoint = glob.codePointAt(literalAt) ?? 0;
    builder.literal(codePoint);
    return literalAt + (codePoint > 0xffff ? 2 : 1);
  }

  /** One star, or several. Several match across components if they are a whole component. */
  private takeStars(at: number): number {
    const { glob, builder } = this;
    let end = at + 1;
    while (glob.charAt(end) === '*') end += 1;
    if (end === at + 1 || !this.isStart(at) || !this.isEnd(end)) {
      builder.star();
      return end;
    }
    if (glob.charAt(end) === '/') {
      builder.directories();
      return end + 1;
    }
    builder.everything();
    return end;
  }

  private isStart(at: number): boolean {
    const before = this.glob.charAt(at - 1);
    return at === 0 || before === '/' || (this.groups.has(at - 1) && before !== '}');
  }

  private isEnd(at: number): boolean {
    const behind = this.glob.charAt(at);
    return behind === '' || behind === '/' || this.groups.has(at);
  }
}

/** Positions of matching braces with a comma between them, and of these commas. */
function findGroups(glob: string): Set<number> {
  const positions = new Set<number>();
  const open: number[][] = [];
  let isUnended = false;
  for (let at = 0; at < glob.length; at++) {
    const character = glob.charAt(at);
    if (character === '\\') at += 1;
    else if (character === '[' && !isUnended) {
      const bracket = parseBracket(glob, at + 1);
      if (bracket === undefined) isUnended = true;
      else at = bracket.end;
    } else if (character === '{') open.push([at]);
    else if (character === ',') open[open.length - 1]?.push(at);
    else if (character === '}') {
      const group = open.pop();
      if (group === undefined || group.length < 2) continue;
      for (const position of group) positions.add(position);
      positions.add(at);
    }
  }
  return positions;
}
