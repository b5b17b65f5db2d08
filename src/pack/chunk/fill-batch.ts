/**
 * Fills a chunk in few calls of the native core. The core puts in what is as it should be, and stops at everything else.
 */
import type { Core, CoreChunkPlan } from '../../core/core.ts';
import type { Slot } from '../../threads/ring.ts';
import type { FileChunkPlan } from '../plan/chunk-plan.ts';
import type { MemberColumns } from '../plan/member-columns.ts';

/** How far a chunk is filled: the next member, and the byte behind those before. */
export interface Filling {
  row: number;
  position: number;
}

const NO_IDS = new Uint32Array(0);
const NO_HASHES = new Uint8Array(0);

export class FillBatch {
  private readonly core: Core;
  private readonly plan: FileChunkPlan;
  private readonly slot: Slot;
  private readonly known: Uint8Array;
  private readonly state = new Uint32Array(3);

  /** `known`: see `fillChunk`. */
  constructor(core: Core, plan: FileChunkPlan, slot: Slot, known: Uint8Array = NO_HASHES) {
    this.core = core;
    this.known = known;
    this.plan = plan;
    this.slot = slot;
  }

  /** Fills from `row` on, at byte `position`, up to the next member that is not as it should be, or the end. */
  advance({ row, position }: Filling): Filling {
    const end = this.usualEnd(row);
    if (row === end) return { row, position };
    const { state } = this;
    state.set([row, end, position]);
    this.core.fillChunk(this.columns(row), state);
    const [reached = row, , filled = position] = state;
    return { row: reached, position: filled };
  }

  /** Behind the last member that is a whole file, or none, below the base of the first, and has no attributes. */
  private usualEnd(row: number): number {
    const { members, overflow } = this.plan;
    const last = overflow === null ? members.count : members.count - 1;
    const { contents, directories, xattrs } = members;
    if (contents.size === 0 && directories.bases.length <= 1 && xattrs === null) return last;
    let end = row;
    const base = baseIndexAt(members, row);
    const isUsual = (at: number): boolean =>
      !contents.has(at) && xattrs?.[at] === undefined && baseIndexAt(members, at) === base;
    while (end < last && isUsual(end)) end++;
    return end;
  }

  private columns(row: number): CoreChunkPlan {
    const { members } = this.plan;
    const { directories, paths, foundPaths, linkTargets, mtimes } = members;
    const { input, members: results } = this.slot;
    const { path = '', identity = { dev: 0n, ino: 0n } } = directories.bases[baseIndexAt(members, row)] ?? {};
    const sources = foundPaths ?? paths;
    return {
      base: Buffer.from(path, 'latin1'),
      baseIdentity: BigUint64Array.of(identity.dev, identity.ino),
      follow: members.follow,
      directories: directories.paths.bytes,
      directoryEnds: directories.paths.ends,
      directoryIdentities: directories.identities,
      directoryIndices: members.directoryIndices,
      paths: paths.bytes,
      pathEnds: paths.ends,
      sources: sources.bytes,
      sourceEnds: sources.ends,
      kinds: members.kinds,
      modes: members.modes,
      mtimes,
      sourceMtimes: members.sourceMtimes ?? mtimes,
      sizes: members.sizes,
      linkTargets: linkTargets.bytes,
      linkTargetEnds: linkTargets.ends,
      uids: members.uids ?? NO_IDS,
      gids: members.gids ?? NO_IDS,
      known: this.known,
      input,
      dataOffsets: results.dataOffsets,
      flags: results.flags,
      contentSizes: results.sizes,
      checksums: results.checksums,
    };
  }
}

function baseIndexAt({ directories, directoryIndices }: MemberColumns, row: number): number {
  return directories.baseIndices[directoryIndices[row] ?? 0] ?? 0;
}
