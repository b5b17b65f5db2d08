/**
 * `znip ls`.
 */
import { ZnipError } from '../../errors.ts';
import { toBytes, toText } from '../../format/byte-string.ts';
import { KINDS } from '../../format/entry.ts';
import { openArchive } from '../../read/archive.ts';
import type { Entries, EntryRef } from '../../read/entries.ts';
import { describeEntry } from '../../read/list.ts';
import { defined } from '../defined.ts';
import { isTerminal, STDOUT, writeOutput } from '../standard-streams.ts';
import { formatMode, formatTime, printable } from '../text.ts';

export interface LsCommandOptions {
  long?: boolean;
  null?: boolean;
  json?: boolean;
  type?: string[];
  repo?: string[];
}

/** Output is written in pieces of about this many characters. */
const PIECE = 256 * 1024;

export async function runLs(path: string, options: LsCommandOptions): Promise<void> {
  const archive = await openArchive(path);
  try {
    const entries = await archive.entries(defined({ packageTypes: options.type, repos: options.repo }));
    if (options.json === true) writeLines(entries, (ref) => `${entryJson(ref)}\n`, 'utf8');
    else if (options.long === true) writeLines(entries, longLine(entries), 'utf8');
    else writeNames(entries, options.null === true);
    if (entries.length === 0 && (options.type !== undefined || options.repo !== undefined)) {
      throw new ZnipError('no-match', `no members of that type or repo in '${path}'`);
    }
  } finally {
    archive.close();
  }
}

function writeLines(entries: Entries, line: (ref: EntryRef) => string, encoding: 'utf8' | 'latin1'): void {
  let piece = '';
  for (const ref of entries) {
    piece += line(ref);
    if (piece.length < PIECE) continue;
    writeOutput(Buffer.from(piece, encoding));
    piece = '';
  }
  if (piece !== '') writeOutput(Buffer.from(piece, encoding));
}

/** Names as their bytes, for other programs; as printable text on a terminal. */
function writeNames(entries: Entries, nul: boolean): void {
  if (!nul && isTerminal(STDOUT)) {
    writeLines(entries, ({ batch, row }) => `${printable(toText(batch.path(row)))}\n`, 'utf8');
    return;
  }
  const end = nul ? '\0' : '\n';
  writeLines(entries, ({ batch, row }) => batch.path(row) + end, 'latin1');
}

function longLine(entries: Entries): (ref: EntryRef) => string {
  let width = 1;
  for (const { batch, row } of entries) width = Math.max(width, String(batch.sizes[row] ?? 0).length);
  return ({ batch, row }) => {
    const kind = KINDS[batch.kinds[row] ?? 0] ?? 'file';
    const mode = formatMode(kind, batch.modes[row] ?? 0);
    const size = String(batch.sizes[row] ?? 0).padStart(width);
    const target = toText(batch.linkTarget(row));
    const arrow =
      kind === 'symlink'
        ? ` -> ${printable(target)}`
        : kind === 'hardlink'
          ? ` link to ${printable(target)}`
          : '';
    return `${mode} ${size} ${formatTime(batch.mtimes[row] ?? 0n)} ${printable(toText(batch.path(row)))}${arrow}\n`;
  };
}

function entryJson(ref: EntryRef): string {
  const { mtime, mode, ...entry } = describeEntry(ref);
  const raw = ref.batch.path(ref.row);
  return JSON.stringify({
    ...entry,
    mode: mode.toString(8).padStart(4, '0'),
    // Nanoseconds do not fit a JSON number exactly.
    mtimeNs: String(mtime),
    ...(toText(raw).includes('\ufffd') ? { pathBase64: toBytes(raw).toString('base64') } : {}),
  });
}
