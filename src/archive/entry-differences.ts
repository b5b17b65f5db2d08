/**
 * What an entry of the index and the tar header of its member must both say. Implements docs/format.md, "Hashes": the two
 * describe the same members, and to verify an archive means to show that they agree.
 */
import { floorSeconds, type Member } from '../format/values/entry.ts';

/** What both describe. */
export type Described = Pick<Member, 'path' | 'kind' | 'size' | 'mode' | 'linkTarget' | 'mtime'>;

const NONE: readonly (keyof Described)[] = [];

/** The properties about which the two disagree. Tar headers of znip have no fractions of a second. */
export function differences(entry: Described, header: Described): readonly (keyof Described)[] {
  const sameTime = entry.mtime === header.mtime || floorSeconds(entry.mtime) === floorSeconds(header.mtime);
  const same =
    sameTime &&
    entry.path === header.path &&
    entry.kind === header.kind &&
    entry.size === header.size &&
    entry.mode === header.mode &&
    entry.linkTarget === header.linkTarget;
  // Nearly all members get here: nothing is made for them.
  if (same) return NONE;
  const others = (['path', 'kind', 'size', 'mode', 'linkTarget'] as const).filter(
    (property) => entry[property] !== header[property],
  );
  return sameTime ? others : [...others, 'mtime'];
}
