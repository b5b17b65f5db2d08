/**
 * Patterns of every kind are compiled to this automaton. It is in all its possible states at once. So a name of n
 * characters takes at most n times the length of the pattern, whatever the pattern. Regular expressions try one way
 * after the other: with six stars, a long name took minutes.
 */

/** Characters, as ranges of code points, including both ends: `[first, last, first, last, …]`. */
export interface CharacterSet {
  ranges: readonly number[];
  negated: boolean;
}

const LITERAL = 0;
/** Any character except a slash. */
const ANY = 1;
const SET = 2;
/** Any number of characters that are not slashes; and of any characters. */
const STAR = 3;
const EVERYTHING = 4;
/** Continues in two ways at once, without a character. */
const FORK = 5;
const END = 6;

const SLASH = 0x2f;
const NOWHERE = -1;

/** States have numbers. They are stored as columns, because a pattern may have a hundred thousand of them. */
interface States {
  operations: number[];
  /** The code point of a literal; for a fork, where the second way leads. */
  operands: number[];
  nexts: number[];
  sets: Map<number, CharacterSet>;
}

/** Builds an automaton, from the first character of a pattern to the last. */
export class AutomatonBuilder {
  private readonly states: States = { operations: [], operands: [], nexts: [], sets: new Map() };
  /** States that lead to the next added state. */
  private ends: number[] = [];
  private readonly groups: { fork: number; ends: number[] }[] = [];

  literal(codePoint: number): void {
    this.add(LITERAL, codePoint);
  }

  any(): void {
    this.add(ANY);
  }

  star(): void {
    this.add(STAR);
  }

  everything(): void {
    this.add(EVERYTHING);
  }

  set(set: CharacterSet): void {
    this.states.sets.set(this.add(SET), set);
  }

  /** Starts a group. What is added until `close` is one of several alternatives, which `alternative` separates. */
  open(): void {
    this.groups.push({ fork: this.add(FORK, NOWHERE), ends: [] });
  }

  alternative(): void {
    const group = this.groups[this.groups.length - 1];
    if (group === undefined) return;
    for (const end of this.ends) group.ends.push(end);
    this.ends = [];
    const fork = this.add(FORK, NOWHERE);
    this.states.operands[group.fork] = fork;
    group.fork = fork;
  }

  close(): void {
    const group = this.groups.pop();
    if (group === undefined) return;
    // Adds the shorter list to the longer one: nested groups must not copy theirs at every level.
    const [longer, shorter] =
      group.ends.length < this.ends.length ? [this.ends, group.ends] : [group.ends, this.ends];
    for (const end of shorter) longer.push(end);
    this.ends = longer;
  }

  /** Two stars and a slash: nothing, or any directories, with a slash after them. */
  directories(): void {
    this.open();
    this.alternative();
    this.everything();
    this.literal(SLASH);
    this.close();
  }

  finish(): Automaton {
    this.add(END);
    return new Automaton(this.states);
  }

  private add(operation: number, operand = 0): number {
    const { operations, operands, nexts } = this.states;
    const state = operations.length;
    operations.push(operation);
    operands.push(operand);
    nexts.push(NOWHERE);
    for (const end of this.ends) nexts[end] = state;
    this.ends = [state];
    return state;
  }
}

export class Automaton {
  /** How many states were looked at, in all names so far. For the tests. */
  steps = 0;
  private readonly operations: Uint8Array;
  private readonly operands: Int32Array;
  private readonly nexts: Int32Array;
  private readonly sets: ReadonlyMap<number, CharacterSet>;
  /** Every matching name begins with this. */
  private readonly prefix: string;
  private readonly start: number;
  /** The current states, and those that the next character leads to. */
  private current: Int32Array;
  private following: Int32Array;
  private count = 0;
  /** For each state, the last round in which it was entered. */
  private readonly entered: Float64Array;
  private round = 0;
  private readonly waiting: number[] = [];

  constructor({ operations, operands, nexts, sets }: States) {
    this.operations = Uint8Array.from(operations);
    this.operands = Int32Array.from(operands);
    this.nexts = Int32Array.from(nexts);
    this.sets = sets;
    this.current = new Int32Array(operations.length);
    this.following = new Int32Array(operations.length);
    this.entered = new Float64Array(operations.length);
    const codePoints: number[] = [];
    let state = 0;
    for (; this.operations[state] === LITERAL; state = this.nexts[state] ?? 0) {
      codePoints.push(this.operands[state] ?? 0);
    }
    this.prefix = textOf(codePoints);
    this.start = state;
  }

  /** Whether the pattern matches this name. */
  matches(name: string): boolean {
    return this.run(name, false);
  }

  /** Whether the pattern matches this path or a directory above it. */
  covers(path: string): boolean {
    return this.run(path, true);
  }

  private run(name: string, above: boolean): boolean {
    if (!name.startsWith(this.prefix)) return false;
    this.count = 0;
    this.round += 1;
    let ended = this.enter(this.start);
    for (let at = this.prefix.length; at < name.length;) {
      const codePoint = name.codePointAt(at) ?? 0;
      if (ended && above && codePoint === SLASH && at > 0) return true;
      at += codePoint > 0xffff ? 2 : 1;
      if (this.count === 0) return false;
      ended = this.advance(codePoint);
    }
    return ended;
  }

  /** Takes one character. Returns whether the name may end after it. */
  private advance(codePoint: number): boolean {
    const { current, count } = this;
    this.current = this.following;
    this.following = current;
    this.count = 0;
    this.round += 1;
    this.steps += count;
    let ended = false;
    for (let i = 0; i < count; i++) {
      const state = current[i] ?? 0;
      const operation = this.operations[state];
      if (operation === LITERAL) {
        if (this.operands[state] === codePoint) ended = this.enter(this.nexts[state] ?? 0) || ended;
      } else if (operation === EVERYTHING || (operation === STAR && codePoint !== SLASH)) {
        ended = this.enter(state) || ended;
      } else if (
        codePoint !== SLASH &&
        (operation === ANY || (operation === SET && isIn(this.sets.get(state), codePoint)))
      ) {
        ended = this.enter(this.nexts[state] ?? 0) || ended;
      }
    }
    return ended;
  }

  /** Enters a state and all states that it leads to without a character. Returns whether the end is one of them. */
  private enter(first: number): boolean {
    const { waiting, entered, round } = this;
    let ended = false;
    waiting.push(first);
    for (let state = waiting.pop(); state !== undefined; state = waiting.pop()) {
      if (state === NOWHERE || entered[state] === round) continue;
      entered[state] = round;
      const operation = this.operations[state];
      if (operation === END) ended = true;
      else if (operation === FORK)
        waiting.push(this.operands[state] ?? NOWHERE, this.nexts[state] ?? NOWHERE);
      else {
        this.current[this.count++] = state;
        if (operation === STAR || operation === EVERYTHING) waiting.push(this.nexts[state] ?? NOWHERE);
      }
    }
    return ended;
  }
}

function isIn(set: CharacterSet | undefined, codePoint: number): boolean {
  if (set === undefined) return false;
  const { ranges, negated } = set;
  for (let i = 0; i < ranges.length; i += 2) {
    if (codePoint >= (ranges[i] ?? 0) && codePoint <= (ranges[i + 1] ?? 0)) return !negated;
  }
  return negated;
}

/** In pieces, because a call takes only a limited number of arguments. */
function textOf(codePoints: readonly number[]): string {
  let text = '';
  for (let i = 0; i < codePoints.length; i += 4096)
    text += String.fromCodePoint(...codePoints.slice(i, i + 4096));
  return text;
}
