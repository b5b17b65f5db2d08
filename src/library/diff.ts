/**
 * How a directory, or another archive, differs from an archive: the library's `diff`.
 */
import { statSync } from 'node:fs';
import { diff as diffIndexed, type Difference, type DiffOptions as RunOptions } from '../diff/diff.ts';
import { diffArchives } from '../diff/diff-archives.ts';
import { Archive, indexedOf, open } from './archive.ts';
import type { Source } from './source.ts';
import { Events, type TaskOptions, type ZnipEvent } from './task.ts';

/** For `diff`. */
export interface DiffOptions extends TaskOptions, Pick<RunOptions, 'stripComponents' | 'mtime'> {
  /** Called with a `warning` event for what cannot be read or compared. */
  onEvent?: ((event: ZnipEvent) => void) | undefined;
}

/**
 * How `other` differs from an archive, sorted by the bytes of the paths. `other` is a directory, or another archive: open,
 * or the name of its file. Contents are compared with the hashes in the index; no blob is read. Of two archives, only the
 * indexes are read. An open archive stays open.
 *
 * Throws `ZnipError`: what `open` throws; `usage` if `other` is neither, or if it is not clear where in a directory the
 * members belong; `damaged-sub-index`; and the reason of the signal.
 *
 * @example
 * for await (const { path, change } of diff('release.znip', 'dist')) console.log(change, path);
 */
export async function* diff(
  archive: Archive | Source,
  other: Archive | string,
  options: DiffOptions = {},
): AsyncGenerator<Difference, void> {
  const { onEvent, ...rest } = options;
  const { signal } = options;
  const events = new Events(onEvent);
  const opened = archive instanceof Archive ? archive : await open(archive, { signal });
  try {
    const indexed = indexedOf(opened).until(signal);
    if (typeof other !== 'string') {
      yield* diffArchives(indexed, indexedOf(other).until(signal), options);
    } else if (statSync(other, { throwIfNoEntry: false })?.isFile() === true) {
      const after = await open(other, { signal });
      try {
        yield* diffArchives(indexed, indexedOf(after).until(signal), options);
      } finally {
        await after.close();
      }
    } else {
      yield* diffIndexed(indexed, other, {
        ...rest,
        onWarning: (warning) => events.tell({ type: 'warning', ...warning }),
      });
    }
  } finally {
    if (opened !== archive) await opened.close();
  }
}
