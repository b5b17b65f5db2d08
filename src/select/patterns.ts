/**
 * Which members a user means: names and patterns on the command line.
 */

/** Some patterns, compiled. */
export interface Selection {
  /** Whether any of the patterns means this member. `path` is text, without a trailing slash. */
  matches(path: string): boolean;
  /** Patterns that have not matched anything so far, as they were given. */
  unmatched(): string[];
}

/**
 * Compiles member patterns. A pattern is a member's exact name, the name of a directory (which means all
 * below it too), or a glob with `*`, `?`, `[...]` and `**`.
 */
export function compileSelection(patterns: readonly string[]): Selection {
  const unused = new Set(patterns);
  return {
    matches(path) {
      let matched = false;
      for (const pattern of patterns) {
        if (path !== pattern && !path.startsWith(`${pattern}/`)) continue;
        unused.delete(pattern);
        matched = true;
      }
      return matched;
    },
    unmatched: () => [...unused],
  };
}
