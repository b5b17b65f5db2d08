/**
 * Files that several chunks hold: put together under a temporary name by whichever workers have their
 * parts, hashed in order here, and renamed when they are whole and have the right hash. Main thread.
 */
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import type { Codec, Hasher } from '../codec/codec.ts';
import { ioError } from '../errors.ts';
import { equalBytes } from '../format/block-header.ts';
import { toFsPath, toText, type ByteString } from '../format/byte-string.ts';
import { damagedMember, type PartTarget } from './extract-chunk.ts';
import type { LargePart, PlannedFile } from './extract-plan.ts';
import {
  CREATE_FLAGS,
  finishFile,
  nameExists,
  replaceFile,
  temporaryName,
  type WriteSettings,
} from './write-file.ts';

interface LargeFile {
  file: PlannedFile;
  temporary: ByteString;
  hasher: Hasher;
  hashed: number;
}

export class LargeFiles {
  private readonly settings: WriteSettings;
  private readonly codec: Codec;
  private readonly open = new Map<number, LargeFile>();
  /** Files whose names are taken: their parts are not written. */
  private readonly taken = new Set<number>();

  constructor(settings: WriteSettings, codec: Codec) {
    this.settings = settings;
    this.codec = codec;
  }

  /** Where a worker is to write these parts. `onTaken` hears of each file whose name is taken, once. */
  targets(
    parts: readonly LargePart[],
    files: readonly PlannedFile[],
    onTaken: (path: ByteString) => void,
  ): PartTarget[] {
    const targets: PartTarget[] = [];
    for (const { large, chunkOffset, fileOffset, length } of parts) {
      const file = files[large] as PlannedFile;
      if (fileOffset === 0 && !this.begin(large, file)) onTaken(file.path);
      const open = this.open.get(large);
      if (open !== undefined) targets.push({ temporary: open.temporary, chunkOffset, fileOffset, length });
    }
    return targets;
  }

  /** Takes in the parts of one chunk, in the order of chunks. Returns the number of files completed. */
  finishParts(parts: readonly LargePart[], chunk: Uint8Array): number {
    let completed = 0;
    for (const { large, chunkOffset, length } of parts) {
      const open = this.open.get(large);
      if (open === undefined) continue;
      open.hasher.update(chunk.subarray(chunkOffset, chunkOffset + length));
      open.hashed += length;
      const { batch, row } = open.file.ref;
      if (open.hashed < (batch.sizes[row] ?? 0)) continue;
      this.complete(open);
      this.open.delete(large);
      completed += 1;
    }
    return completed;
  }

  /** Removes what is not complete. */
  discard(): void {
    for (const { temporary } of this.open.values()) {
      try {
        unlinkSync(toFsPath(temporary));
      } catch {
        // Nothing is left to do: the directory is gone or no longer writable.
      }
    }
    this.open.clear();
  }

  private begin(large: number, file: PlannedFile): boolean {
    const name = `${this.settings.target}${file.path}`;
    if (this.settings.existing !== 'overwrite' && nameExists(name)) {
      this.taken.add(large);
      return false;
    }
    const temporary = temporaryName(name);
    try {
      closeSync(
        openSync(
          toFsPath(temporary),
          CREATE_FLAGS,
          ((file.ref.batch.modes[file.ref.row] ?? 0) & 0o777) | 0o600,
        ),
      );
    } catch (error) {
      throw ioError('create', toText(name), error);
    }
    this.open.set(large, { file, temporary, hasher: this.codec.createHasher(), hashed: 0 });
    return true;
  }

  private complete({ file, temporary, hasher }: LargeFile): void {
    const { batch, row } = file.ref;
    const checksum = batch.checksum(row);
    if (checksum === null || !equalBytes(hasher.digest(), checksum)) throw damagedMember(file.path);
    const name = `${this.settings.target}${file.path}`;
    try {
      const fd = openSync(toFsPath(temporary), constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0));
      try {
        finishFile(fd, batch.modes[row] ?? 0, batch.mtimes[row] ?? 0n, { ...this.settings, umask: 0o777 });
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw ioError('finish', toText(name), error);
    }
    replaceFile(temporary, name);
  }
}
