/**
 * Hard links whose file does not go into the archive. The first link to it becomes the file itself, with its content; the
 * others lead to that one.
 */
import { hardLinkMeanings, hasHardLinks, streamOffset } from '../archive/link-meanings.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { type GrowSource, memberOf } from './grow-source.ts';

/** Marks such links in the source, and says what they become. Called when it is known what goes in. */
export function remakeLostLinks(source: GrowSource): void {
  const { entries, kept, twins, remade } = source;
  if (!kept.includes(0) || !hasHardLinks(entries)) return;
  const meanings = hardLinkMeanings(entries);
  /** Members that are gone, by the place of their content and by name. */
  const goneOffsets = new Set<number>();
  const goneNames = new Set<ByteString>();
  kept.forEach((isKept, position) => {
    if (isKept === 1 || twins[position] === 1) return;
    const { batch, row } = entries.at(position);
    goneOffsets.add(batch.streamOffsets[row] ?? 0);
    goneNames.add(batch.path(row));
  });
  /** By the place of a content: the link that became its file. */
  const heirs = new Map<number, ByteString>();
  for (let position = 0; position < entries.length; position++) {
    if (kept[position] !== 1) continue;
    const link = entries.at(position);
    if (link.batch.kinds[link.row] !== KIND.hardlink) continue;
    const meaning = meanings.of(link);
    const target = link.batch.linkTarget(link.row);
    if (meaning === undefined || (!goneOffsets.has(streamOffset(meaning)) && !goneNames.has(target)))
      continue;
    kept[position] = 0;
    const { group } = link;
    const path = link.batch.path(link.row);
    const isGone = goneOffsets.has(streamOffset(meaning));
    const home = isGone ? heirs.get(streamOffset(meaning)) : meaning.batch.path(meaning.row);
    if (home !== undefined) {
      remade.set(position, { member: { ...memberOf(link), linkTarget: home }, group, content: undefined });
      continue;
    }
    heirs.set(streamOffset(meaning), path);
    const member = { ...memberOf(meaning), path };
    remade.set(position, { member, group, content: member.kind === KIND.file ? meaning : undefined });
  }
}
