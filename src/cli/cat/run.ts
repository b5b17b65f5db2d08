/**
 * `znip cat`.
 */
import type { Entries, EntryRef } from '../../archive/entries.ts';
import { entriesNear, findContents, findMembers } from '../../archive/find-members.ts';
import { ChunkReader, readContent } from '../../archive/member-reader.ts';
import { ZnipError } from '../../errors.ts';
import { fromText, toText, type ByteString } from '../../format/values/byte-string.ts';
import { KIND } from '../../format/values/entry.ts';
import { isDamage } from '../../rules/lost.ts';
import { compileSelection, memberName } from '../../select/patterns.ts';
import type { RangeOf } from '../args/byte-range.ts';
import { openIndexed } from '../args/open-indexed.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';

export interface CatCommandOptions {
  range?: RangeOf;
  keepGoing?: boolean;
  force?: boolean;
}

/** Content is binary if it has a NUL byte within this many bytes, as for grep and git. */
const BINARY_PROBE = 8 * 1024;

export async function runCat(
  context: Context,
  path: string,
  names: string[],
  options: CatCommandOptions,
): Promise<void> {
  const { streams } = context;
  const guard = options.force !== true && streams.outputIsTerminal;
  const archive = await openIndexed(path, 'cat');
  try {
    const keepGoing = options.keepGoing === true;
    const entries = keepGoing
      ? await archive.entries({}, (error) => reportLost(context, null, error))
      : await entriesNear(archive, names.map(byName));
    // Find all members before writing anything.
    const members = findAll(entries, names, path);
    const contents = findContents(entries, members);
    const chunks = await ChunkReader.open(archive);
    for (const [i, file] of contents.entries()) {
      const member = members[i] as EntryRef;
      const range = options.range?.(file.batch.sizes[file.row] ?? 0);
      let first = true;
      try {
        for await (const piece of readContent(chunks, file, range)) {
          if (guard && first) refuseBinary(piece, member);
          first = false;
          streams.write(piece);
        }
      } catch (error) {
        if (!keepGoing || !isDamage(error)) throw error;
        reportLost(context, toText(member.batch.path(member.row)), error);
      }
    }
  } finally {
    archive.close();
  }
}

/** Reports damage and the member that is lost. Whole chunks of it that came before have been written already. */
function reportLost({ reporter, outcome }: Context, member: string | null, error: ZnipError): void {
  const { code, message: reason, context } = error;
  const isNamed = member === null || reason.includes(`'${member}'`);
  const place = { blob: context.blob ?? null, offset: context.offset ?? null };
  reporter.lost({ member: isNamed ? null : member, code, reason, ...place });
  outcome.atLeast(EXIT.badArchive);
}

/** The members that the arguments mean, in the order of the arguments. Throws `no-match` and `usage`. */
function findAll(entries: Entries, names: readonly string[], archiveName: string): EntryRef[] {
  const exact = findMembers(entries, names.map(byName));
  const members: EntryRef[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const member = exact.get(byName(name));
    if (member !== undefined) {
      members.push(member);
      continue;
    }
    const matching = findMatching(entries, name);
    if (matching.length === 0) missing.push(`'${name}'`);
    // Push one by one: the number of arguments of a call is limited.
    for (const one of matching) members.push(one);
  }
  if (missing.length > 0) {
    throw new ZnipError('no-match', `'${archiveName}' has no file ${missing.join(', ')}`);
  }
  return members;
}

/** The files that match a pattern. The name of a directory is an error, even if no member has exactly that name. */
function findMatching(entries: Entries, pattern: string): EntryRef[] {
  const selection = compileSelection([pattern]);
  const below = `${byName(pattern)}/`;
  const members = new Map<ByteString, EntryRef>();
  for (const ref of entries) {
    const path = ref.batch.path(ref.row);
    if (!selection.matches(toText(path))) continue;
    if (path.startsWith(below) || below === '/') {
      throw new ZnipError('usage', `'${pattern}' is a directory: expected a file`, { member: pattern });
    }
    const kind = ref.batch.kinds[ref.row];
    // A later file with the same name replaces an earlier one, at the place of the earlier one.
    if (kind === KIND.file || kind === KIND.hardlink) members.set(path, ref);
  }
  return [...members.values()];
}

function refuseBinary(piece: Uint8Array, { batch, row }: EntryRef): void {
  if (!piece.subarray(0, BINARY_PROBE).includes(0)) return;
  const member = toText(batch.path(row));
  throw new ZnipError(
    'usage',
    `member '${member}' is binary, it has NUL bytes, and is not written to a terminal: use a file, a pipe, or --force`,
    { member },
  );
}

/** An argument in the form of a member's name. */
function byName(argument: string): ByteString {
  return fromText(memberName(argument));
}
