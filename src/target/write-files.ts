/**
 * Turns one chunk from its blob into files: read, decompress, verify, write. Runs on a worker, or on the main thread if
 * there are none. A file is written only after the hashes of its blob and its content have matched.
 */
import { damagedMember } from '../blocks/decode-blob.ts';
import { SUBTREES_LENGTH } from '../codec/backends.ts';
import type { Codec } from '../codec/codec.ts';
import { core, type CoreWriteBatch } from '../core/core.ts';
import { ioError } from '../errors.ts';
import { stringAt } from '../format/values/byte-strings.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { CHECKSUM_LENGTH } from '../format/values/constants.ts';
import { writeFully, writeSparsely } from '../posix/write.ts';
import type { FileColumns, HashedPart, PartTarget } from './chunk-files.ts';
import { partPrefix } from './file-names.ts';
import type { TargetTree } from './target-tree.ts';
import { writeFile } from './write-file.ts';

const NOTHING = new Uint8Array(0);

export interface WrittenFiles {
  /** Rows whose names were taken. */
  taken: number[];
  /** BLAKE3 of each content, one after the other, if the columns had none to compare with. */
  checksums: Uint8Array | null;
  /** Rows that were left out because their content is damaged, if the run keeps going. */
  damaged: number[];
  /** Rows about which the file system refused something, or everything. */
  refused: RefusedFile[];
  /** Of the parts of large files. */
  hashed: HashedPart[];
}

export interface RefusedFile {
  row: number;
  /** The file is there, but not all of its attributes are set. */
  written: boolean;
  reason: string;
}

/**
 * Writes what a verified chunk has of files. Each content is hashed once more, as a member. If the index of an archive names
 * another content, this shows here, or at the end of the stream when the index comes.
 */
export function writeChunk(
  { files, parts }: { files: FileColumns; parts: readonly PartTarget[] },
  chunk: Uint8Array,
  tree: TargetTree,
  codec: Codec,
): WrittenFiles {
  const hashed = writeParts(parts, chunk, tree, codec);
  const checksums = files.checksums ?? new Uint8Array(files.count * CHECKSUM_LENGTH);
  const writer = new FileWriter(files, checksums, chunk, tree, codec);
  const { taken, damaged, refused } = writer.write();
  return { taken, checksums: files.checksums === null ? checksums : null, damaged, refused, hashed };
}

class FileWriter {
  readonly taken: number[] = [];
  readonly damaged: number[] = [];
  readonly refused: RefusedFile[] = [];
  private readonly files: FileColumns;
  private readonly checksums: Uint8Array;
  private readonly chunk: Uint8Array;
  private readonly tree: TargetTree;
  private readonly codec: Codec;
  private readonly replace: Set<number>;
  private readonly superseded: Set<number>;

  constructor(files: FileColumns, checksums: Uint8Array, chunk: Uint8Array, tree: TargetTree, codec: Codec) {
    this.files = files;
    this.checksums = checksums;
    this.chunk = chunk;
    this.tree = tree;
    this.codec = codec;
    this.replace = new Set(files.replace);
    this.superseded = new Set(files.superseded);
  }

  write(): this {
    const { files, tree } = this;
    const { root } = tree.settings;
    const native = core();
    for (let row = 0; row < files.count; row++) {
      if (native !== undefined && root !== undefined) {
        row = native.writeFiles(root, this.chunk, this.batch(), row, this.usualEnd(row));
        if (row === files.count) break;
      }
      // What the core does not do: everything about it is decided here.
      this.writeOne(row);
    }
    return this;
  }

  private writeOne(row: number): void {
    const { files, tree } = this;
    const offset = files.offsets[row] ?? 0;
    const content = this.chunk.subarray(offset, offset + (files.sizes[row] ?? 0));
    const path = stringAt(files.paths, row);
    const checksum = this.codec.hash(content);
    const at = row * CHECKSUM_LENGTH;
    if (files.checksums === null) this.checksums.set(checksum, at);
    else if (!equalBytes(checksum, files.checksums.subarray(at, at + CHECKSUM_LENGTH))) {
      if (!tree.settings.keepGoing) throw damagedMember(path);
      this.damaged.push(row);
      return;
    }
    if (this.superseded.has(row)) return;
    const attributes = {
      mode: files.modes[row] ?? 0,
      mtime: files.mtimes[row] ?? 0n,
      owner: files.owners?.[row] ?? null,
    };
    const existing = this.replace.has(row) ? 'overwrite' : tree.settings.existing;
    const outcome = writeFile(path, content, attributes, tree, existing);
    if (outcome === 'taken') this.taken.push(row);
    else if (outcome !== 'written') this.refused.push({ row, ...outcome });
  }

  /** Behind the last of the files from `row` on that get nothing but content, mode and time, and replace nothing. */
  private usualEnd(row: number): number {
    const { replace, superseded } = this;
    const { count, owners } = this.files;
    if (owners === null && replace.size === 0 && superseded.size === 0) return count;
    let end = row;
    while (end < count && (owners?.[end] ?? null) === null && !replace.has(end) && !superseded.has(end))
      end++;
    return end;
  }

  private batch(): CoreWriteBatch {
    const { paths, offsets, sizes, modes, mtimes, checksums } = this.files;
    const { umask, preservePermissions, sparse, mtime, atomic, fsync } = this.tree.settings;
    return {
      paths: paths.bytes,
      pathEnds: paths.ends,
      offsets,
      sizes,
      modes,
      mtimes,
      checksums: this.checksums,
      isKnown: checksums !== null,
      umask,
      preservePermissions,
      sparse,
      mtime,
      part: atomic ? Buffer.from(partPrefix()) : NOTHING,
      fsync,
    };
  }
}

/**
 * Writes runs of large files from a verified chunk to their places in the files. Returns what can be hashed of each without
 * the others.
 */
function writeParts(
  parts: readonly PartTarget[],
  chunk: Uint8Array,
  tree: TargetTree,
  codec: Codec,
): HashedPart[] {
  const hashed: HashedPart[] = [];
  const room = new Uint8Array(SUBTREES_LENGTH);
  for (const { fd, path, chunkOffset, fileOffset, length, isPart } of parts) {
    const part = chunk.subarray(chunkOffset, chunkOffset + length);
    try {
      // The file has its full length from the beginning, so whatever is left out at its end is a hole, too.
      if (tree.settings.sparse) writeSparsely(fd, part, fileOffset);
      else writeFully(fd, part, fileOffset);
    } catch (error) {
      throw ioError('write', tree.text(path), error);
    }
    const byteLength = isPart ? codec.hashSubtrees(part, fileOffset, room) : 0;
    if (byteLength > 0) hashed.push({ chunkOffset, subtrees: room.slice(0, byteLength) });
  }
  return hashed;
}
