/**
 * Names as they are recorded, if they differ from the names on disk: --transform and --prefix. Main thread.
 */
import { ZnipError } from '../../errors.ts';
import { type ByteString, fromText, toText } from '../../format/values/byte-string.ts';
import { KIND } from '../../format/values/entry.ts';
import { unsafePathReason, withoutTrailingSlashes } from '../../format/values/member-path.ts';
import { compileTransform } from '../../select/sed-expression.ts';
import { MemberSource, type SourceMember } from './source-member.ts';

export interface NameOptions {
  /** Expressions as in GNU tar's --transform. Each is applied to the result of the one before. */
  transform?: readonly string[] | undefined;
  /** A directory that all members are put into. */
  prefix?: string | undefined;
}

/**
 * The members under the names that the options ask for. Hard links refer to the new names of their files. Throws
 * `usage` for a name that no member may have, if two members would get the same name, and if one would lie below a
 * file.
 */
export function withRecordedNames(
  members: MemberSource,
  { transform = [], prefix }: NameOptions,
): MemberSource {
  if (transform.length === 0 && prefix === undefined) return members;
  const apply = compileTransform(transform);
  const base = prefix === undefined ? '' : `${withoutTrailingSlashes(fromText(prefix))}/`;
  const rename = (path: ByteString): ByteString => `${base}${withoutTrailingSlashes(apply(path, false))}`;
  return new RenamedMembers(members, rename, (target) => apply(target, true));
}

class RenamedMembers extends MemberSource {
  private readonly members: MemberSource;
  private readonly rename: (path: ByteString) => ByteString;
  private readonly renameTarget: (target: ByteString) => ByteString;
  private readonly taken = new ChosenNames();

  constructor(
    members: MemberSource,
    rename: (path: ByteString) => ByteString,
    renameTarget: (target: ByteString) => ByteString,
  ) {
    super();
    this.members = members;
    this.rename = rename;
    this.renameTarget = renameTarget;
  }

  next(): SourceMember | undefined {
    const member = this.members.next();
    if (member === undefined) return undefined;
    const path = this.rename(member.path);
    this.taken.add(path, member);
    return { ...member, path, linkTarget: this.targetOf(member, path), foundPath: member.path };
  }

  close(): void {
    this.members.close();
  }

  private targetOf({ kind, path: from, linkTarget }: SourceMember, path: ByteString): ByteString {
    if (kind === KIND.hardlink) return this.rename(linkTarget);
    if (kind !== KIND.symlink) return '';
    const target = this.renameTarget(linkTarget);
    if (target === '') throw refused(from, path, 'its link target would be empty');
    return target;
  }
}

class ChosenNames {
  /** The kind of each new name, and the name that it was made from. */
  private readonly names = new Map<ByteString, { kind: number; from: ByteString }>();
  /** Directories with members in them, each with one of these members. */
  private readonly above = new Map<ByteString, ByteString>();

  add(path: ByteString, { path: from, kind }: SourceMember): void {
    const reason = unsafePathReason(path);
    if (reason !== undefined) throw refused(from, path, reason);
    const other = this.names.get(path)?.from ?? (kind === KIND.directory ? undefined : this.above.get(path));
    if (other !== undefined) throw refused(from, path, `it clashes with '${toText(other)}'`);
    this.names.set(path, { kind, from });
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      const holder = this.names.get(parent);
      if (holder !== undefined && holder.kind !== KIND.directory) {
        throw refused(from, path, `it would lie below '${toText(holder.from)}', which is no directory`);
      }
      if (this.above.has(parent)) break;
      this.above.set(parent, from);
    }
  }
}

function refused(from: ByteString, path: ByteString, why: string): ZnipError {
  return new ZnipError(
    'usage',
    `'${toText(from)}' cannot be recorded as '${toText(path)}': ${why}; change \`transform\` or \`prefix\``,
    { path: toText(from) },
  );
}
