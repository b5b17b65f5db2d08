/**
 * The members that have arrived in a stream, by the paths that the archive has for them and by the names
 * that they get, which differ when leading components are taken off.
 */
import type { ByteString } from '../format/byte-string.ts';
import { KIND } from '../format/entry.ts';

/** What the tar stream said of a member, and the hash of what was written. */
export interface ArrivedMember {
  /** The name that it gets. */
  path: ByteString;
  kind: number;
  mode: number;
  mtime: bigint;
  size: number;
  /** Tar stream byte at which its content starts. */
  streamOffset: number;
  linkTarget: ByteString;
  /** BLAKE3 of the content; null for all but files, and for files that are not written yet. */
  checksum: Uint8Array | null;
}

export class ArrivedMembers {
  private readonly byPath = new Map<ByteString, ArrivedMember>();
  /** Members whose path a later one has, in the order of arrival: tar streams may have a path twice. */
  private readonly replaced = new Map<ByteString, ArrivedMember[]>();
  private replacedCount = 0;
  /** In the order of arrival; undefined when names are the archive's paths. */
  private readonly byName: Map<ByteString, ArrivedMember[]> | undefined;

  constructor(renames: boolean) {
    this.byName = renames ? new Map() : undefined;
  }

  /** Members of the archive. */
  get size(): number {
    return this.byPath.size + this.replacedCount;
  }

  /** Names, of which several members may have the same. */
  get nameCount(): number {
    return this.byName?.size ?? this.byPath.size;
  }

  add(path: ByteString, member: ArrivedMember): void {
    const before = this.byPath.get(path);
    if (before !== undefined) {
      const earlier = this.replaced.get(path);
      if (earlier === undefined) this.replaced.set(path, [before]);
      else earlier.push(before);
      this.replacedCount += 1;
    }
    this.byPath.set(path, member);
    if (this.byName === undefined) return;
    const same = this.byName.get(member.path);
    if (same === undefined) this.byName.set(member.path, [member]);
    else same.push(member);
  }

  /** The members with this path in the archive, in the order of arrival. */
  at(path: ByteString): readonly ArrivedMember[] {
    const last = this.byPath.get(path);
    if (last === undefined) return [];
    const earlier = this.replaced.get(path);
    return earlier === undefined ? [last] : [...earlier, last];
  }

  /** Every name once, in the order of arrival, with the last member that has it. */
  *last(): Generator<ArrivedMember, void, undefined> {
    if (this.byName === undefined) yield* this.byPath.values();
    else for (const members of this.byName.values()) yield members[members.length - 1] as ArrivedMember;
  }

  /** A file was written. They are written in order: the first of its name that was not. */
  noteWritten(name: ByteString, checksum: Uint8Array | null): void {
    const member = this.named(name).find(
      (candidate) => candidate.kind === KIND.file && candidate.checksum === null,
    );
    if (member !== undefined) member.checksum = checksum;
  }

  /** Whether a file, or a link to one, has got this name. */
  isWritten(name: ByteString): boolean {
    return this.named(name).some(({ kind, checksum }) => kind !== KIND.file || checksum !== null);
  }

  /** Members that have arrived whole. */
  countWhole(): number {
    let whole = 0;
    for (const { kind, checksum } of this.byPath.values()) {
      if (kind !== KIND.file || checksum !== null) whole += 1;
    }
    return whole;
  }

  /** Members with this name, in the order of arrival. */
  named(name: ByteString): readonly ArrivedMember[] {
    return this.byName === undefined ? this.at(name) : (this.byName.get(name) ?? []);
  }
}
