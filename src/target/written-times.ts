/**
 * Sets the times of files that were written in this run, when the index has said them to the nanosecond: many in one task,
 * on the threads that have written the files, as far as the native core does it. Main thread.
 */
import { core, type CoreWrittenFiles } from '../core/core.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { ByteStringsBuilder, stringAt } from '../format/values/byte-strings.ts';
import { KIND } from '../format/values/entry.ts';

/** How many are set in one task: few enough that nobody waits for a signal to be noticed. */
const ROWS = 4096;

/** A file that this run has written, and the time that it gets. */
export interface WrittenTime {
  path: ByteString;
  /** Bytes. */
  size: number;
  /** Nanoseconds since 1970. */
  mtime: bigint;
}

export interface TimesTask {
  /** The target, held. */
  root: number;
  files: CoreWrittenFiles;
  /** Who wrote them. */
  owner: number;
}

/** Returns the rows of files that may be others by now, or about which the system refuses something. */
export function setTimes({ root, files, owner }: TimesTask): number[] {
  const native = core();
  const count = files.pathEnds.length;
  const left: number[] = [];
  for (let row = 0; row < count; row++) {
    if (native !== undefined) row = native.setTimes(root, files, owner, row, count);
    if (row < count) left.push(row);
  }
  return left;
}

export class WrittenTimes {
  private readonly root: number;
  private readonly run: (task: TimesTask) => Promise<readonly number[]>;
  private readonly otherwise: (file: WrittenTime) => void;
  private readonly owner = process.geteuid?.() ?? 0;
  private paths = new ByteStringsBuilder();
  private readonly kinds = new Uint8Array(ROWS);
  private readonly sizes = new Float64Array(ROWS);
  private readonly mtimes = new BigInt64Array(ROWS);
  private readonly running: Promise<void>[] = [];

  /**
   * `root`: the target, held. `run` does a task, see `setTimes`. `otherwise` is called for each file that it leaves:
   * everything about it is decided there.
   */
  constructor(
    root: number,
    run: (task: TimesTask) => Promise<readonly number[]>,
    otherwise: (file: WrittenTime) => void,
  ) {
    this.root = root;
    this.run = run;
    this.otherwise = otherwise;
  }

  add({ path, size, mtime }: WrittenTime): void {
    const row = this.paths.size;
    this.paths.append(path);
    this.kinds[row] = KIND.file;
    this.sizes[row] = size;
    this.mtimes[row] = mtime;
    if (this.paths.size === ROWS) this.submit();
  }

  /** Rows `from` to `to` of these. */
  addRows({ paths, pathEnds, kinds, sizes, mtimes }: CoreWrittenFiles, from: number, to: number): void {
    for (let row = from; row < to;) {
      const at = this.paths.size;
      const end = Math.min(to, row + ROWS - at);
      this.paths.appendRows({ bytes: paths, ends: pathEnds }, row, end);
      this.kinds.set(kinds.subarray(row, end), at);
      this.sizes.set(sizes.subarray(row, end), at);
      this.mtimes.set(mtimes.subarray(row, end), at);
      if (this.paths.size === ROWS) this.submit();
      row = end;
    }
  }

  /** Resolves when all times are set, or `otherwise` was called. */
  async finish(): Promise<void> {
    if (this.paths.size > 0) this.submit();
    await Promise.all(this.running);
  }

  private submit(): void {
    const count = this.paths.size;
    const { bytes, ends } = this.paths.finish();
    this.paths = new ByteStringsBuilder();
    const done = this.set({
      paths: bytes,
      pathEnds: ends,
      kinds: this.kinds.slice(0, count),
      sizes: this.sizes.slice(0, count),
      mtimes: this.mtimes.slice(0, count),
    });
    // It is awaited at the end. Until then, a failure must not count as unhandled.
    done.catch(() => {});
    this.running.push(done);
  }

  private async set(files: CoreWrittenFiles): Promise<void> {
    const paths = { bytes: files.paths, ends: files.pathEnds };
    for (const row of await this.run({ root: this.root, files, owner: this.owner })) {
      this.otherwise({
        path: stringAt(paths, row),
        size: files.sizes[row] ?? 0,
        mtime: files.mtimes[row] ?? 0n,
      });
    }
  }
}
