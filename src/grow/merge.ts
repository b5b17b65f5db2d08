/**
 * Makes one archive of several, without compressing anew what goes in as it is: the library's `merge`.
 */
import { inspectChunk } from '../blocks/inspect-chunk.ts';
import { ChunkReader } from '../archive/member-reader.ts';
import { codec } from '../codec/codec.ts';
import { ZnipError } from '../errors.ts';
import { paddedLength, tarHeaderLength } from '../format/tar/tar-header.ts';
import { TarReader } from '../format/tar/tar-reader.ts';
import { KIND } from '../format/values/entry.ts';
import type { PackResult } from '../pack/run.ts';
import { Turns } from '../threads/turns.ts';
import { type ConflictPolicy, resolveConflicts } from './conflicts.ts';
import { type GrowOptions, writeGrown } from './grow.ts';
import { GrowSource, memberOf } from './grow-source.ts';
import { remakeLostLinks } from './lost-links.ts';

export interface MergeOptions extends GrowOptions {
  /**
   * What happens if two archives have different members of a name. `error` (the default) throws `conflict`; otherwise the
   * `first` archive with the name counts, or the `last`. The same member twice, and directories, are no conflict.
   */
  onConflict?: ConflictPolicy | undefined;
}

/**
 * Merges the archives of these files, in this order. Groups stay. Blocks all of whose members go in are copied as they are,
 * after the hash of each was checked. A hard link to a member that does not go in becomes a file.
 *
 * Throws ZnipError: `usage` if there are none, `conflict`, and what opening and reading an archive throws.
 */
export async function merge(paths: readonly string[], options: MergeOptions): Promise<PackResult> {
  const { signal } = options;
  if (paths.length === 0) throw new ZnipError('usage', 'no archives to merge');
  const sources: GrowSource[] = [];
  try {
    for (const path of paths) sources.push(await GrowSource.open(path, signal));
    await resolveConflicts(sources, options.onConflict ?? 'error', signal);
    for (const source of sources) remakeLostLinks(source);
    for (const source of sources.slice(0, -1)) await refuseGlobalHeaders(source, signal);
    return await writeGrown(sources, options, false);
  } finally {
    for (const source of sources) source.close();
  }
}

/**
 * A global header of a tar stream counts for all members behind it, so an archive that has one can only be the last. Only
 * streams of others have them: those have headers that znip does not write.
 */
async function refuseGlobalHeaders(source: GrowSource, signal: AbortSignal | undefined): Promise<void> {
  if (await hasOwnHeaders(source, signal)) return;
  const chunks = new ChunkReader(source.archive, source.frames);
  const reader = new TarReader();
  let start = 0;
  for (const [number, { streamOffset, streamLength }] of source.frames.entries()) {
    signal?.throwIfAborted();
    if (start < streamLength) {
      const chunk = Buffer.from((await chunks.read(number)).buffer);
      const { unfinished, hasGlobals } = inspectChunk(chunk, start, streamOffset, reader, codec());
      if (hasGlobals) {
        throw new ZnipError(
          'usage',
          `'${source.name}' holds a tar stream with a global header, which would count for the members behind it: name it last, or unpack and pack it`,
          { path: source.name },
        );
      }
      start = unfinished === null ? 0 : paddedLength(unfinished.size - unfinished.done);
    } else start -= streamLength;
  }
}

/** Whether the headers of all members are those that znip writes, so that there is nothing between them. */
async function hasOwnHeaders(
  { entries, frames }: GrowSource,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const turns = new Turns(signal, 64);
  let end = 0;
  for (let position = 0; position < entries.length; position++) {
    if (turns.isDue()) await turns.take();
    const ref = entries.at(position);
    const member = memberOf(ref);
    const start = ref.batch.streamOffsets[ref.row] ?? 0;
    if (start !== end + tarHeaderLength(member)) return false;
    end = start + (member.kind === KIND.file ? paddedLength(member.size) : 0);
  }
  return end === (frames.at(-1)?.streamOffset ?? 0);
}
