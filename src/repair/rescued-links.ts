/**
 * Whether what a hard link means is whole, as far as the index tells: another member may have the target's name by
 * now, and has another content. Main thread.
 */
import type { Entries, EntryRef } from '../read/entries.ts';
import { hardLinkMeanings, type HardLinkMeanings } from '../read/link-meanings.ts';
import type { Survey, WholeBlock } from './survey.ts';

export class RescuedLinks {
  private readonly entries: Entries | undefined;
  private readonly meanings: HardLinkMeanings | undefined;
  private readonly survey: Survey;
  /** Of what hard links mean: where its content starts, and whether it is kept. */
  private readonly kept = new Map<number, boolean>();

  constructor({ entries, survey }: { entries: Entries | undefined; survey: Survey }) {
    this.entries = entries;
    this.survey = survey;
    this.meanings = entries === undefined ? undefined : hardLinkMeanings(entries);
    if (entries === undefined || this.meanings === undefined) return;
    for (const position of this.meanings.all()) this.kept.set(offsetOf(entries.at(position)), false);
  }

  /** The member whose content starts at this byte of the tar stream is kept. */
  keep(streamOffset: number): void {
    if (this.kept.has(streamOffset)) this.kept.set(streamOffset, true);
  }

  /** Whether what the link at this byte of the tar stream means is kept, or will be; undefined where nobody knows. */
  leadsToWhole(streamOffset: number): boolean | undefined {
    const position = this.meanings?.at(streamOffset);
    if (position === undefined || this.entries === undefined) return undefined;
    const meant = this.entries.at(position);
    const offset = offsetOf(meant);
    return offset < streamOffset ? this.kept.get(offset) === true : this.isWhole(meant);
  }

  private isWhole(meant: EntryRef): boolean {
    const start = offsetOf(meant);
    const end = start + (meant.batch.sizes[meant.row] ?? 0);
    const block = blockAt(this.survey.blocks, start - 1);
    return block !== undefined && (end <= block.streamOffset + block.chunkLength || block.tailWhole);
  }
}

function offsetOf({ batch, row }: EntryRef): number {
  return batch.streamOffsets[row] ?? 0;
}

/** The block that holds this byte of the tar stream. */
function blockAt(blocks: readonly WholeBlock[], streamOffset: number): WholeBlock | undefined {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const { streamOffset: start, chunkLength } = blocks[middle] as WholeBlock;
    if (start + chunkLength <= streamOffset) low = middle + 1;
    else high = middle;
  }
  const block = blocks[low];
  return block !== undefined && block.streamOffset <= streamOffset ? block : undefined;
}
