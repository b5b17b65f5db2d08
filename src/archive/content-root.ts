/**
 * One hash for what an archive holds, whatever packed it: level, chunk size, codec, groups and order change nothing.
 * Implements docs/format.md, "Content root".
 */
import type { Hasher } from '../codec/backends.ts';
import { codec } from '../codec/codec.ts';
import { compareBytes, type ByteString } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { Turns } from '../threads/turns.ts';
import type { Entries, EntryRef } from './entries.ts';
import { streamOffset } from './link-meanings.ts';
import { namedMembers } from './named-members.ts';

/** Of an owner that is not recorded: (uid_t)-1, which nobody has. */
const NO_OWNER = 0xffffffff;
/** Lengths of the fixed parts of a member: kind, mode, mtime, size, uid, gid, two lengths. */
const FIXED_LENGTH = 1 + 2 + 8 + 8 + 4 + 4 + 4 + 4;
/** Added to the kind of a member with extended attributes. */
const HAS_XATTRS = 0x80;
const GATHERED = 1024 * 1024;

/** In hexadecimal. Throws the signal's reason. */
export async function contentRootOf(entries: Entries, signal?: AbortSignal): Promise<string> {
  const turns = new Turns(signal);
  const named = [...namedMembers(entries)].sort(([a], [b]) => compareBytes(a, b));
  const writer = new MemberHasher(codec().createHasher());
  /** For the content of each file and symlink with several names: the first of them. */
  const first = new Map<number, ByteString>();
  for (const [path, ref] of named) {
    if (turns.isDue()) await turns.take();
    const kind = ref.batch.kinds[ref.row];
    const home = kind === KIND.directory ? undefined : first.get(streamOffset(ref));
    if (home !== undefined) writer.addLink(path, home);
    else {
      first.set(streamOffset(ref), path);
      writer.add(path, ref);
    }
  }
  return Buffer.from(writer.digest()).toString('hex');
}

class MemberHasher {
  private readonly hasher: Hasher;
  private readonly bytes = Buffer.allocUnsafe(GATHERED);
  private length = 0;

  constructor(hasher: Hasher) {
    this.hasher = hasher;
  }

  add(path: ByteString, { batch, row }: EntryRef): void {
    const kind = batch.kinds[row] ?? KIND.file;
    this.write(path, {
      kind,
      // The permissions of a symlink mean nothing, and systems do not agree on them.
      mode: kind === KIND.symlink ? 0 : (batch.modes[row] ?? 0),
      mtime: batch.mtimes[row] ?? 0n,
      size: batch.sizes[row] ?? 0,
      uid: batch.uid(row) ?? NO_OWNER,
      gid: batch.gid(row) ?? NO_OWNER,
      target: batch.linkTarget(row),
      checksum: batch.checksum(row),
      xattrs: batch.xattrs(row),
    });
  }

  /** One more name of the member that is called `home`. */
  addLink(path: ByteString, home: ByteString): void {
    const nothing = {
      mode: 0,
      mtime: 0n,
      size: 0,
      uid: NO_OWNER,
      gid: NO_OWNER,
      checksum: null,
      xattrs: undefined,
    };
    this.write(path, { kind: KIND.hardlink, target: home, ...nothing });
  }

  digest(): Uint8Array {
    this.flush();
    return this.hasher.digest();
  }

  private write(
    path: ByteString,
    member: {
      kind: number;
      mode: number;
      mtime: bigint;
      size: number;
      uid: number;
      gid: number;
      target: ByteString;
      checksum: Uint8Array | null;
      xattrs: ByteString | undefined;
    },
  ): void {
    const { target, checksum, xattrs } = member;
    const needed = FIXED_LENGTH + path.length + target.length + (checksum?.byteLength ?? 0);
    if (this.length + needed > GATHERED) this.flush();
    const { bytes } = this;
    let at = this.length;
    at = bytes.writeUInt32LE(path.length, at);
    at += bytes.write(path, at, 'latin1');
    at = bytes.writeUInt8(member.kind | (xattrs === undefined ? 0 : HAS_XATTRS), at);
    at = bytes.writeUInt16LE(member.mode, at);
    at = bytes.writeBigInt64LE(member.mtime, at);
    at = bytes.writeUInt32LE(member.size % 2 ** 32, at);
    at = bytes.writeUInt32LE(Math.floor(member.size / 2 ** 32), at);
    at = bytes.writeUInt32LE(member.uid, at);
    at = bytes.writeUInt32LE(member.gid, at);
    at = bytes.writeUInt32LE(target.length, at);
    at += bytes.write(target, at, 'latin1');
    if (checksum !== null) bytes.set(checksum, at);
    this.length = at + (checksum?.byteLength ?? 0);
    if (xattrs !== undefined) this.addXattrs(xattrs);
  }

  /** They may be longer than what is gathered. */
  private addXattrs(xattrs: ByteString): void {
    this.flush();
    const length = Buffer.alloc(4);
    length.writeUInt32LE(xattrs.length);
    this.hasher.update(length);
    this.hasher.update(Buffer.from(xattrs, 'latin1'));
  }

  private flush(): void {
    this.hasher.update(this.bytes.subarray(0, this.length));
    this.length = 0;
  }
}
