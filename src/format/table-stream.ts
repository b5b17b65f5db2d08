/**
 * Tables for other programs: an Arrow IPC stream of several record batches, made batch by batch, so that
 * a table of any length takes the memory of one batch. Like the archive's own tables it is written
 * without Arrow's buffer compression.
 */
import { setImmediate } from 'node:timers/promises';
import {
  type Data,
  DataType,
  type Dictionary,
  Field,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  type Uint8,
  type Utf8,
  type Vector,
} from 'apache-arrow';
import type { Column } from './table-writer.ts';

/**
 * Yields the bytes of an Arrow IPC stream with one record batch for each item of `batches`. All of them
 * have the same columns; there must be at least one batch, which may have no rows.
 */
export async function* encodeTableStream(
  batches: Iterable<readonly Column[]>,
  metadata: ReadonlyMap<string, string>,
): AsyncGenerator<Uint8Array, void> {
  const writer = new RecordBatchStreamWriter();
  const pieces: Uint8Array[] = [];
  const collecting = collect(writer, pieces);
  let first: readonly Column[] | undefined;
  let schema: Schema | undefined;
  try {
    for (const columns of batches) {
      first ??= columns;
      schema ??= new Schema(
        columns.map(({ field }) => new Field(field.name, field.type as DataType, field.nullable)),
        new Map(metadata),
      );
      const children = columns.map(({ data }, i) => shareDictionary(data, first?.[i]?.data));
      const length = children[0]?.length ?? 0;
      const struct = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
      writer.write(new RecordBatch(schema, struct));
      // The collector runs in microtasks: by the next turn it has all that the batch came to.
      await setImmediate();
      yield Buffer.concat(pieces.splice(0));
    }
  } finally {
    writer.close();
  }
  await collecting;
  yield Buffer.concat(pieces);
}

async function collect(writer: RecordBatchStreamWriter, pieces: Uint8Array[]): Promise<void> {
  for await (const piece of writer) pieces.push(piece as Uint8Array);
}

/** A dictionary that is the same object in every batch is written once, not replaced by its equal. */
function shareDictionary(data: Data, first: Data | undefined): Data {
  const dictionary = first?.dictionary as Vector<Utf8> | undefined;
  if (!DataType.isDictionary(data.type) || dictionary === undefined) return data;
  const type = data.type as Dictionary<Utf8, Uint8>;
  const { length, nullCount, values } = data;
  return makeData({ type, length, nullCount, data: values as Uint8Array, dictionary }) as Data;
}
