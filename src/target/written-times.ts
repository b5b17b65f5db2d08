/**
 * Sets the times of files that were written in this run, when the index has said them to the nanosecond: many in one
 * call of the native core. Main thread.
 */
import type { Core } from '../core/core.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { ByteStringsBuilder, stringAt } from '../format/values/byte-strings.ts';

/** How many are set in one call: few enough that nobody waits for a signal to be noticed. */
const ROWS = 4096;

/** A file that this run has written, and the time that it gets. */
export interface WrittenTime {
  path: ByteString;
  /** Bytes. */
  size: number;
  /** Nanoseconds since 1970. */
  mtime: bigint;
}

/** Called for a file that the core does not set: everything about it is decided there. */
type Otherwise = (file: WrittenTime) => void;

export class WrittenTimes {
  private readonly core: Core;
  private readonly root: number;
  private readonly otherwise: Otherwise;
  private paths = new ByteStringsBuilder();
  private readonly sizes = new Float64Array(ROWS);
  private readonly mtimes = new BigInt64Array(ROWS);
  private count = 0;

  /** `root`: the target, held. */
  constructor(core: Core, root: number, otherwise: Otherwise) {
    this.core = core;
    this.root = root;
    this.otherwise = otherwise;
  }

  /** Sets the time of a file, now or at `flush`. */
  add({ path, size, mtime }: WrittenTime): void {
    if (this.count === ROWS) this.flush();
    this.paths.append(path);
    this.sizes[this.count] = size;
    this.mtimes[this.count++] = mtime;
  }

  flush(): void {
    const { core, root, sizes, mtimes, count } = this;
    const paths = this.paths.finish();
    this.paths = new ByteStringsBuilder();
    this.count = 0;
    const owner = process.geteuid?.() ?? 0;
    for (let row = 0; row < count; row++) {
      row = core.setTimes(root, paths.bytes, paths.ends, sizes, mtimes, owner, row, count);
      if (row === count) break;
      this.otherwise({ path: stringAt(paths, row), size: sizes[row] ?? 0, mtime: mtimes[row] ?? 0n });
    }
  }
}
