/**
 * Names as they are recorded, where that is not as they were found: --transform and --prefix. Main thread.
 */
import { ZnipError } from '../../errors.ts';
import { type ByteString, fromText, toText } from '../../format/values/byte-string.ts';
import { KIND } from '../../format/values/entry.ts';
import { unsafePathReason, withoutTrailingSlashes } from '../../format/values/member-path.ts';
import { compileTransform } from '../../select/sed-expression.ts';
import type { SourceMember } from './source-member.ts';

export interface NameOptions {
  /** Expressions as GNU tar's --transform has them, each applied to what the one before made of a name. */
  transform?: readonly string[] | undefined;
  /** A directory that all members are put into. */
  prefix?: string | undefined;
}

/**
 * The members by the names that the options ask for. Hard links refer to what their files are called then. Throws
 * `usage` for a name that no member may have, and where two would have the same, or one lie below a file.
 */
export function withRecordedNames(
  members: Generator<SourceMember, void, undefined>,
  { transform = [], prefix }: NameOptions,
): Generator<SourceMember, void, undefined> {
  if (transform.length === 0 && prefix === undefined) return members;
  const apply = compileTransform(transform);
  const base = prefix === undefined ? '' : `${withoutTrailingSlashes(fromText(prefix))}/`;
  const rename = (path: ByteString): ByteString => `${base}${withoutTrailingSlashes(apply(path, false))}`;
  return renamed(members, rename, (target) => apply(target, true));
}

function* renamed(
  members: Generator<SourceMember, void, undefined>,
  rename: (path: ByteString) => ByteString,
  renameTarget: (target: ByteString) => ByteString,
): Generator<SourceMember, void, undefined> {
  const taken = new ChosenNames();
  try {
    for (const member of members) {
      const path = rename(member.path);
      taken.add(path, member);
      const { kind, linkTarget } = member;
      const target =
        kind === KIND.hardlink ? rename(linkTarget) : kind === KIND.symlink ? renameTarget(linkTarget) : '';
      if (kind === KIND.symlink && target === '')
        throw refused(member.path, path, 'its link target would be empty');
      yield { ...member, path, linkTarget: target, foundPath: member.path };
    }
  } finally {
    members.return();
  }
}

class ChosenNames {
  /** The kind of each name, and the name that it was made of. */
  private readonly names = new Map<ByteString, { kind: number; from: ByteString }>();
  /** Directories that members lie in, and one of those. */
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
