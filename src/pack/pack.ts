/**
 * Packs trees into an archive: the library's `pack`.
 */
import { ZnipError } from '../errors.ts';
import { paddedLength, tarHeaderLength } from '../format/tar/tar-header.ts';
import { toText } from '../format/values/byte-string.ts';
import { TAR_END_LENGTH } from '../format/values/constants.ts';
import { planChunks } from './plan/plan.ts';
import { type ArchiveOptions, type Input, type InputContext, type PackResult, writeArchive } from './run.ts';
import { findMembers, type InputOptions, type PackPath, rootsOf, type NamedFile } from './walk/inputs.ts';
import { type MemberRun, MemberSource, type SourceMember } from './walk/source-member.ts';
import { SpecialContents } from './walk/special-contents.ts';

export interface PackOptions extends InputOptions, ArchiveOptions {}

export type PackInput = PackPath | NamedFile;

/** Members in order, with the walk ahead of them, so that the chunk size can follow from the total. */
class FoundMembers extends MemberSource {
  private readonly found: MemberSource;
  private readonly context: InputContext;
  private readonly onMember: PackOptions['onMember'];
  private readonly ahead: (SourceMember | MemberRun)[] = [];
  /** The first of `ahead` that has not been given. */
  private given = 0;

  constructor(found: MemberSource, context: InputContext, onMember: PackOptions['onMember']) {
    super();
    this.found = found;
    this.context = context;
    this.onMember = onMember;
  }

  /** Bytes of tar stream; at least `enough` if the walk has not ended then. */
  lookAhead(enough: number): number {
    let total = TAR_END_LENGTH;
    while (total < enough) {
      const run = this.findRun();
      const member = run ?? this.find();
      if (member === undefined) break;
      this.ahead.push(member);
      total += run === undefined ? streamLength(member as SourceMember) : run.streamLength;
    }
    return total;
  }

  next(): SourceMember | undefined {
    const ahead = this.ahead[this.given];
    if (ahead === undefined) return this.find();
    this.given += 1;
    return ahead as SourceMember;
  }

  override takeRun(): MemberRun | undefined {
    const ahead = this.ahead[this.given];
    if (ahead === undefined) {
      // They are not kept until the walk ends.
      this.ahead.length = 0;
      this.given = 0;
      return this.findRun();
    }
    if (!('listing' in ahead)) return undefined;
    this.given += 1;
    return ahead;
  }

  close(): void {
    this.found.close();
  }

  private findRun(): MemberRun | undefined {
    const run = this.found.takeRun();
    if (run !== undefined) {
      this.context.onFound(run.to - run.from, run.contentBytes);
    }
    return run;
  }

  private find(): SourceMember | undefined {
    const member = this.found.next();
    if (member === undefined) this.context.onAllFound();
    else {
      this.context.onFound(1, member.size);
      this.onMember?.(toText(member.path));
    }
    return member;
  }
}

/** Counted once more when the chunks are cut: until the walk is this far ahead, nobody knows how long they will be. */
function streamLength(member: SourceMember): number {
  return tarHeaderLength(member) + paddedLength(member.size);
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
  if (options.trustMtime === true && options.mtime !== undefined) {
    throw new ZnipError(
      'usage',
      '`trustMtime` compares the times of files with those in the base, which has one time for all: pack without it',
    );
  }
  const special = options.readSpecial === true ? new SpecialContents() : undefined;
  let found: FoundMembers | undefined;
  const input = (named: Iterable<PackInput>, context: InputContext): Input => {
    const { own, enough, groups, onWarning } = context;
    // With a word about attributes, those that are not recorded are not missed.
    const onAttributes = options.xattrs === undefined ? context.onAttributes : undefined;
    const members = new FoundMembers(
      findMembers(named, options, {
        own,
        special,
        runs: options.onMember === undefined,
        onWarning,
        onAttributes,
      }),
      context,
      options.onMember,
    );
    found = members;
    return {
      total: members.lookAhead(enough),
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
    found?.close();
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
