/**
 * Packs trees into an archive: the library's `pack`.
 */
import { paddedLength, tarHeaderLength } from '../format/tar/tar-header.ts';
import { toText } from '../format/values/byte-string.ts';
import { TAR_END_LENGTH } from '../format/values/constants.ts';
import { planChunks } from './plan/plan.ts';
import { type ArchiveOptions, type Input, type InputContext, type PackResult, writeArchive } from './run.ts';
import { findMembers, type InputOptions, type PackPath, rootsOf, type NamedFile } from './walk/inputs.ts';
import type { SourceMember } from './walk/source-member.ts';
import { SpecialContents } from './walk/special-contents.ts';

export interface PackOptions extends InputOptions, ArchiveOptions {}

export type PackInput = PackPath | NamedFile;

/** Members that the walk is ahead by, so that the chunk size can follow from the total. */
interface Lookahead {
  /** All members; the first of them are already found. */
  members: Iterable<SourceMember>;
  /** Bytes of tar stream; at least `enough` if the walk has not ended. */
  total: number;
}

function lookAhead(found: Iterator<SourceMember>, enough: number): Lookahead {
  const first: SourceMember[] = [];
  let total = TAR_END_LENGTH;
  while (total < enough) {
    const { done, value } = found.next();
    if (done === true) return { members: first, total };
    first.push(value);
    total += tarHeaderLength(value) + paddedLength(value.size);
  }
  return { members: chain(first, found), total };
}

function* chain(
  first: SourceMember[],
  rest: Iterator<SourceMember>,
): Generator<SourceMember, void, undefined> {
  yield* first;
  // They are not kept until the walk ends.
  first.length = 0;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

/**
 * Packs `paths`, files or directories with all they hold, into an archive. No paths make an empty archive. Paths that
 * have to be waited for are asked for when the output is open.
 *
 * The archive gets its name only when it is complete and flushed. If anything fails, the old file stays. Inputs that
 * cannot be read are left out, reported by `onWarning`, and counted in the result. Throws ZnipError:
 * `source-unreadable` if a path does not exist, `usage` for an option out of range, `io` if the output cannot be
 * written.
 */
export async function pack(
  paths: Iterable<PackInput> | (() => Promise<PackInput[]>),
  options: PackOptions,
): Promise<PackResult> {
  const special = options.readSpecial === true ? new SpecialContents() : undefined;
  let found: Generator<SourceMember, void, undefined> | undefined;
  const input = (named: Iterable<PackInput>, context: InputContext): Input => {
    const { own, enough, groups, onWarning, onAttributes } = context;
    found = counted(
      findMembers(named, options, { own, special, onWarning, onAttributes }),
      context,
      options.onMember,
    );
    const { members, total } = lookAhead(found, enough);
    return {
      total,
      plans: (chunkSize) => planChunks(members, { chunkSize, ...groups, onWarning, onAttributes }),
    };
  };
  try {
    return await writeArchive(options, (context) => {
      // A walk that waits for nothing is not put off.
      if (typeof paths !== 'function' && special === undefined) return input(paths, context);
      return arrived(paths, special, options).then((named) => input(named, context));
    });
  } finally {
    // When the walk is no longer used, it closes its directories.
    found?.return();
    special?.close();
  }
}

/** The paths, with what is special among them read. */
async function arrived(
  paths: Iterable<PackInput> | (() => Promise<PackInput[]>),
  special: SpecialContents | undefined,
  options: PackOptions,
): Promise<PackInput[]> {
  const named =
    typeof paths === 'function' ? await paths() : typeof paths === 'string' ? [paths] : [...paths];
  await special?.read([...rootsOf(named, options)], options.dereference === true, options.signal);
  return named;
}

function* counted(
  found: Iterable<SourceMember>,
  { onFound, onAllFound }: InputContext,
  onMember: PackOptions['onMember'],
): Generator<SourceMember, void, undefined> {
  for (const member of found) {
    onFound(member.size);
    onMember?.(toText(member.path));
    yield member;
  }
  onAllFound();
}
