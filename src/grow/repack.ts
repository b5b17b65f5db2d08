/**
 * Makes an archive of another, without some of its members, or compressed anew: the library's `repack`.
 */
import { ZnipError } from '../errors.ts';
import { toText } from '../format/values/byte-string.ts';
import type { PackResult } from '../pack/run.ts';
import { MemberChoice, type MemberChoiceOptions } from '../select/member-choice.ts';
import { type GrowOptions, writeGrown } from './grow.ts';
import { GrowSource } from './grow-source.ts';
import { remakeLostLinks } from './lost-links.ts';

/** Members to choose, and the level; if a level is given, everything is compressed anew. */
export interface RepackOptions
  extends GrowOptions, Pick<MemberChoiceOptions, 'patterns' | 'exclude' | 'onUnmatched' | 'filter'> {
  /** Called for each member that is left out, with its path as text. */
  onLeftOut?: ((path: string) => void) | undefined;
}

/**
 * Writes an archive with the chosen members of another. Order, groups and times stay. Blocks all of whose members stay are
 * copied as they are, unless a level is given. A hard link to a member that is left out becomes a file.
 *
 * Throws ZnipError: `no-match` if no pattern matches, and what opening and reading the archive throws.
 */
export async function repack(path: string, options: RepackOptions): Promise<PackResult> {
  const source = await GrowSource.open(path, options.signal);
  try {
    const choice = new MemberChoice(options);
    if (!choice.isEverything) choose(source, choice, options);
    choice.finish(`'${source.name}'`);
    remakeLostLinks(source);
    return await writeGrown([source], options, options.level !== undefined);
  } finally {
    source.close();
  }
}

function choose({ entries, kept }: GrowSource, choice: MemberChoice, { onLeftOut }: RepackOptions): void {
  for (let position = 0; position < entries.length; position++) {
    const { batch, row } = entries.at(position);
    const path = batch.path(row);
    if (isChosen(choice, path, batch.kinds[row] ?? 0)) continue;
    kept[position] = 0;
    onLeftOut?.(toText(path));
  }
}

/** A name that no system should get can be left out like any other, but is not a reason to stop. */
function isChosen(choice: MemberChoice, path: string, kind: number): boolean {
  try {
    return choice.nameFor(path, kind) !== undefined;
  } catch (error) {
    if (error instanceof ZnipError) return true;
    throw error;
  }
}
