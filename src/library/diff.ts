/**
 * How a directory differs from an archive: the library's `diff`.
 */
import { diff as diffIndexed, type Difference, type DiffOptions as RunOptions } from '../diff/diff.ts';
import { Archive, indexedOf, open } from './archive.ts';
import type { Source } from './source.ts';
import { Events, type TaskOptions, type ZnipEvent } from './task.ts';

/** For `diff`. */
export interface DiffOptions extends TaskOptions, Pick<RunOptions, 'stripComponents' | 'mtime'> {
  /** Called with a `warning` event for what cannot be read or compared. */
  onEvent?: ((event: ZnipEvent) => void) | undefined;
}

/**
 * How `directory` differs from an archive, sorted by the bytes of the paths. Contents are compared with the hashes in
 * the index; no blob is read. An open archive stays open.
 *
 * Throws `ZnipError`: what `open` throws; `usage` if `directory` is not a directory, or if it is not clear where in it
 * the members belong; `damaged-sub-index`; and the reason of the signal.
 *
 * @example
 * for await (const { path, change } of diff('release.znip', 'dist')) console.log(change, path);
 */
export async function* diff(
  archive: Archive | Source,
  directory: string,
  options: DiffOptions = {},
): AsyncGenerator<Difference, void> {
  const { onEvent, ...rest } = options;
  const { signal } = options;
  const events = new Events(onEvent);
  const opened = archive instanceof Archive ? archive : await open(archive, { signal });
  try {
    yield* diffIndexed(indexedOf(opened).until(signal), directory, {
      ...rest,
      onWarning: (warning) => events.tell({ type: 'warning', ...warning }),
    });
  } finally {
    if (opened !== archive) await opened.close();
  }
}
