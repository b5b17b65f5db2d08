/**
 * What an entry of the index and the tar header of its member must both say. Implements docs/format.md, "Hashes": the two
 * describe the same members, and to verify an archive means to show that they agree.
 */
import { floorSeconds, type Member } from '../format/values/entry.ts';

/** What both describe. */
export type Described = Pick<Member, 'path' | 'kind' | 'size' | 'mode' | 'linkTarget' | 'mtime' | 'xattrs'>;

const PROPERTIES = ['path', 'kind', 'size', 'mode', 'linkTarget', 'mtime', 'xattrs'] as const;

/** The properties about which the two disagree. Tar headers of znip have no fractions of a second. */
export function differences(entry: Described, header: Described): readonly (keyof Described)[] {
  return PROPERTIES.filter((property) => {
    if (entry[property] === header[property]) return false;
    return property !== 'mtime' || floorSeconds(entry.mtime) !== floorSeconds(header.mtime);
  });
}
