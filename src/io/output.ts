/**
 * The file of an archive. It is written under a temporary name beside its final one, and renamed when it is complete
 * and flushed. Until then, the old file keeps the final name.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, ioError, ZnipError } from '../errors.ts';
import { fromText } from '../format/values/byte-string.ts';
import { NO_OUTPUT, type OwnOutput } from './own-output.ts';
import { removeLeftovers, temporaryName } from './temporary-name.ts';

export interface Output {
  fd: number;
  name: string;
  /** What a walk must leave out: this output and the file that it replaces. */
  own: OwnOutput;
  /** Its name until it gets the final one; undefined if it has no other name, or none. */
  temporary: string | undefined;
  /** Nothing else is written to this file, so its bytes can be written over. */
  rewritable: boolean;
  /** Flushes the file and gives it the final name. */
  commit(): void;
  /** Closes, and removes the temporary file. Does nothing after `commit`. */
  discard(): void;
}

function statIfAny(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw ioError('write', path, error);
  }
}

/**
 * Opens an output file. A device or FIFO is written to directly. Of a symlink, the target is replaced, not the link.
 */
export async function openOutput(path: string, signal: AbortSignal | undefined): Promise<Output> {
  const old = statIfAny(path);
  if (old?.isDirectory() === true) {
    throw new ZnipError('usage', `'${path}' is a directory: expected the name of a file to write`, { path });
  }
  if (old !== undefined && !old.isFile()) return openDirect(path, signal);
  return openReplacement(path, old);
}

/** A new file that replaces `old`, if there is one, when it is complete. */
function openReplacement(path: string, old: BigIntStats | undefined): Output {
  const target = old === undefined ? path : realpathSync(path);
  const directory = dirname(target);
  removeLeftovers(directory, basename(target));
  const temporary = join(directory, temporaryName(basename(target)));
  let fd: number;
  try {
    fd = openSync(temporary, 'wx', 0o666);
  } catch (error) {
    throw ioError('write', path, error);
  }
  const close = closer(fd);
  const own = fstatSync(fd, { bigint: true });
  let committed = false;
  return {
    fd,
    name: path,
    own: { written: [own], replaced: old === undefined ? undefined : replacedAt(target, old) },
    temporary,
    rewritable: true,
    commit() {
      try {
        if (old !== undefined) fchmodSync(fd, Number(old.mode) & 0o7777);
        fsyncSync(fd);
        close();
        renameSync(temporary, target);
        committed = true;
        syncDirectory(directory);
      } catch (error) {
        throw ioError('write', path, error);
      }
    },
    discard() {
      if (committed) return;
      committed = true;
      try {
        close();
      } catch {
        // The bytes that could not be written no longer matter.
      }
      try {
        unlinkSync(temporary);
      } catch {
        // It is gone already, or the directory became read-only. Nothing more can be done.
      }
    },
  };
}

/** The file that an archive at `path` replaces; undefined if there is none. */
export function replacedBy(path: string): OwnOutput {
  const old = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (old?.isFile() !== true) return NO_OUTPUT;
  return { written: [], replaced: replacedAt(realpathSync(path), old) };
}

function replacedAt(target: string, file: BigIntStats): OwnOutput['replaced'] {
  const directory = statSync(dirname(target), { bigint: true });
  return { file, place: { directory, name: fromText(basename(target)) } };
}

/** Pause before trying a FIFO without a reader again. */
const NO_READER_PAUSE_MS = 20;

const DIRECT_FLAGS = constants.O_WRONLY | constants.O_TRUNC | constants.O_NONBLOCK;

/** Non-blocking, so that a FIFO without a reader, or with a reader that stands still, does not block the thread. */
async function openDirect(path: string, signal: AbortSignal | undefined): Promise<Output> {
  for (;;) {
    try {
      return closing(openSync(path, DIRECT_FLAGS), path);
    } catch (error) {
      if (errnoOf(error) !== 'ENXIO' || !statSync(path).isFIFO()) throw ioError('write', path, error);
    }
    await sleep(NO_READER_PAUSE_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    signal?.throwIfAborted();
  }
}

/** An output that only needs to be closed. */
function closing(fd: number, name: string): Output {
  const close = closer(fd);
  return { fd, name, own: NO_OUTPUT, temporary: undefined, rewritable: false, commit: close, discard: close };
}

/** Closes a descriptor, once: close(2) frees it even if it fails. */
function closer(fd: number): () => void {
  let open = true;
  return () => {
    if (!open) return;
    open = false;
    closeSync(fd);
  };
}

/** Makes a rename durable (in POSIX, this takes an fsync of the directory). Some file systems cannot do that. */
function syncDirectory(directory: string): void {
  try {
    const fd = openSync(directory, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Some systems refuse to open or sync a directory. The rename itself is done.
  }
}

/** Standard output, or another descriptor that somebody else opened and will close. */
export function descriptorOutput(fd: number, name: string): Output {
  const stats = fstatSync(fd, { bigint: true });
  if (stats.isFIFO()) {
    try {
      // Opens the pipe once more, only for this run: non-blocking here, and unchanged for all who share `fd`.
      return closing(openSync(`/proc/self/fd/${fd}`, DIRECT_FLAGS), name);
    } catch {
      // Not Linux, or another user's pipe. Then znip writes to it directly.
    }
  }
  const own = stats.isFile() ? { written: [stats], replaced: undefined } : NO_OUTPUT;
  return { fd, name, own, temporary: undefined, rewritable: false, commit() {}, discard() {} };
}
