/**
 * `znip cat`.
 */
import type { Entries, EntryRef } from '../../archive/entries.ts';
import { findContents, findMembers } from '../../archive/find-members.ts';
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

/** As grep and git tell binary content: a NUL byte this near to the start. */
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
    const entries = await archive.entries(
      {},
      keepGoing ? (error) => reportLost(context, null, error) : undefined,
    );
    // Everything is found before anything is written.
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

/** Damage, and the member that it costs. What came of it before, whole chunks, has been written. */
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
    // One by one: a call takes only so many arguments.
    for (const one of matching) members.push(one);
  }
  if (missing.length > 0) {
    throw new ZnipError('no-match', `'${archiveName}' has no file ${missing.join(', ')}`);
  }
  return members;
}

/** The files that a pattern means. The name of a directory is none, even where no member has it. */
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
    // A later file of the same name replaces an earlier one, in its place.
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

/** An argument as members are named. */
function byName(argument: string): ByteString {
  return fromText(memberName(argument));
}
