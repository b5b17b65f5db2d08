/**
 * Compares the index at the end of a stream with the members that were unpacked from it.
 */
import type { Archive } from '../archive/archive.ts';
import {
  readRest,
  TailSource,
  checkArrivedFrames,
  refuseStrayFrames,
  openTail,
  cutBehindFooter,
  tarLengthOf,
} from '../archive/arrived-index.ts';
import type { Entries, EntryRef } from '../archive/entries.ts';
import { differences } from '../archive/entry-differences.ts';
import { hardLinkMeanings, streamOffset } from '../archive/link-meanings.ts';
import type { ArrivedBlock } from '../blocks/block-stream.ts';
import { core } from '../core/core.ts';
import { toZnipError, ZnipError } from '../errors.ts';
import type { EntryBatch } from '../format/tables/sub-index.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { equalBytes } from '../format/values/bytes.ts';
import { type Group, KIND } from '../format/values/entry.ts';
import { startsAsArchive } from '../format/zstd/marks.ts';
import type { ByteStream } from '../io/byte-stream.ts';
import { Turns } from '../threads/turns.ts';
import { type ArrivedMember, type ArrivedMembers, briefly } from './arrived-members.ts';

/**
 * Entries of a batch that agree with the members that arrived, one after the other: rows `from` to `to`. The first is row
 * `arrived` of the members.
 */
export interface AgreedRun {
  batch: EntryBatch;
  group: Group;
  from: number;
  to: number;
  arrived: number;
  /** All of them are files and directories without special bits, and have the names by which they arrived. */
  isPlain: boolean;
}

/** How many rows to handle before looking at the clock again. */
const ROWS = 64;
/** How many rows the core compares in one call. */
const CORE_ROWS = 65_536;

export interface IndexCheck {
  stream: ByteStream;
  blocks: readonly ArrivedBlock[];
  arrived: ArrivedMembers;
  isWanted: (path: ByteString, kind: number, streamOffset: number) => boolean;
  /** `isWanted` is true of everything. */
  wantsAll: boolean;
  /**
   * What to do about a fault of the index. By default, it ends the check. `ref` is the entry that the fault is about.
   * With this option, the whole parts of the index are used even if another part is damaged.
   */
  onFault?: (error: ZnipError, ref: EntryRef | undefined) => void;
  signal: AbortSignal | undefined;
}

/**
 * Reads the rest of the stream, which is the index, and compares. Returns what agrees: about this the index may know more,
 * times with nanoseconds and recorded owners. Throws `truncated` or `damaged-…` if the index itself is not whole, `inconsistent`
 * if it does not agree.
 */
export async function checkAgainstIndex(check: IndexCheck): Promise<AgreedRun[]> {
  const { blocks, arrived, onFault, signal } = check;
  const fault = (error: ZnipError, ref?: EntryRef): void => {
    if (onFault === undefined) throw error;
    onFault(error, ref);
  };
  const attempt = async (work: () => void | Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      fault(toZnipError(error));
    }
  };
  const { source, archive } = await openIndex(check);
  await attempt(async () => checkArrivedFrames(blocks, await archive.frames()));
  let isWhole = true;
  const entries = await archive.entries({ signal }, (error) => {
    fault(error);
    isWhole = false;
  });
  const { agreed, compared } = await compareEntries(entries, check, fault);
  if (onFault !== undefined) checkLinks(entries, arrived, fault);
  if (compared !== arrived.size && isWhole) {
    fault(new ZnipError('inconsistent', `the tar stream has ${arrived.size} members, the index ${compared}`));
  }
  await attempt(() => refuseStrayFrames(source));
  return agreed;
}

/** Opens the index, which is the rest of a stream. With `onFault`, bytes that follow it are reported and left out. */
async function openIndex({
  stream,
  blocks,
  onFault,
}: IndexCheck): Promise<{ source: TailSource; archive: Archive }> {
  const start = stream.position;
  const tail = await readRest(stream, tarLengthOf(blocks));
  const own = onFault === undefined ? tail : cutBehindFooter(tail, start);
  if (own.byteLength < tail.byteLength)
    onFault?.(somethingBehind(stream.name, tail, own.byteLength, start), undefined);
  const source = new TailSource(stream.name, start, own);
  return { source, archive: await openTail(source) };
}

/** Compares each entry with the member that arrived at its place. Both come in the order of the tar stream. */
async function compareEntries(
  entries: Entries,
  { arrived, isWanted, wantsAll, signal }: IndexCheck,
  fault: (error: ZnipError, ref: EntryRef) => void,
): Promise<{ agreed: AgreedRun[]; compared: number }> {
  const agreed: AgreedRun[] = [];
  const elsewhere = new Elsewhere(arrived);
  const turns = new Turns(signal, ROWS);
  const columns = arrived.columns();
  const native = wantsAll && columns !== undefined ? core() : undefined;
  let compared = 0;
  let next = 0;
  const compareOne = (ref: EntryRef): void => {
    const { batch, row } = ref;
    const offset = streamOffset(ref);
    if (!isWanted(batch.path(row), batch.kinds[row] ?? 0, offset)) return;
    while (next < arrived.size && arrived.streamOffset(next) < offset) next += 1;
    if (next === arrived.size || arrived.streamOffset(next) !== offset) {
      fault(elsewhere.missing(ref), ref);
      return;
    }
    const at = next++;
    compared += 1;
    const error = disagreement(ref, arrived.member(at));
    if (error !== undefined) fault(error, ref);
    else agreed.push({ batch, group: ref.group, from: row, to: row + 1, arrived: at, isPlain: false });
  };
  for (const { batch, group, from, to } of entries.runs()) {
    const plain = native === undefined ? undefined : batch.plain;
    for (let row = from; row < to; row++) {
      if (native !== undefined && plain !== undefined && columns !== undefined) {
        // Whatever it does not agree with is looked at once more, and said in words.
        const count = native.agreeing(plain, row, Math.min(to, row + CORE_ROWS), columns, next);
        if (count > 0)
          agreed.push({ batch, group, from: row, to: row + count, arrived: next, isPlain: true });
        next += count;
        compared += count;
        row += count;
        if (row === to) break;
      }
      if (turns.isDue()) await turns.take();
      compareOne({ batch, row, group });
    }
  }
  return { agreed, compared };
}

const WORDS = {
  path: 'name',
  kind: 'kind',
  size: 'size',
  mode: 'mode',
  linkTarget: 'link target',
  mtime: 'time',
  xattrs: 'set of extended attributes',
} as const;

/** How the index contradicts the member that arrived; undefined if they agree. */
function disagreement(ref: EntryRef, arrived: ArrivedMember): ZnipError | undefined {
  const { batch, row } = ref;
  const member = batch.member(row);
  const [property] = differences({ ...member, xattrs: briefly(member.xattrs) }, arrived);
  if (property !== undefined) {
    const found = property === 'path' ? `, '${toText(arrived.path)}'` : '';
    return disagree(ref, `its ${WORDS[property]} differs${found}`);
  }
  const name = toText(member.path);
  const checksum = batch.checksum(row);
  const found = arrived.checksum;
  if (batch.kinds[row] !== KIND.file || checksum === null || found === null) return undefined;
  if (equalBytes(checksum, found)) return undefined;
  return new ZnipError(
    'damaged-member',
    `member '${name}' is damaged: its content does not have the hash of the index`,
    { member: name },
  );
}

function disagree({ batch, row }: EntryRef, why: string): ZnipError {
  const member = toText(batch.path(row));
  return new ZnipError('inconsistent', `index and tar stream disagree about member '${member}': ${why}`, {
    member,
  });
}

/** Finds hard links whose file did not arrive: another member may have its name, with another content. */
function checkLinks(
  entries: Entries,
  arrived: ArrivedMembers,
  fault: (error: ZnipError, ref: EntryRef) => void,
): void {
  const meanings = hardLinkMeanings(entries);
  for (const ref of entries) {
    const meant = ref.batch.kinds[ref.row] === KIND.hardlink ? meanings.of(ref) : undefined;
    if (meant === undefined || arrived.rowAt(streamOffset(meant)) !== undefined) continue;
    const row = arrived.rowAt(streamOffset(ref));
    // If a later member has the link's name, it does not matter what the link meant.
    if (row !== undefined && arrived.nameOf(row) === undefined) continue;
    const member = toText(ref.batch.path(ref.row));
    const target = toText(ref.batch.linkTarget(ref.row));
    const why = `member '${member}' is a hard link to '${target}', which is lost`;
    fault(new ZnipError('damaged-member', why, { member }), ref);
  }
}

/** The error for bytes that follow an archive: they are not unpacked, and it is not known what they are. */
function somethingBehind(name: string, tail: Buffer, length: number, start: number): ZnipError {
  const offset = start + length;
  const left = tail.subarray(length);
  const what = startsAsArchive(left) ? 'what begins as another archive' : 'something else';
  return new ZnipError(
    'damaged-footer',
    `${name}: the archive ends at byte ${offset}, and ${left.byteLength} bytes of ${what} follow, which are left out: cut them off with tail -c +${offset + 1} to read them by themselves`,
    { offset },
  );
}

/** For entries with no member at their place: says whether the member arrived at another place. */
class Elsewhere {
  private readonly arrived: ArrivedMembers;
  /** Made when it is first needed, which is almost never. */
  private paths: ReadonlySet<ByteString> | undefined;

  constructor(arrived: ArrivedMembers) {
    this.arrived = arrived;
  }

  missing(ref: EntryRef): ZnipError {
    this.paths ??= new Set(this.arrived.allPaths());
    const path = ref.batch.path(ref.row);
    return disagree(
      ref,
      this.paths.has(path) ? 'its place differs' : 'it is in the index but not in the tar stream',
    );
  }
}
