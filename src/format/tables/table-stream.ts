/**
 * Tables for other programs: an Arrow IPC stream of several record batches, made batch by batch, so that
 * a table of any length takes the memory of one batch. Like the archive's own tables it is written
 * without Arrow's buffer compression.
 */
import { type Column, encodeDictionaries, encodeRecordBatch, encodeSchema, END } from './arrow-messages.ts';

/**
 * Yields the bytes of an Arrow IPC stream with one record batch for each item of `batches`. All of them
 * have the same columns, and dictionaries; there must be at least one batch, which may have no rows.
 */
export function* encodeTableStream(
  batches: Iterable<readonly Column[]>,
  metadata: ReadonlyMap<string, string>,
): Generator<Uint8Array, void, undefined> {
  let isFirst = true;
  for (const columns of batches) {
    if (isFirst) yield Buffer.concat([...encodeSchema(columns, metadata), ...encodeDictionaries(columns)]);
    isFirst = false;
    yield Buffer.concat(encodeRecordBatch(columns));
  }
  yield END;
}
