/**
 * Files that span several chunks. Any worker that has a part of a file writes it, under a temporary name. This module
 * hashes the parts in order, and names the file when it is whole and has the right hash. Main thread.
 *
 * A file is opened once. All threads share its descriptor, which takes the content, the mode, the owner, the time, and
 * then the name. So it does not matter what has the temporary name meanwhile.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync } from 'node:fs';
import { damagedMember } from '../blocks/decode-blob.ts';
import type { PartHasher } from '../codec/backends.ts';
import type { Codec } from '../codec/codec.ts';
import { ioError, systemReason, ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { isDamage } from '../rules/lost.ts';
import type { HashedPart, LargeFile, LargePart, PartTarget } from './chunk-files.ts';
import { mayReplace, nameExists, nameFile, removeIfAny, partName } from './file-names.ts';
import { isRefusal } from './refusals.ts';
import { sparsePieces } from './sparse-parts.ts';
import type { TargetTree } from './target-tree.ts';
import { CREATE_FLAGS, finishFile } from './write-file.ts';

interface OpenFile {
  temporary: ByteString;
  fd: number;
  hasher: PartHasher;
  hashed: number;
  /** A part is damaged. More of its parts may be on their way, so the file is removed when the last has come. */
  lost: boolean;
}

/** For a file whose name is taken, or that cannot be there: its parts are skipped. */
const KEPT = 'kept';

/** Descriptors held at once; a process may have a thousand or more. Systems have some dozens of such files. */
const MAX_HELD = 256;

const NONE = new Uint8Array(0);

export interface CompletedFile {
  file: LargeFile;
  /** BLAKE3 of its content. */
  checksum: Uint8Array;
}

export interface LargeFilesOptions {
  tree: TargetTree;
  codec: Codec;
  /** Called once for each file whose name is taken and whose content is not written. */
  onTaken: (path: ByteString) => void;
  /** Whether a name was found taken by something that this run did not write. */
  isTaken: (path: ByteString) => boolean;
  /** Called for each file about which the file system refuses something. `written` says whether the file is there. */
  onRefused: (path: ByteString, refused: { written: boolean; reason: string }) => void;
}

export class LargeFiles {
  private readonly options: LargeFilesOptions;
  private readonly files = new Map<LargeFile, OpenFile | typeof KEPT>();
  private readonly held = new Map<number, number>();

  constructor(options: LargeFilesOptions) {
    this.options = options;
  }

  /** Does not write this file: its parts are skipped. */
  pass(file: LargeFile): void {
    this.files.set(file, KEPT);
  }

  /**
   * Where a worker must write these parts. Called in the order of chunks: the first part of a file makes the file, and
   * later parts find it.
   */
  targets(parts: readonly LargePart[]): PartTarget[] {
    const targets: PartTarget[] = [];
    for (const { large, chunkOffset, fileOffset, length } of parts) {
      if (fileOffset === 0 && !this.files.has(large)) this.files.set(large, this.begin(large));
      const open = this.of(large);
      if (open === KEPT) continue;
      const { path, sparse } = large;
      if (sparse === undefined) {
        targets.push({ fd: open.fd, path, chunkOffset, fileOffset, length, isPart: true });
      } else {
        for (const piece of sparsePieces(sparse, fileOffset, length)) {
          targets.push({
            ...piece,
            fd: open.fd,
            path,
            chunkOffset: chunkOffset + piece.start,
            isPart: false,
          });
        }
      }
    }
    return targets;
  }

  /**
   * Handles the parts of one chunk, in the order of chunks, after they have been written. Returns the files that are
   * complete. `hashed` is what was hashed of them where they were written. If the run keeps going, `onDamaged` is called
   * for files whose content does not match the index.
   */
  finishParts(
    parts: readonly LargePart[],
    chunk: Uint8Array,
    hashed: readonly HashedPart[],
    onDamaged: (file: LargeFile, cause: ZnipError) => void,
  ): CompletedFile[] {
    const completed: CompletedFile[] = [];
    const subtrees = new Map(hashed.map((part) => [part.chunkOffset, part.subtrees]));
    for (const part of parts) {
      const { large, chunkOffset, length } = part;
      const open = this.of(large);
      if (open === KEPT || open.lost) {
        this.forgetAfterLast(part, open);
        continue;
      }
      // A part without bytes may begin where another does.
      const known = length > 0 ? subtrees.get(chunkOffset) : undefined;
      open.hasher.update(chunk.subarray(chunkOffset, chunkOffset + length), known ?? NONE);
      open.hashed += length;
      if (open.hashed < large.size) continue;
      this.files.delete(large);
      try {
        const checksum = this.complete(large, open);
        if (checksum !== undefined) completed.push({ file: large, checksum });
      } catch (error) {
        this.remove(open);
        if (!this.options.tree.settings.keepGoing || !isDamage(error)) throw error;
        onDamaged(large, error);
        continue;
      }
      if (large.held && this.held.size < MAX_HELD) this.held.set(large.row, open.fd);
      else closeSync(open.fd);
    }
    return completed;
  }

  /** These parts are lost, and their files with them. Returns the files that were not lost before. */
  loseParts(parts: readonly LargePart[]): LargeFile[] {
    const files: LargeFile[] = [];
    for (const part of parts) {
      const open = this.of(part.large);
      if (open !== KEPT) {
        if (!open.lost) files.push(part.large);
        open.lost = true;
      }
      this.forgetAfterLast(part, open);
    }
    return files;
  }

  /** Files with a part that has not arrived. */
  incomplete(): LargeFile[] {
    return [...this.files].flatMap(([file, open]) => (open === KEPT || open.lost ? [] : [file]));
  }

  /** The descriptor of a complete file that was to be held; undefined if it is not held. */
  heldAt(row: number): number | undefined {
    return this.held.get(row);
  }

  /** Removes incomplete files, when no thread writes to them any more, and closes the held ones. */
  discard(): void {
    for (const open of this.files.values()) this.remove(open);
    this.files.clear();
    for (const fd of this.held.values()) closeSync(fd);
    this.held.clear();
  }

  private of(file: LargeFile): OpenFile | typeof KEPT {
    const open = this.files.get(file);
    if (open === undefined) {
      throw new ZnipError(
        'internal',
        `a part of '${toText(file.path)}' came without the file that it belongs to`,
      );
    }
    return open;
  }

  private remove(open: OpenFile | typeof KEPT): void {
    if (open === KEPT) return;
    removeIfAny(open.temporary, this.options.tree);
    closeSync(open.fd);
  }

  /** Parts come in order, so nothing writes to the file after the last one. */
  private forgetAfterLast({ large, fileOffset, length }: LargePart, open: OpenFile | typeof KEPT): void {
    if (fileOffset + length < large.size) return;
    this.remove(open);
    this.files.delete(large);
  }

  /** Makes the file under a temporary name, unless its own name is taken and the existing file is to be kept. */
  private begin(file: LargeFile): OpenFile | typeof KEPT {
    const { tree, codec, onTaken } = this.options;
    // An early check, which saves work. Whether the name is taken is decided when the file gets it.
    if (!file.replace && nameExists(file.path, tree) && !mayReplace(file.path, file.mtime, tree)) {
      onTaken(file.path);
      return KEPT;
    }
    const temporary = partName(file.path);
    try {
      const fd = tree.open(temporary, CREATE_FLAGS, 0o600);
      // The file may end with a hole, which no part writes.
      if (tree.settings.sparse) ftruncateSync(fd, file.size);
      return { temporary, fd, hasher: codec.createPartHasher(), hashed: 0, lost: false };
    } catch (error) {
      if (!isRefusal(error)) throw ioError('create', tree.text(file.path), error);
      this.refuse(file, `left out: it cannot be created: ${systemReason(error)}`);
      return KEPT;
    }
  }

  private refuse({ path }: LargeFile, reason: string): undefined {
    this.options.onRefused(path, { written: false, reason });
  }

  /** Returns the hash of the file's content; undefined if it did not get its name. */
  private complete(file: LargeFile, { temporary, fd, hasher }: OpenFile): Uint8Array | undefined {
    const { tree, onTaken, isTaken } = this.options;
    const checksum = hasher.digest();
    if (file.checksum !== null && !equalBytes(checksum, file.checksum)) throw damagedMember(file.path);
    let unset: string | undefined;
    try {
      // After its last data, a sparse file may have one more hole.
      if (file.sparse !== undefined) ftruncateSync(fd, file.sparse.realSize);
      checkLength(file.path, file.sparse?.realSize ?? file.size, fstatSync(fd).size);
      // The file was made with mode 0600, so its own mode must be set.
      unset = finishFile(fd, file, tree.settings, undefined);
      if (tree.settings.fsync) fsyncSync(fd);
    } catch (error) {
      throw error instanceof ZnipError ? error : ioError('finish', tree.text(file.path), error);
    }
    try {
      // Replaces what this run wrote before, but not what was kept for the user.
      const existing = file.replace && !isTaken(file.path) ? 'overwrite' : tree.settings.existing;
      if (!nameFile({ fd, temporary }, file, tree, existing)) {
        onTaken(file.path);
        return undefined;
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return this.refuse(file, `left out: it cannot have its name: ${systemReason(error)}`);
    }
    if (unset !== undefined) this.options.onRefused(file.path, { written: true, reason: unset });
    return checksum;
  }
}

/** The hash covers what was to be written. This check covers what was written. */
function checkLength(path: ByteString, size: number, written: number): void {
  if (written === size) return;
  throw new ZnipError(
    'io',
    `'${toText(path)}' has ${written} bytes after ${size} were written: something else changes it`,
  );
}
