/**
 * Globs for member names: `*` and `?` within a component, `[...]`, `**` across components, `{a,b}`, and
 * `\` before a character that means itself. Hidden names are names like any other.
 */
import type * as Picomatch from 'picomatch';
import { ZnipError } from '../errors.ts';

/** Whether a pattern means more than the name that it spells; `\` makes a character mean itself. */
export function isGlob(pattern: string): boolean {
  return /[*?[{\\]/.test(pattern);
}

/** A glob as a regular expression for whole paths. */
export function globToRegExp(glob: string): RegExp {
  try {
    // Loaded for the first glob: most runs have none. The build puts it into the bundle.
    const { makeRe } = require('picomatch') as typeof Picomatch;
    return makeRe(escapeOthers(glob), {
      dot: true,
      nonegate: true,
      noextglob: true,
      posix: true,
      strictSlashes: true,
      windows: false,
      // A line break in a name is a character like any other.
      flags: 's',
    });
  } catch (error) {
    throw new ZnipError('usage', `'${glob.slice(0, 80)}' is not a pattern that znip can read`, {}, error);
  }
}

/**
 * Escapes what picomatch would take for a group, a quote or an extended glob: parentheses are common in
 * names. What stands in brackets is left alone.
 */
function escapeOthers(glob: string): string {
  return glob.replace(/\\.|\[[!^]?\]?[^\]]*\]|[()|+@!^$"]/gs, (part) =>
    part.length > 1 ? part : `\\${part}`,
  );
}
