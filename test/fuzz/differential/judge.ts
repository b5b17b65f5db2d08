/**
 * Holds what a way of reading has given against the model.
 */
import type { Expected } from './model.ts';
import { difference, type Seen, type Tree } from './snapshot.ts';
import type { Case } from './stream.ts';
import type { Heard } from './ways.ts';

/** Codes with which a run may refuse a stream that contests something, as a whole or from there on. */
const REFUSALS: ReadonlySet<string> = new Set(['unsafe-path', 'unsafe-link', 'inconsistent', 'exists']);

/** Whether a member, or one above or below it, was spoken of. */
function isNamed(path: string, said: readonly string[]): boolean {
  return said.some((line) => line.includes(path));
}

/** The contested or tolerated member that explains what became of a path. */
function excuse(
  path: string,
  right: Seen | undefined,
  found: Seen | undefined,
  excused: ReadonlySet<string>,
): string[] {
  const names = new Set([path, ...(right?.names.split(' ') ?? []), ...(found?.names.split(' ') ?? [])]);
  return [...excused].filter((one) =>
    [...names].some((name) => name === one || name.startsWith(`${one}/`) || one.startsWith(`${name}/`)),
  );
}

/** What is wrong, in words. `heard`: what this run has said; `before`: what `pack` has said of the same stream. */
export function judge(
  { policy }: Case,
  expected: Expected,
  found: Tree,
  heard: Heard,
  before: readonly string[] = [],
): string[] {
  const { tree, contested, tolerated, settled, taken, replacedOnce, contents } = expected;
  const { error } = heard;
  const said = [...before, ...heard.said, ...(error === undefined ? [] : [error.message])];
  const wrong: string[] = [];
  for (const [path, seen] of found) {
    if (seen.kind === 'file' && !contents.has(seen.content)) wrong.push(`${path}: content that nobody has`);
    if (path.includes('.part')) wrong.push(`${path}: a temporary file is left`);
  }
  const isKept = policy === 'fail' && taken.size > 0;
  let refused = false;
  if (error !== undefined) {
    if (!REFUSALS.has(error.code)) return [...wrong, `${error.code}: ${error.message}`];
    refused = error.code !== 'exists' || !isKept;
    if (refused && contested.size + tolerated.size + settled.size + replacedOnce.size === 0)
      return [...wrong, `${error.code}: ${error.message}`];
  } else if (isKept && [...taken].some((path) => !isNamed(path, said)))
    wrong.push(`${[...taken].join(', ')} kept without a word`);
  if (error === undefined) {
    for (const path of contested) {
      if (!isNamed(path, said) && !replacedOnce.has(path))
        wrong.push(`${path}: not as the stream has it, without a word`);
    }
    if (contested.size + tolerated.size + settled.size + replacedOnce.size === 0 && said.length > 0)
      wrong.push(`needless: ${said.join('; ')}`);
  }
  const excused = new Set([...contested, ...tolerated]);
  for (const path of new Set([...tree.keys(), ...found.keys()])) {
    const [right, seen] = [tree.get(path), found.get(path)];
    const what = difference(path, right, seen);
    if (what === undefined) continue;
    if (refused && !taken.has(path)) continue;
    if (excuse(path, right, seen, replacedOnce).length > 0) continue;
    const reasons = taken.has(path) ? [] : excuse(path, right, seen, excused);
    if (reasons.length === 0) wrong.push(what);
    else if (!reasons.some((one) => isNamed(one, said))) wrong.push(`${what}, without a word`);
  }
  return wrong;
}
