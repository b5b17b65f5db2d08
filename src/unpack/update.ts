/**
 * Unpacking only what differs from the target: the part of the tree that is written, what is mended and what is removed.
 */
import { fstatSync } from 'node:fs';
import type { Archive } from '../archive/archive.ts';
import { type ByteString, toText } from '../format/values/byte-string.ts';
import { parentOf } from '../format/values/member-path.ts';
import type { MemberChoiceOptions } from '../select/member-choice.ts';
import type { Directories } from '../target/directories.ts';
import type { OnDryMember } from '../target/dry-run.ts';
import { mend } from '../target/mend.ts';
import type { OnLost } from '../target/refusals.ts';
import type { TakenNames } from '../target/taken-names.ts';
import type { TargetTree } from '../target/target-tree.ts';
import { resolveThreads } from '../threads/thread-count.ts';
import type { ChangedOptions } from './changed/options.ts';
import { type ChangePlan, planChanges } from './changed/plan.ts';
import { remove } from './changed/removals.ts';
import { SetAside } from './changed/set-aside.ts';
import type { MemberTree } from './member-tree.ts';
import { markedFiles } from './planned-files.ts';

/** What a run with `changed` has done besides writing members. */
export interface UpdateResult {
  /** Members whose content was left, and whose mode, owner or time was set. */
  amended: number;
  /** Members that were as they should be. */
  unchanged: number;
  /** Names that were removed. */
  removed: number;
}

export class Update {
  /** What is written of the tree. Its directories are all in which names come or go. */
  readonly tree: MemberTree;
  /** Members that are written, or cannot be. */
  readonly members: number;
  private readonly plan: ChangePlan;
  private readonly target: TargetTree;
  private readonly onLost: OnLost;
  private readonly aside: SetAside;
  private removed = 0;

  private constructor(plan: ChangePlan, tree: MemberTree, target: TargetTree, onLost: OnLost) {
    this.plan = plan;
    this.target = target;
    this.onLost = onLost;
    this.aside = new SetAside(target, onLost);
    const { writes, directories, symlinks, hardLinks, attributed, blocked, written } = plan;
    const marked = markedFiles(tree.files, writes);
    this.tree = { ...tree, ...marked, directories, symlinks, hardLinks, attributed };
    this.members = written + blocked.length;
  }

  /** Compares the tree with the target. Throws `too-many-removals` if more would be removed than is allowed, and `io`. */
  static async plan(
    tree: MemberTree,
    target: TargetTree,
    archive: Archive,
    options: ChangedOptions &
      Pick<MemberChoiceOptions, 'stripComponents'> & {
        onLost?: ((path: string, reason: string) => void) | undefined;
        signal?: AbortSignal | undefined;
        threads?: number | undefined;
        dryRun?: OnDryMember | undefined;
      },
  ): Promise<Update> {
    const { fd } = archive.source;
    const onLost: OnLost = (path, reason) => options.onLost?.(path === '' ? '.' : toText(path), reason);
    const plan = await planChanges(tree, {
      target,
      threads: resolveThreads(options.threads),
      options,
      topIsMember: (options.stripComponents ?? 0) > 0,
      archive: fd === undefined ? undefined : fstatSync(fd, { bigint: true }),
      onStays: onLost,
      wantsChanges: options.onChange !== undefined || options.dryRun !== undefined,
      signal: options.signal,
    });
    for (const change of plan.changes) options.onChange?.(change);
    return new Update(plan, tree, target, onLost);
  }

  /** Tells what would be done, and the names that would be kept. */
  tell(onMember: OnDryMember): void {
    for (const { path, pathBytes, change } of this.plan.changes) {
      onMember({ path, pathBytes, standing: change === 'created' ? 'new' : change });
    }
    for (const [path] of this.plan.blocked) {
      onMember({ path: toText(path), pathBytes: Buffer.from(path, 'latin1'), standing: 'kept' });
    }
  }

  /** Names that are in the way of members and stay. */
  block(taken: TakenNames): void {
    for (const [path, block] of this.plan.blocked) taken.addBlocked(path, block);
  }

  /** Takes the names of what is in the way. `settle` must follow. */
  clear(directories: Directories): void {
    for (const [path, removals] of this.plan.inTheWay) {
      this.openAbove(path, directories);
      this.aside.take(path, removals);
    }
  }

  /** Removes what was in the way, or, if not every member was written, gives it its name back. */
  settle(isWhole: boolean): void {
    this.removed += this.aside.settle(isWhole);
  }

  /** After members have been written: mends the others and, if all were written (`isWhole`), removes what is left over. */
  finish(isWhole: boolean, directories: Directories): void {
    const { plan, target, onLost } = this;
    for (const wanted of plan.mends) {
      const reason = mend(wanted, target);
      if (reason !== undefined) onLost(wanted.path, reason);
    }
    target.release();
    if (isWhole) {
      this.removed += remove(plan.extras, target, onLost, (path) => this.openAbove(path, directories));
    } else if (plan.extras.length > 0) {
      onLost('', 'nothing was removed, because not every member could be written');
    }
  }

  /** The directory of a name may not be writable. One of the archive gets its own mode again at the end. */
  private openAbove(path: ByteString, directories: Directories): void {
    const parent = parentOf(path);
    if (this.tree.directories.has(parent)) directories.ensureParent(path);
  }

  /** `dry`: what it would have been. */
  result(dry: boolean): UpdateResult {
    const { amended, unchanged, inTheWay, extras } = this.plan;
    const planned = [...inTheWay.values(), extras].reduce((sum, { length }) => sum + length, 0);
    return { amended, unchanged, removed: dry ? planned : this.removed };
  }
}
