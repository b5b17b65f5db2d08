/**
 * Extended attributes as an archive records them: the pax records that restore them, sorted by name. Implements
 * docs/format.md, "Extended attributes". GNU tar writes the same records.
 */
import { ATTRIBUTES, meaningOf } from './attributes.ts';
import { type ByteString, compareBytes } from './byte-string.ts';
import { paxRecord } from './pax-record.ts';

/** Values by name. */
export type Xattrs = ReadonlyMap<ByteString, ByteString>;

const PREFIX = 'SCHILY.xattr.';

/** The records; undefined for no attributes. */
export function encodeXattrs(xattrs: Xattrs): ByteString | undefined {
  if (xattrs.size === 0) return undefined;
  return [...xattrs]
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([name, value]) => paxRecord(`${PREFIX}${escaped(name)}`, value))
    .join('');
}

/** The attributes in such records; undefined if these are not exactly what `encodeXattrs` makes. */
export function decodeXattrs(records: ByteString): Xattrs | undefined {
  const xattrs = new Map<ByteString, ByteString>();
  for (let at = 0; at < records.length;) {
    const space = records.indexOf(' ', at);
    const equals = records.indexOf('=', space);
    const end = at + Number(records.slice(at, space));
    const keyword = records.slice(space + 1, equals);
    // The comparison at the end finds all that is wrong; this keeps the loop going forward.
    if (space < 0 || equals < 0 || !(end > equals + 1) || !keyword.startsWith(PREFIX)) return undefined;
    xattrs.set(unescaped(keyword.slice(PREFIX.length)), records.slice(equals + 1, end - 1));
    at = end;
  }
  return !xattrs.has('') && encodeXattrs(xattrs) === records ? xattrs : undefined;
}

/** What is lost without them, see ATTRIBUTES. Labels count here, because somebody had them recorded. */
export function meaningOfXattrs(xattrs: Xattrs): number {
  let meaning: number = ATTRIBUTES.none;
  for (const name of xattrs.keys()) meaning |= meaningOf(name) || ATTRIBUTES.plain;
  return meaning;
}

/** A keyword ends at its first `=`. */
function escaped(name: ByteString): ByteString {
  return name.replaceAll('%', '%25').replaceAll('=', '%3D');
}

/** As GNU tar reads it: no other escapes count. */
export function unescaped(name: ByteString): ByteString {
  return name.replaceAll('%3D', '=').replaceAll('%25', '%');
}
