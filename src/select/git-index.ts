/**
 * The names in a repository's index, which are the files that git tracks (gitformat-index(5), versions 2 to 4).
 */
import type { ByteString } from '../format/values/byte-string.ts';

/** Bytes of an entry before its hash; the flags follow the hash. */
const STAT_LENGTH = 40;
/** A flag that says: two more bytes of flags follow. */
const EXTENDED = 0x4000;

/**
 * The tracked names, relative to the work tree, and the directories that hold any, with a slash at the end. undefined
 * for an index that cannot be read by itself: another version, or a split or sparse one.
 */
export function parseGitIndex(index: Buffer, hashLength: number): Set<ByteString> | undefined {
  if (index.byteLength < 12 + hashLength || index.toString('latin1', 0, 4) !== 'DIRC') return undefined;
  const version = index.readUInt32BE(4);
  if (version < 2 || version > 4) return undefined;
  const names = new Set<ByteString>();
  const end = index.byteLength - hashLength;
  let at = 12;
  let before = '';
  for (let left = index.readUInt32BE(8); left > 0; left--) {
    const flags = at + STAT_LENGTH + hashLength;
    if (flags + 2 > end) return undefined;
    const isExtended = (index.readUInt16BE(flags) & EXTENDED) !== 0;
    let start = flags + (isExtended ? 4 : 2);
    let kept = '';
    if (version === 4) {
      const { value, next } = readOffset(index, start);
      if (value > before.length || next > end) return undefined;
      kept = before.slice(0, before.length - value);
      start = next;
    }
    const stop = index.indexOf(0, start);
    if (stop < 0 || stop >= end) return undefined;
    const name = kept + index.toString('latin1', start, stop);
    add(names, name);
    before = name;
    // Up to version 3, entries are padded with one to eight NULs to a multiple of eight bytes.
    at = version === 4 ? stop + 1 : at + ((stop - at + 8) & ~7);
  }
  return isWhole(index, at, end) ? names : undefined;
}

/** A variable-length offset, as in packs (gitformat-pack(5), OFS_DELTA). */
function readOffset(bytes: Buffer, at: number): { value: number; next: number } {
  let byte = bytes[at] ?? 0;
  let value = byte & 0x7f;
  let next = at + 1;
  while ((byte & 0x80) !== 0 && next < bytes.byteLength) {
    byte = bytes[next++] ?? 0;
    value = (value + 1) * 128 + (byte & 0x7f);
  }
  return { value, next };
}

function add(names: Set<ByteString>, name: ByteString): void {
  names.add(name);
  for (let slash = name.lastIndexOf('/'); slash > 0; slash = name.lastIndexOf('/', slash - 1)) {
    const directory = name.slice(0, slash + 1);
    if (names.has(directory)) break;
    names.add(directory);
  }
}

/** Whether no extension says that some names are elsewhere: `link` is a split index, `sdir` a sparse one. */
function isWhole(index: Buffer, start: number, end: number): boolean {
  for (let at = start; at + 8 <= end; at += 8 + index.readUInt32BE(at + 4)) {
    if (['link', 'sdir'].includes(index.toString('latin1', at, at + 4))) return false;
  }
  return true;
}
