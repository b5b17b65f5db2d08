/**
 * `znip ls`.
 */
import type { Archive } from '../../archive/archive.ts';
import { tellRemarks } from '../../archive/remarks.ts';
import { ZnipError } from '../../errors.ts';
import { defined } from '../args/defined.ts';
import { openIndexed } from '../args/open-indexed.ts';
import { EXIT } from '../process/exit-status.ts';
import { refuseTerminal, STDOUT, writeMessage, writeOutput } from '../process/standard-streams.ts';
import { speaksJson, writeEvent, writeUnmatched, writeWarning } from '../ui/messages.ts';
import { countOf, formatBytes, formatCount } from '../ui/text.ts';
import { writeCsv, writeJson, writeLong, writeNames } from './lines.ts';
import { type Listing, matchEntries, type SortKey, sortEntries } from './listing.ts';

type Format = 'names' | 'long' | 'json' | 'csv' | 'arrow' | 'tree';

export interface LsCommandOptions {
  long?: boolean;
  json?: boolean;
  tree?: boolean;
  format?: Exclude<Format, 'tree'>;
  bytes?: boolean;
  null?: boolean;
  sort?: SortKey;
  reverse?: boolean;
  total?: boolean;
  force?: boolean;
  type?: string[];
  repo?: string[];
}

export async function runLs(
  path: string,
  patterns: readonly string[],
  options: LsCommandOptions,
): Promise<void> {
  const format = formatOf(options);
  if (format === 'arrow') {
    refuseTerminal(STDOUT, 'an Arrow table', options.force === true, 'a file, a pipe, or --force');
  }
  const archive = await openIndexed(path, 'ls');
  try {
    const entries = await archive.entries(defined({ packageTypes: options.type, repos: options.repo }));
    if (entries.length === 0 && (options.type !== undefined || options.repo !== undefined)) {
      throw new ZnipError(
        'no-match',
        `no members of that type or repo in '${path}': info shows which there are`,
      );
    }
    const { listing: matching, unmatched } = await matchEntries(entries, patterns, path);
    const listing = sortEntries(matching, options.sort ?? 'none', options.reverse === true);
    if (format === 'arrow') {
      const { encodeEntryStream } = await import('../../archive/entry-stream.ts');
      for await (const bytes of encodeEntryStream(listing, archive.manifest.metadata)) writeOutput(bytes);
    } else if (format === 'tree') {
      const { writeTree } = await import('./tree.ts');
      writeTree(listing);
    } else if (format === 'long') writeLong(listing, options.bytes === true);
    else if (format === 'json') writeJson(listing);
    else if (format === 'csv') writeCsv(listing);
    else writeNames(listing, options.null === true);
    if (options.total === true) writeTotal(listing, options.bytes === true);
    if (options.type === undefined && options.repo === undefined) await tellAbsent(archive, patterns);
    for (const pattern of unmatched) writeUnmatched(pattern, `'${path}'`);
    if (unmatched.length > 0) process.exitCode = EXIT.incomplete;
  } finally {
    archive.close();
  }
}

/** Members of the tar stream that are in no index cannot be listed; they are named instead. */
async function tellAbsent(archive: Archive, patterns: readonly string[]): Promise<void> {
  await tellRemarks(archive, { patterns, about: ['absent'] }, (member, reason) => {
    writeWarning(member, reason);
    process.exitCode = EXIT.incomplete;
  });
}

/** The one format that was asked for. */
function formatOf({ long, json, tree, format, null: nul }: LsCommandOptions): Format {
  const asked = new Map<Format, string>();
  if (format !== undefined) asked.set(format, `--format ${format}`);
  if (long === true) asked.set('long', '-l');
  if (json === true) asked.set('json', '--json');
  if (tree === true) asked.set('tree', '--tree');
  if (nul === true && !asked.has('names')) asked.set('names', '-0');
  if (asked.size > 1) {
    throw new ZnipError('usage', `${[...asked.values()].join(' and ')} exclude each other: choose one`);
  }
  return [...asked.keys()][0] ?? 'names';
}

function writeTotal(listing: Listing, exactBytes: boolean): void {
  let contentBytes = 0;
  for (const { batch, row } of listing) contentBytes += batch.sizes[row] ?? 0;
  if (speaksJson()) {
    writeEvent('total', { members: listing.length, contentBytes });
    return;
  }
  const size = exactBytes ? `${formatCount(contentBytes)} B` : formatBytes(contentBytes);
  writeMessage(`${countOf(listing.length, 'member')}, ${size}`);
}
