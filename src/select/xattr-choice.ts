/**
 * Which extended attributes are recorded or restored, by their names.
 */
import { ATTRIBUTES, meaningOf } from '../format/values/attributes.ts';
import { type ByteString, toText } from '../format/values/byte-string.ts';
import { compileGlob } from './glob.ts';

/** Patterns for names, such as `user.*`. */
export interface XattrPatterns {
  /** Only names that match one of these. Default: all but labels of security modules and what belongs to overlay file systems. */
  include?: readonly string[] | undefined;
  /** Not these, whatever else matches. */
  exclude?: readonly string[] | undefined;
}

/** Whether a name is wanted. */
export type XattrChoice = (name: ByteString) => boolean;

/** What an option asks for; undefined for none. */
export function patternsOf(asked: boolean | XattrPatterns | undefined): XattrPatterns | undefined {
  if (asked === undefined || asked === false) return undefined;
  return asked === true ? {} : asked;
}

export function chooseXattrs(patterns: XattrPatterns): XattrChoice {
  const isExcluded = matching(patterns.exclude);
  const isIncluded = matching(patterns.include);
  return (name) => {
    const text = toText(name);
    if (isExcluded(text)) return false;
    return patterns.include === undefined ? meaningOf(name) !== ATTRIBUTES.none : isIncluded(text);
  };
}

function matching(globs: readonly string[] = []): (name: string) => boolean {
  const automata = globs.map(compileGlob);
  return (name) => automata.some((automaton) => automaton.matches(name));
}
