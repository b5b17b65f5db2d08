/**
 * The bytes of named FIFOs and devices, and of files that do not say how long they are, such as those in /proc. Before
 * the walk, they are read to their end into unnamed temporary files. So their sizes are known, and memory is bounded,
 * whatever comes. Main thread; nothing waits in a call that a signal could not end.
 */
import { closeSync, constants, openSync, statfsSync } from 'node:fs';
import { isExhaustion, systemReason, ZnipError } from '../../errors.ts';
import { type ByteString, toFsPath, toText } from '../../format/values/byte-string.ts';
import { clampTime } from '../../format/values/entry.ts';
import { FdStream } from '../../io/byte-stream.ts';
import { openSpool, spoolError } from '../../io/spool.ts';
import { type FileStat, fstat, lstat, stat } from '../../posix/stat.ts';
import { writeFully } from '../../posix/write.ts';
import type { Root } from './root.ts';
import { isStream } from './source-kind.ts';
import type { SpooledContent } from './source-member.ts';

const PIECE = 1024 * 1024;

/**
 * File systems whose files get their contents when they are read, and whose sizes mean nothing (Linux, linux/magic.h):
 * proc, sysfs, both of cgroup, debugfs, tracefs, securityfs, configfs.
 */
const PSEUDO = new Set([
  0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0x62656570,
]);

/** By the name that the user gave: its content, or why there is none. */
export class SpecialContents {
  private readonly contents = new Map<ByteString, SpooledContent | string>();
  /** Descriptors that must still be closed here. */
  private readonly open = new Set<number>();

  /** Reads the special files among these roots. Throws `io` for the temporary file, and the signal's reason. */
  async read(roots: readonly Root[], follow: boolean, signal: AbortSignal | undefined): Promise<void> {
    for (const { prefix, path } of roots) {
      const source = `${prefix}${path}`;
      if (path === '' || this.contents.has(source)) continue;
      let stats: FileStat;
      try {
        stats = follow ? stat(source) : lstat(source);
        if (!isStream(stats) && !isPseudo(source, stats)) continue;
      } catch {
        // The walk finds and reports the same.
        continue;
      }
      this.contents.set(source, await this.spool(source, follow, signal));
    }
  }

  get(source: ByteString): SpooledContent | string | undefined {
    return this.contents.get(source);
  }

  close(): void {
    for (const fd of this.open) closeSync(fd);
    this.open.clear();
  }

  private async spool(
    source: ByteString,
    follow: boolean,
    signal: AbortSignal | undefined,
  ): Promise<SpooledContent | string> {
    const noFollow = follow ? 0 : constants.O_NOFOLLOW;
    let input: number;
    try {
      input = openSync(toFsPath(source), constants.O_RDONLY | constants.O_NONBLOCK | noFollow);
    } catch (error) {
      if (isExhaustion(error)) throw error;
      return systemReason(error);
    }
    // Opened once, and read directly: see `openReader`.
    const stream = new FdStream(input, `'${toText(source)}'`, signal, true);
    try {
      const { fd, directory } = openSpool();
      this.open.add(fd);
      const piece = new Uint8Array(PIECE);
      let size = 0;
      for (let read = PIECE; read === PIECE; size += read) {
        try {
          read = await stream.readInto(piece);
        } catch (error) {
          if (signal?.aborted === true || !(error instanceof ZnipError)) throw error;
          return systemReason(error.cause);
        }
        try {
          writeFully(fd, piece.subarray(0, read), size);
        } catch (error) {
          throw spoolError(directory, error);
        }
      }
      // The code that takes it closes it.
      return { fd, size, mtime: clampTime(fstat(fd).mtime), take: () => this.open.delete(fd) };
    } finally {
      await stream.close();
    }
  }
}

/** For a dry run, which only lists what would be packed: nothing is read. */
export const NOT_READ: Pick<SpecialContents, 'get'> = {
  get(source) {
    try {
      return isStream(stat(source)) ? { fd: -1, size: 0, mtime: 0n, take() {} } : undefined;
    } catch {
      return undefined;
    }
  },
};

/** If the file system cannot be asked, the size is trusted. */
function isPseudo(source: ByteString, stats: FileStat): boolean {
  return stats.isFile() && PSEUDO.has(statfsSync(toFsPath(source)).type);
}
