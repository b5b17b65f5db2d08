/**
 * Collects the members of a chunk column by column: one by one, or a run of plain files at once.
 */
import type { ByteString } from '../../format/values/byte-string.ts';
import { byteStringsOf, ByteStringsBuilder } from '../../format/values/byte-strings.ts';
import { KIND, NO_ID } from '../../format/values/entry.ts';
import type { SpooledContent } from '../walk/content-spool.ts';
import type { SourceDirectory } from '../walk/source-directories.ts';
import type { MemberRun, SourceMember } from '../walk/source-member.ts';
import type { DirectoryColumns, MemberColumns } from './member-columns.ts';

/** Entries of an index as columns. Row i of every column is entry i. */
export interface IndexedColumns {
  paths: Uint8Array;
  pathEnds: Uint32Array;
  kinds: Uint8Array;
  modes: Uint32Array;
  mtimes: BigInt64Array;
  sizes: Float64Array;
}

/** Builds the columns of one chunk's members. */
export class MemberColumnsBuilder {
  count = 0;
  private readonly paths = new ByteStringsBuilder();
  private readonly foundPaths = new ByteStringsBuilder();
  private readonly linkTargets = new ByteStringsBuilder();
  private readonly prefixes: string[] = [];
  private readonly directories = new DirectoryColumnsBuilder();
  private readonly contents = new Map<number, SpooledContent>();
  private readonly linked = new Set<number>();
  private readonly unames = new OptionalNames();
  private readonly gnames = new OptionalNames();
  private readonly xattrs = new OptionalNames();
  private follow = false;
  private isRenamed = false;
  private isDated = false;
  private isOwned = false;
  private columns = emptyColumns(INITIAL_ROWS);

  append(member: SourceMember, group: number): void {
    const row = this.count;
    const { path, foundPath, linkTarget, mtime, sourceMtime, uid, gid } = member;
    this.makeRoom(1);
    this.count += 1;
    const { columns } = this;
    this.paths.append(path);
    // If one member of a walk has another name, all have.
    if (foundPath !== undefined) this.foundPaths.append(foundPath);
    this.isRenamed ||= foundPath !== undefined;
    this.linkTargets.append(linkTarget);
    columns.prefixIndices[row] = this.prefixIndex(member.prefix);
    columns.directoryIndices[row] =
      member.directory === undefined ? 0 : this.directories.index(member.directory);
    columns.kinds[row] = member.kind;
    columns.modes[row] = member.mode;
    columns.mtimes[row] = mtime;
    this.isDated ||= sourceMtime !== null;
    columns.sourceMtimes[row] = sourceMtime ?? mtime;
    this.follow ||= member.follow;
    columns.sizes[row] = member.size;
    if (member.linked) this.linked.add(row);
    if (member.content !== undefined) this.contents.set(row, member.content);
    this.isOwned ||= uid !== null || gid !== null;
    columns.uids[row] = uid ?? NO_ID;
    columns.gids[row] = gid ?? NO_ID;
    this.unames.set(row, member.uname);
    this.gnames.set(row, member.gname);
    this.xattrs.set(row, member.xattrs);
    columns.groups[row] = group;
  }

  /** Appends the files of a run from row `first` of its listing on, before row `end`. */
  appendRun(run: MemberRun, first: number, end: number, group: number): void {
    const { listing, base, directory, prefix } = run;
    const count = end - first;
    const start = this.count;
    this.makeRoom(count);
    this.count += count;
    const before = Buffer.from(base, 'latin1');
    const { columns } = this;
    // Only symlinks have anything between their names.
    const names = listing.nameEnd(end - 1) - listing.nameStart(first);
    const { bytes: paths, ends: pathEnds } = this.paths.room(count, names + count * before.byteLength);
    const { modes, sizes, mtimes } = columns;
    listing.copy(first, end, before, { paths, pathEnds, modes, sizes, mtimes }, start);
    this.paths.commit(this.count);
    this.linkTargets.appendEmpty(count);
    columns.prefixIndices.fill(this.prefixIndex(prefix), start, this.count);
    columns.directoryIndices.fill(this.directories.index(directory), start, this.count);
    columns.kinds.fill(KIND.file, start, this.count);
    columns.groups.fill(group, start, this.count);
    columns.uids.fill(NO_ID, start, this.count);
    columns.gids.fill(NO_ID, start, this.count);
  }

  /** Appends rows `from` to `to` of an index, which have no owners. `linkTarget` is that of a link. */
  appendEntries(
    entries: IndexedColumns,
    from: number,
    to: number,
    group: number,
    linkTarget: (row: number) => ByteString,
  ): void {
    const start = this.count;
    const count = to - from;
    this.makeRoom(count);
    this.count += count;
    const { columns } = this;
    this.paths.appendRows({ bytes: entries.paths, ends: entries.pathEnds }, from, to);
    columns.kinds.set(entries.kinds.subarray(from, to), start);
    columns.modes.set(entries.modes.subarray(from, to), start);
    columns.mtimes.set(entries.mtimes.subarray(from, to), start);
    columns.sizes.set(entries.sizes.subarray(from, to), start);
    // What is between two links, as most is, has none.
    let plain = from;
    for (let row = from; row < to; row++) {
      const kind = entries.kinds[row];
      if (kind !== KIND.symlink && kind !== KIND.hardlink) continue;
      this.linkTargets.appendEmpty(row - plain);
      this.linkTargets.append(linkTarget(row));
      plain = row + 1;
    }
    this.linkTargets.appendEmpty(to - plain);
    columns.prefixIndices.fill(this.prefixIndex(''), start, this.count);
    columns.directoryIndices.fill(0, start, this.count);
    columns.groups.fill(group, start, this.count);
    columns.uids.fill(NO_ID, start, this.count);
    columns.gids.fill(NO_ID, start, this.count);
  }

  /** Exactly as long as the members: what is sent to a thread is copied as a whole. */
  finish(): MemberColumns {
    const { count, columns, isOwned } = this;
    return {
      count,
      paths: this.paths.finish(),
      foundPaths: this.isRenamed ? this.foundPaths.finish() : null,
      prefixes: this.prefixes,
      prefixIndices: columns.prefixIndices.slice(0, count),
      directories: this.directories.finish(),
      directoryIndices: columns.directoryIndices.slice(0, count),
      kinds: columns.kinds.slice(0, count),
      modes: columns.modes.slice(0, count),
      mtimes: columns.mtimes.slice(0, count),
      sourceMtimes: this.isDated ? columns.sourceMtimes.slice(0, count) : null,
      follow: this.follow,
      sizes: columns.sizes.slice(0, count),
      linkTargets: this.linkTargets.finish(),
      contents: this.contents,
      linked: this.linked,
      uids: isOwned ? columns.uids.slice(0, count) : null,
      gids: isOwned ? columns.gids.slice(0, count) : null,
      unames: this.unames.finish(count),
      gnames: this.gnames.finish(count),
      xattrs: this.xattrs.finish(count),
      groups: columns.groups.slice(0, count),
    };
  }

  private makeRoom(rows: number): void {
    const needed = this.count + rows;
    if (needed > this.columns.kinds.length) this.columns = grownColumns(this.columns, 2 * needed);
  }

  private prefixIndex(prefix: string): number {
    const index = this.prefixes.indexOf(prefix);
    return index < 0 ? this.prefixes.push(prefix) - 1 : index;
  }
}

const INITIAL_ROWS = 64;

function emptyColumns(rows: number) {
  return {
    prefixIndices: new Uint32Array(rows),
    directoryIndices: new Uint32Array(rows),
    kinds: new Uint8Array(rows),
    modes: new Uint16Array(rows),
    mtimes: new BigInt64Array(rows),
    sourceMtimes: new BigInt64Array(rows),
    sizes: new Float64Array(rows),
    uids: new Uint32Array(rows),
    gids: new Uint32Array(rows),
    groups: new Uint32Array(rows),
  };
}

type NumberColumns = ReturnType<typeof emptyColumns>;

function grownColumns(columns: NumberColumns, rows: number): NumberColumns {
  const larger = emptyColumns(rows);
  for (const name of Object.keys(columns) as (keyof NumberColumns)[])
    larger[name].set(columns[name] as never);
  return larger;
}

/** Names that only few members have. */
class OptionalNames {
  private readonly names: (ByteString | undefined)[] = [];

  set(row: number, name: ByteString | undefined): void {
    if (name === undefined) return;
    while (this.names.length < row) this.names.push(undefined);
    this.names.push(name);
  }

  /** null if no member has one. */
  finish(count: number): (ByteString | undefined)[] | null {
    if (this.names.length === 0) return null;
    while (this.names.length < count) this.names.push(undefined);
    return this.names;
  }
}

class DirectoryColumnsBuilder {
  private readonly paths: ByteString[] = [];
  private readonly identities: bigint[] = [];
  private readonly bases: DirectoryColumns['bases'] = [];
  private readonly baseIndices: number[] = [];
  private last: SourceDirectory | undefined;
  private lastBase: ByteString | undefined;

  /** The walk gives all members of a directory together. */
  index(directory: SourceDirectory): number {
    if (directory === this.last) return this.paths.length - 1;
    this.last = directory;
    const { base, baseIdentity, path, identity } = directory;
    if (base !== this.lastBase) {
      this.lastBase = base;
      this.bases.push({ path: base, identity: baseIdentity });
    }
    this.baseIndices.push(this.bases.length - 1);
    this.identities.push(identity.dev, identity.ino);
    return this.paths.push(path) - 1;
  }

  finish(): DirectoryColumns {
    return {
      paths: byteStringsOf(this.paths),
      identities: BigUint64Array.from(this.identities),
      bases: this.bases,
      baseIndices: Uint32Array.from(this.baseIndices),
    };
  }
}
