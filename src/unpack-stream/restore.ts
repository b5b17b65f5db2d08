/**
 * Gives members that were unpacked from a stream what only the index at its end has said: nanoseconds of times, and
 * recorded owners. Main thread; times of plain files on workers.
 */
import { type EntryRef, recordedOwner } from '../archive/entries.ts';
import { core } from '../core/core.ts';
import { systemReason } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { KIND, NANOSECONDS } from '../format/values/entry.ts';
import { type Amendment, amend } from '../target/amend.ts';
import type { LargeFiles } from '../target/large-files.ts';
import type { LinkedFiles } from '../target/linked-files.ts';
import { isRefusal } from '../target/refusals.ts';
import type { TargetTree } from '../target/target-tree.ts';
import { finishFile } from '../target/write-file.ts';
import { type TimesTask, WrittenTimes } from '../target/written-times.ts';
import type { ArrivedMembers } from './arrived-members.ts';
import type { AgreedRun } from './stream-check.ts';
import type { StreamTree } from './stream-tree.ts';

export interface Restored {
  target: TargetTree;
  arrived: ArrivedMembers;
  /** Directories and symlinks are made at the end, so theirs are only noted. */
  tree: StreamTree;
  largeFiles: LargeFiles;
  linked: LinkedFiles;
  /** The member that should have this name is lost. */
  isLeft: (path: ByteString) => boolean;
  /** Something else has this name, and keeps it. */
  isTaken: (path: ByteString) => boolean;
  /** Every member was written. */
  isWhole: boolean;
  /** Nothing is written. */
  isDry: boolean;
  /** Does a task of `WrittenTimes`. */
  setTimes: (task: TimesTask) => Promise<readonly number[]>;
  /** Called for a member that is there, but does not get all that is its own. */
  onRefused: (path: ByteString, reason: string) => void;
}

/** Resolves when everything is set, or told to `onRefused`. */
export async function restore(agreed: readonly AgreedRun[], options: Restored): Promise<void> {
  const restoring = new Restoring(options);
  for (const run of agreed) restoring.take(run);
  await restoring.finish();
}

class Restoring {
  private readonly options: Restored;
  /** undefined where times are set one by one. */
  private readonly times: WrittenTimes | undefined;
  /** Every file was written under the name by which it arrived, so that its row says all about it. */
  private readonly isPlain: boolean;

  constructor(options: Restored) {
    this.options = options;
    const { root } = options.target.settings;
    if (root !== undefined && core() !== undefined) {
      this.times = new WrittenTimes(root, options.setTimes, ({ path, size, mtime }) =>
        this.amendFile(path, size, { mtime, owner: null, mode: 0 }),
      );
    }
    this.isPlain = options.isWhole && options.arrived.haveOwnNames && this.times !== undefined;
  }

  take({ batch, group, from, to, arrived, isPlain }: AgreedRun): void {
    const { settings } = this.options.target;
    const hasOwners = settings.sameOwner && batch.hasOwners;
    const plain = this.isPlain && isPlain && !hasOwners ? batch.plain : undefined;
    if (plain !== undefined && settings.mtime) this.times?.addRows(plain, from, to);
    for (let row = from; row < to; row++) {
      if (plain !== undefined && batch.kinds[row] === KIND.file) continue;
      this.takeOne({ batch, row, group }, arrived + row - from);
    }
  }

  async finish(): Promise<void> {
    await this.times?.finish();
  }

  private takeOne(ref: EntryRef, arrived: number): void {
    const { options } = this;
    const { batch, row } = ref;
    const mtime = batch.mtimes[row] ?? 0n;
    const recorded = recordedOwner(ref);
    // The tar header has said all of it.
    if (mtime % NANOSECONDS === 0n && recorded === null) return;
    const path = options.arrived.nameOf(arrived);
    if (path === undefined || options.isLeft(path)) return;
    const { settings } = options.target;
    const owner = settings.sameOwner ? recorded : null;
    const { directories, symlinks } = options.tree;
    const later = directories.get(path) ?? symlinks.get(path);
    if (later !== undefined) Object.assign(later, { mtime, owner });
    if (options.isDry) options.arrived.setTime(path, mtime);
    else if (batch.kinds[row] === KIND.file && !options.isTaken(path)) {
      const time = settings.mtime && (owner !== null || mtime % NANOSECONDS !== 0n) ? mtime : null;
      if (time === null && owner === null) return;
      const fd = options.largeFiles.heldAt(arrived);
      const size = batch.sizes[row] ?? 0;
      const mode = batch.modes[row] ?? 0;
      if (fd !== undefined) this.finishHeld(fd, path, { mtime: time, owner, mode });
      else if (this.times !== undefined && time !== null && owner === null) {
        this.times.add({ path, size, mtime: time });
      } else this.amendFile(path, size, { mtime: time, owner, mode });
    }
  }

  private finishHeld(fd: number, path: ByteString, { mtime, owner, mode }: Amendment): void {
    const settings = { ...this.options.target.settings, mtime: mtime !== null };
    const unset = finishFile(fd, { mode, mtime: mtime ?? 0n, owner }, settings, undefined);
    if (unset !== undefined) this.options.onRefused(path, unset);
  }

  private amendFile(path: ByteString, size: number, { mtime, owner, mode }: Amendment): void {
    const { target, linked, onRefused } = this.options;
    // These bits are safe only for a file that stayed open since it was made: otherwise it may be another file by now.
    const special = owner !== null && (mode & ~0o777) !== 0;
    if (special) onRefused(path, 'set-user-id and the like are left out: too many files have them');
    try {
      const written = { path, kind: KIND.file, size, linked };
      if (!amend(written, { mtime, owner, mode: mode & 0o777 }, target)) {
        onRefused(path, 'its time or owner is not set: something else has its name by now');
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
      onRefused(path, `its time or owner is not set: ${systemReason(error)}`);
    }
  }
}
