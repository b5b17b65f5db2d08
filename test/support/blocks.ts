/**
 * Where the blocks of a whole archive are, by its frame table.
 */
import { openArchive } from 'znip/internal';

export interface BlockPlace {
  /** Archive byte at which the block's header starts, its blob, and what comes behind it. */
  headerOffset: number;
  blobOffset: number;
  end: number;
}

/** A prologue of nine bytes comes first, then block after block without a gap. */
export async function blocksOf(path: string): Promise<BlockPlace[]> {
  const archive = await openArchive(path);
  let headerOffset = 9;
  const blocks = (await archive.frames()).map(({ blobOffset, blobLength }) => {
    const block = { headerOffset, blobOffset, end: blobOffset + blobLength };
    headerOffset = block.end;
    return block;
  });
  archive.close();
  return blocks;
}
