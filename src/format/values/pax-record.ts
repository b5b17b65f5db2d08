/**
 * Records of a pax header. POSIX.1-2017, pax, "pax Extended Header".
 */
import type { ByteString } from './byte-string.ts';

/** One record, `length keyword=value\n`; the length includes its own digits. */
export function paxRecord(keyword: ByteString, value: ByteString): ByteString {
  const rest = keyword.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length + rest !== length) length += 1;
  return `${length} ${keyword}=${value}\n`;
}
