/**
 * Entries as lines: names, the long form, JSON, CSV.
 */
import { Entries, type EntryRef } from '../../archive/entries.ts';
import { describeEntry } from '../../archive/list.ts';
import { toText } from '../../format/values/byte-string.ts';
import { floorSeconds, KIND, KINDS, NANOSECONDS } from '../../format/values/entry.ts';
import type { Xattrs } from '../../format/values/xattrs.ts';
import { defined } from '../args/defined.ts';
import type { Streams } from '../process/streams.ts';
import {
  base64Bytes,
  base64Of,
  formatBytes,
  formatMode,
  formatTime,
  jsonLine,
  printable,
} from '../ui/text.ts';
import type { Listing } from './listing.ts';

/** Output is written in pieces of about this many characters. */
const PIECE = 256 * 1024;

/** Writes a line for each entry, many at a time. `line` must end its lines itself. */
export function writeLines(
  streams: Streams,
  listing: Listing,
  line: (ref: EntryRef) => string,
  encoding: 'utf8' | 'latin1' = 'utf8',
  header = '',
): void {
  let piece = header;
  for (const ref of listing) {
    piece += line(ref);
    if (piece.length < PIECE) continue;
    streams.write(Buffer.from(piece, encoding));
    piece = '';
  }
  if (piece !== '') streams.write(Buffer.from(piece, encoding));
}

/** Names as their bytes, for other programs; as printable text on a terminal. */
export function writeNames(streams: Streams, listing: Listing, nul: boolean): void {
  if (!nul && streams.outputIsTerminal) {
    writeLines(streams, listing, ({ batch, row }) => `${printable(toText(batch.path(row)))}\n`);
    return;
  }
  const end = nul ? '\0' : '\n';
  if (listing instanceof Entries) writePaths(streams, listing, end.charCodeAt(0));
  else writeLines(streams, listing, ({ batch, row }) => batch.path(row) + end, 'latin1');
}

/** How many names are written at once. */
const PIECE_ROWS = 8192;

/** Writes the names of all entries, without making an object for each. */
function writePaths(streams: Streams, entries: Entries, end: number): void {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (const { batch, from, to } of entries.runs()) {
    for (let row = from; row < to; row += PIECE_ROWS) {
      const piece = batch.pathLines(row, Math.min(row + PIECE_ROWS, to), end);
      pieces.push(piece);
      length += piece.byteLength;
      if (length < PIECE) continue;
      streams.write(Buffer.concat(pieces.splice(0)));
      length = 0;
    }
  }
  if (length > 0) streams.write(Buffer.concat(pieces));
}

/** Mode, size, time, name. Only files have a size. */
export function writeLong(streams: Streams, listing: Listing, exactBytes: boolean): void {
  const sizeOf = ({ batch, row }: EntryRef): string => {
    if (batch.kinds[row] !== KIND.file) return '-';
    const size = batch.sizes[row] ?? 0;
    return exactBytes ? String(size) : formatBytes(size);
  };
  let width = 1;
  for (const ref of listing) width = Math.max(width, sizeOf(ref).length);
  writeLines(streams, listing, (ref) => {
    const { batch, row } = ref;
    const kind = KINDS[batch.kinds[row] ?? 0] ?? 'file';
    const mode = formatMode(kind, batch.modes[row] ?? 0);
    const size = sizeOf(ref).padStart(width);
    const target = kind === 'symlink' ? ' -> ' : kind === 'hardlink' ? ' link to ' : '';
    const link = target === '' ? '' : target + printable(toText(batch.linkTarget(row)));
    return `${mode} ${size} ${formatTime(batch.mtimes[row] ?? 0n)} ${printable(toText(batch.path(row)))}${link}\n`;
  });
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

export function writeJson(streams: Streams, listing: Listing): void {
  writeLines(streams, listing, (ref) => {
    const { mtime, mode, pathBytes, linkTargetBytes, xattrs, ...entry } = describeEntry(ref);
    return jsonLine({
      ...entry,
      mode: octal(mode),
      // A JSON number cannot hold nanoseconds exactly.
      mtimeNs: String(mtime),
      ...(ref.group.repoBytes === undefined ? {} : { repoBytes: base64Of(ref.group.repoBytes) }),
      ...defined({
        pathBytes: base64Bytes(pathBytes),
        linkTargetBytes: linkTargetBytes === null ? undefined : base64Bytes(linkTargetBytes),
        xattrs: xattrs === null ? undefined : base64Values(xattrs),
      }),
    });
  });
}

/** Names as text, and values in base64: they are bytes. */
function base64Values(xattrs: Xattrs): Record<string, string> {
  return Object.fromEntries(
    Array.from(xattrs, ([name, value]) => [toText(name), Buffer.from(value, 'latin1').toString('base64')]),
  );
}

const CSV_COLUMNS = [
  'path',
  'kind',
  'mode',
  'mtime',
  'size',
  'linkTarget',
  'uid',
  'gid',
  'checksum',
  'packageType',
  'repo',
  'changed',
  'pathBytes',
  'linkTargetBytes',
];

/** As in RFC 4180: fields with a comma, a quote or a line break are quoted, and lines end with CR LF. */
export function writeCsv(streams: Streams, listing: Listing): void {
  const terminal = streams.outputIsTerminal;
  const field = (value: string): string => {
    const text = terminal ? printable(value) : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const line = (ref: EntryRef): string => {
    const entry = describeEntry(ref);
    const fields = [
      entry.path,
      entry.kind,
      octal(entry.mode),
      isoTime(entry.mtime),
      entry.size,
      entry.linkTarget,
      entry.uid,
      entry.gid,
      entry.checksum,
      entry.packageType,
      entry.repo,
      entry.changed,
      base64Bytes(entry.pathBytes),
      entry.linkTargetBytes === null ? undefined : base64Bytes(entry.linkTargetBytes),
    ];
    return `${fields.map((value) => field(String(value ?? ''))).join(',')}\r\n`;
  };
  writeLines(streams, listing, line, 'utf8', `${CSV_COLUMNS.join(',')}\r\n`);
}

/** RFC 3339 with nanoseconds, UTC: `2024-02-29T12:34:56.123456789Z`. */
function isoTime(nanoseconds: bigint): string {
  const seconds = floorSeconds(nanoseconds);
  const fraction = nanoseconds - BigInt(seconds) * NANOSECONDS;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(fraction).padStart(9, '0')}Z`;
}
