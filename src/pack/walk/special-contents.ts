/**
 * What is read from FIFOs and devices that were named, and from files that do not say how long they are, as those
 * in /proc: to its end, before the walk. Main thread; nothing waits in a call that a signal could not end.
 */
import { constants, openSync, statfsSync } from 'node:fs';
import { isExhaustion, systemReason, ZnipError } from '../../errors.ts';
import { type ByteString, toFsPath, toText } from '../../format/values/byte-string.ts';
import { FdStream } from '../../io/byte-stream.ts';
import { type FileStat, lstat, stat } from '../../posix/stat.ts';
import { ContentSpool, type SpooledContent } from './content-spool.ts';
import type { Root } from './root.ts';
import { isStream } from './source-kind.ts';

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
  private readonly contentSpool = new ContentSpool();

  /** Reads the special files among these roots. Throws `io` for the temporary file, and the signal's reason. */
  async read(roots: readonly Root[], follow: boolean, signal: AbortSignal | undefined): Promise<void> {
    for (const { prefix, path, made } of roots) {
      const source = `${prefix}${path}`;
      if (path === '' || made !== undefined || this.contents.has(source)) continue;
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
    this.contentSpool.close();
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
      return await this.contentSpool.add(stream);
    } catch (error) {
      // What cannot be read is left out; what cannot be written ends the run.
      const unreadable = error instanceof ZnipError && error.context.path === stream.name;
      if (signal?.aborted === true || !unreadable) throw error;
      return systemReason(error.cause);
    } finally {
      await stream.close();
    }
  }
}

/** For a dry run, which only lists what would be packed: nothing is read. */
export const NOT_READ: Pick<SpecialContents, 'get'> = {
  get(source) {
    try {
      return isStream(stat(source)) ? { fd: -1, offset: 0, size: 0 } : undefined;
    } catch {
      return undefined;
    }
  },
};

/** If the file system cannot be asked, the size is trusted. */
function isPseudo(source: ByteString, stats: FileStat): boolean {
  return stats.isFile() && PSEUDO.has(statfsSync(toFsPath(source)).type);
}
