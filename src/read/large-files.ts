/**
 * Files that several chunks hold: put together under a temporary name by whichever workers have their
 * parts, hashed in order here, and renamed when they are whole and have the right hash. Main thread.
 */
import { closeSync, constants } from 'node:fs';
import type { Hasher } from '../codec/backends.ts';
import type { Codec } from '../codec/codec.ts';
import { ioError, type ZnipError } from '../errors.ts';
import { equalBytes } from '../format/block-header.ts';
import type { ByteString } from '../format/byte-string.ts';
import { damagedMember, type PartTarget } from './extract-chunk.ts';
import type { LargeFile, LargePart } from './extract-plan.ts';
import { isDamage } from './lost.ts';
import type { TargetTree } from './target-tree.ts';
import {
  CREATE_FLAGS,
  finishFile,
  mayReplace,
  nameExists,
  removeIfAny,
  replaceFile,
  temporaryName,
} from './write-file.ts';

interface OpenFile {
  temporary: ByteString;
  hasher: Hasher;
  hashed: number;
  /** A part is damaged. The rest of its parts may be on their way: the file goes when the last has come. */
  lost: boolean;
}

export interface CompletedFile {
  file: LargeFile;
  /** BLAKE3 of its content. */
  checksum: Uint8Array;
}

export class LargeFiles {
  private readonly tree: TargetTree;
  private readonly codec: Codec;
  private readonly open = new Map<LargeFile, OpenFile>();

  constructor(tree: TargetTree, codec: Codec) {
    this.tree = tree;
    this.codec = codec;
  }

  /** Where a worker is to write these parts. `onTaken` hears of each file whose name is taken, once. */
  targets(parts: readonly LargePart[], onTaken: (path: ByteString) => void): PartTarget[] {
    const targets: PartTarget[] = [];
    for (const { large, chunkOffset, fileOffset, length } of parts) {
      if (fileOffset === 0 && !this.begin(large)) onTaken(large.path);
      const open = this.open.get(large);
      if (open !== undefined) targets.push({ temporary: open.temporary, chunkOffset, fileOffset, length });
    }
    return targets;
  }

  /**
   * Takes in the parts of one chunk, in the order of chunks. Returns the files that are complete;
   * `onDamaged` hears of those that have not the content that the index states, when the run keeps going.
   */
  finishParts(
    parts: readonly LargePart[],
    chunk: Uint8Array,
    onDamaged: (file: LargeFile, cause: ZnipError) => void,
  ): CompletedFile[] {
    const completed: CompletedFile[] = [];
    for (const part of parts) {
      const { large, chunkOffset, length } = part;
      const open = this.open.get(large);
      if (open === undefined) continue;
      if (open.lost) {
        this.forgetAfterLast(part, open);
        continue;
      }
      open.hasher.update(chunk.subarray(chunkOffset, chunkOffset + length));
      open.hashed += length;
      if (open.hashed < large.size) continue;
      try {
        completed.push({ file: large, checksum: this.complete(large, open) });
      } catch (error) {
        if (!this.tree.settings.keepGoing || !isDamage(error)) throw error;
        removeIfAny(open.temporary, this.tree);
        onDamaged(large, error);
      }
      this.open.delete(large);
    }
    return completed;
  }

  /** These parts are lost, and with them their files. Returns the files that were not lost before. */
  loseParts(parts: readonly LargePart[]): LargeFile[] {
    const files: LargeFile[] = [];
    for (const part of parts) {
      const open = this.open.get(part.large);
      if (open === undefined) continue;
      if (!open.lost) files.push(part.large);
      open.lost = true;
      this.forgetAfterLast(part, open);
    }
    return files;
  }

  /** Files of which a part has not arrived. */
  incomplete(): LargeFile[] {
    return [...this.open].flatMap(([file, { lost }]) => (lost ? [] : [file]));
  }

  /** Removes what is not complete. */
  discard(): void {
    for (const { temporary } of this.open.values()) removeIfAny(temporary, this.tree);
    this.open.clear();
  }

  /** Parts come in order: behind the last one nobody writes to the temporary file any more. */
  private forgetAfterLast({ large, fileOffset, length }: LargePart, { temporary }: OpenFile): void {
    if (fileOffset + length < large.size) return;
    removeIfAny(temporary, this.tree);
    this.open.delete(large);
  }

  /** Makes the temporary file; false when the name is taken and is to be kept. */
  private begin(file: LargeFile): boolean {
    const { tree } = this;
    if (!file.replace && nameExists(file.path, tree) && !mayReplace(file.path, file.mtime, tree))
      return false;
    const temporary = temporaryName(file.path);
    try {
      closeSync(tree.open(temporary, CREATE_FLAGS, 0o600));
    } catch (error) {
      throw ioError('create', tree.text(file.path), error);
    }
    this.open.set(file, { temporary, hasher: this.codec.createHasher(), hashed: 0, lost: false });
    return true;
  }

  private complete(file: LargeFile, { temporary, hasher }: OpenFile): Uint8Array {
    const checksum = hasher.digest();
    if (file.checksum !== null && !equalBytes(checksum, file.checksum)) throw damagedMember(file.path);
    const { tree } = this;
    try {
      const fd = tree.open(temporary, constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0));
      try {
        // The file was made with mode 0600: whatever the umask, its own has to be set.
        finishFile(fd, file, { ...tree.settings, umask: 0o777 });
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw ioError('finish', tree.text(file.path), error);
    }
    replaceFile(temporary, file.path, tree);
    return checksum;
  }
}
