/**
 * What is in the way of members gets another name until they have been written: if an archive turns out to be damaged, it comes
 * back. Main thread.
 */
import { renameSync } from 'node:fs';
import { errnoOf, systemReason } from '../../errors.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import { nameExists, partPrefix } from '../../target/file-names.ts';
import type { OnLost } from '../../target/refusals.ts';
import type { TargetTree } from '../../target/target-tree.ts';
import { type Removal, remove } from './removals.ts';

interface Aside {
  path: ByteString;
  /** Beside it. */
  temporary: ByteString;
  /** What it takes to remove it, under its own name. */
  removals: readonly Removal[];
}

export class SetAside {
  private readonly tree: TargetTree;
  private readonly onStays: OnLost;
  private asides: Aside[] = [];

  constructor(tree: TargetTree, onStays: OnLost) {
    this.tree = tree;
    this.onStays = onStays;
  }

  /** Takes a name away from what has it. If that is refused, it stays, and so the member is left out. */
  take(path: ByteString, removals: readonly Removal[]): void {
    // No name that pack takes for its own, and removes.
    const temporary = `${path.slice(0, path.lastIndexOf('/') + 1)}${partPrefix()}.aside`;
    try {
      renameSync(this.tree.name(path), this.tree.name(temporary));
      this.asides.push({ path, temporary, removals });
    } catch (error) {
      // Somebody else removed it.
      if (errnoOf(error) !== 'ENOENT') this.onStays(path, `not removed: ${systemReason(error)}`);
    }
    // It may be a directory that is held.
    this.tree.release();
  }

  /**
   * Once the run has ended, however it has: removes what was replaced if every member was written (`isWhole`), and otherwise gives it
   * its name back, as far as nothing else has that. Returns how many names are gone.
   */
  settle(isWhole: boolean): number {
    let count = 0;
    const { asides, tree, onStays } = this;
    this.asides = [];
    for (const { path, temporary, removals } of asides) {
      const isReplaced = nameExists(path, tree);
      if (isReplaced && !isWhole) {
        onStays(path, `what had this name before is called '${tree.text(temporary)}' now`);
        continue;
      }
      if (isReplaced) {
        const moved = removals.map(({ path: name, kind }) => ({
          path: `${temporary}${name.slice(path.length)}`,
          kind,
        }));
        count += remove(moved, tree, onStays);
        continue;
      }
      try {
        renameSync(tree.name(temporary), tree.name(path));
      } catch (error) {
        onStays(
          temporary,
          `it was '${tree.text(path)}', and cannot be called so again: ${systemReason(error)}`,
        );
      }
    }
    return count;
  }
}
