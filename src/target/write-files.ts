/**
 * Turns one chunk from its blob into files: read, decompress, verify, write. Runs on a worker, or on the main thread if
 * there are none. A file is written only after the hashes of its chunk and its content have matched.
 */
import { damagedMember } from '../blocks/decode-blob.ts';
import type { Codec } from '../codec/codec.ts';
import { ioError } from '../errors.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import { writeFully, writeSparsely } from '../posix/write.ts';
import type { FileColumns, PartTarget } from './chunk-files.ts';
import type { TargetTree } from './target-tree.ts';
import { writeFile } from './write-file.ts';

export interface WrittenFiles {
  /** Rows whose names were taken. */
  taken: number[];
  /** BLAKE3 of each content, one after the other, if the columns had none to compare with. */
  checksums: Uint8Array | null;
  /** Rows that were left out because their content is damaged, if the run keeps going. */
  damaged: number[];
  /** Rows about which the file system refused something, or everything. */
  refused: RefusedFile[];
}

export interface RefusedFile {
  row: number;
  /** The file is there, but not all of its attributes are set. */
  written: boolean;
  reason: string;
}

/**
 * Writes the files of a verified chunk. Each content is hashed once more, as a member. If the index of an archive names
 * another content, this shows here, or at the end of the stream when the index comes.
 */
export function writeFiles(
  files: FileColumns,
  chunk: Uint8Array,
  tree: TargetTree,
  codec: Codec,
): WrittenFiles {
  const taken: number[] = [];
  const damaged: number[] = [];
  const refused: RefusedFile[] = [];
  const replace = new Set(files.replace);
  const superseded = new Set(files.superseded);
  const { existing } = tree.settings;
  const checksums = files.checksums === null ? new Uint8Array(files.count * CHECKSUM_LENGTH) : null;
  for (let row = 0; row < files.count; row++) {
    const offset = files.offsets[row] ?? 0;
    const content = chunk.subarray(offset, offset + (files.sizes[row] ?? 0));
    const path = files.paths[row] ?? '';
    const checksum = codec.hash(content);
    const at = row * CHECKSUM_LENGTH;
    if (files.checksums === null) checksums?.set(checksum, at);
    else if (!equalBytes(checksum, files.checksums.subarray(at, at + CHECKSUM_LENGTH))) {
      if (!tree.settings.keepGoing) throw damagedMember(path);
      damaged.push(row);
      continue;
    }
    if (superseded.has(row)) continue;
    const outcome = writeFile(
      path,
      content,
      {
        mode: files.modes[row] ?? 0,
        mtime: files.mtimes[row] ?? 0n,
        owner: files.owners?.[row] ?? null,
      },
      tree,
      replace.has(row) ? 'overwrite' : existing,
    );
    if (outcome === 'written') continue;
    if (outcome === 'taken') taken.push(row);
    else refused.push({ row, ...outcome });
  }
  return { taken, checksums, damaged, refused };
}

/** Writes runs of large files from a verified chunk to their places in the files. */
export function writeParts(parts: readonly PartTarget[], chunk: Uint8Array, tree: TargetTree): void {
  for (const { fd, path, chunkOffset, fileOffset, length } of parts) {
    try {
      const part = chunk.subarray(chunkOffset, chunkOffset + length);
      // The file has its full length from the beginning, so whatever is left out at its end is a hole, too.
      if (tree.settings.sparse) writeSparsely(fd, part, fileOffset);
      else writeFully(fd, part, fileOffset);
    } catch (error) {
      throw ioError('write', tree.text(path), error);
    }
  }
}
