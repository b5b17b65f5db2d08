/**
 * Names that are not UTF-8 are in a table twice: as text for people to read, and as their bytes.
 * Implements docs/format.md, "Tables".
 */
import { fromText, isUtf8, toText, type ByteString } from '../values/byte-string.ts';
import type { BytesColumn } from './table-reader.ts';

/** A name as an Arrow Utf8 value: its bytes, with U+FFFD for those that are not UTF-8. */
export function displayBytes(name: ByteString): ByteString {
  return fromText(toText(name));
}

/** The same for any name, most of which are UTF-8. */
export function displayName(name: ByteString): ByteString {
  return isUtf8(name) ? name : displayBytes(name);
}

/** Why a text does not show the bytes beside it; undefined if it does, or if there are no bytes. */
export function differenceOf(
  name: string,
  row: number,
  text: BytesColumn,
  bytes: BytesColumn | undefined,
): string | undefined {
  if (bytes === undefined || bytes.isNull(row)) return undefined;
  const value = bytes.get(row);
  if (isUtf8(value)) return `has a '${name}_bytes' that is UTF-8, where '${name}' alone has a value`;
  if (!text.isNull(row) && text.text(row) === toText(value)) return undefined;
  return `has a '${name}' that is not how '${name}_bytes' is shown`;
}
