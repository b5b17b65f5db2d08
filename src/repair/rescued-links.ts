/**
 * Whether what a hard link means is whole, by the index. Another member, with another content, may have the target's
 * name by now. Main thread.
 */
import type { Entries, EntryRef } from '../archive/entries.ts';
import { hardLinkMeanings, type HardLinkMeanings, streamOffset } from '../archive/link-meanings.ts';
import type { Survey, WholeBlock } from './survey.ts';

export class RescuedLinks {
  private readonly meanings: HardLinkMeanings | undefined;
  private readonly survey: Survey;
  /** For everything that hard links mean: where its content starts, and whether it is kept. */
  private readonly kept = new Map<number, boolean>();

  constructor({ entries, survey }: { entries: Entries | undefined; survey: Survey }) {
    this.survey = survey;
    this.meanings = entries === undefined ? undefined : hardLinkMeanings(entries);
    for (const meant of this.meanings?.all() ?? []) this.kept.set(streamOffset(meant), false);
  }

  /** Says that the member whose content starts at this byte of the tar stream is kept. */
  keep(at: number): void {
    if (this.kept.has(at)) this.kept.set(at, true);
  }

  /** Whether what the link at this byte of the tar stream means is kept, or will be; undefined if that is not known. */
  leadsToWhole(at: number): boolean | undefined {
    const meant = this.meanings?.at(at);
    if (meant === undefined) return undefined;
    const offset = streamOffset(meant);
    return offset < at ? this.kept.get(offset) === true : this.isWhole(meant);
  }

  private isWhole(meant: EntryRef): boolean {
    const start = streamOffset(meant);
    const end = start + (meant.batch.sizes[meant.row] ?? 0);
    const block = blockAt(this.survey.blocks, start - 1);
    return block !== undefined && (end <= block.streamOffset + block.chunkLength || block.tailWhole);
  }
}

/** The block that holds this byte of the tar stream. */
function blockAt(blocks: readonly WholeBlock[], at: number): WholeBlock | undefined {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const { streamOffset: start, chunkLength } = blocks[middle] as WholeBlock;
    if (start + chunkLength <= at) low = middle + 1;
    else high = middle;
  }
  const block = blocks[low];
  return block !== undefined && block.streamOffset <= at ? block : undefined;
}
