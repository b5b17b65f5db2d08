/**
 * `znip ls`.
 */
import { tellRemarks } from '../../archive/remarks.ts';
import { ZnipError } from '../../errors.ts';
import { defined } from '../args/defined.ts';
import { openIndexed } from '../args/open-indexed.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';
import type { Reporter } from '../ui/reporter.ts';
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
  { streams, reporter, outcome }: Context,
  path: string,
  patterns: readonly string[],
  options: LsCommandOptions,
): Promise<void> {
  const format = formatOf(options);
  if (format === 'arrow') {
    streams.refuseTerminal('an Arrow table', options.force === true, 'a file, a pipe, or --force');
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
      for await (const bytes of encodeEntryStream(listing, archive.manifest.metadata)) streams.write(bytes);
    } else if (format === 'tree') {
      const { writeTree } = await import('./tree.ts');
      writeTree(streams, listing);
    } else if (format === 'long') writeLong(streams, listing, options.bytes === true);
    else if (format === 'json') writeJson(streams, listing);
    else if (format === 'csv') writeCsv(streams, listing);
    else writeNames(streams, listing, options.null === true);
    if (options.total === true) tellTotal(reporter, listing, options.bytes === true);
    if (options.type === undefined && options.repo === undefined) {
      // Members of the tar stream that are not in the index cannot be listed, so they are named in warnings.
      await tellRemarks(archive, { patterns, about: ['absent'] }, (member, reason) => {
        reporter.warn(member, reason);
        outcome.atLeast(EXIT.incomplete);
      });
    }
    for (const pattern of unmatched) reporter.unmatched(pattern, `'${path}'`);
    if (unmatched.length > 0) outcome.atLeast(EXIT.incomplete);
  } finally {
    archive.close();
  }
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

function tellTotal(reporter: Reporter, listing: Listing, exactBytes: boolean): void {
  let contentBytes = 0;
  for (const { batch, row } of listing) contentBytes += batch.sizes[row] ?? 0;
  const size = exactBytes ? `${formatCount(contentBytes)} B` : formatBytes(contentBytes);
  const { length: members } = listing;
  reporter.found('total', { members, contentBytes }, [`${countOf(members, 'member')}, ${size}`]);
}
