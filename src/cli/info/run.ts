/**
 * `znip info`.
 */
import type { GroupSummary } from '../../archive/archive.ts';
import { type ArchiveInfo, readInfo, type SectionInfo } from '../../archive/info.ts';
import { openIndexed } from '../args/open-indexed.ts';
import type { Context } from '../ui/context.ts';
import { base64Of, formatBytes, formatCount, formatPercent, printable } from '../ui/text.ts';

export interface InfoCommandOptions {
  root?: boolean;
  contentRoot?: boolean;
  verbose?: boolean;
}

/** How many groups and sections people see if they have not asked for all. */
const SHOWN_ROWS = 20;

export async function runInfo(
  { streams, reporter }: Context,
  path: string,
  options: InfoCommandOptions,
): Promise<void> {
  const archive = await openIndexed(path, 'info');
  try {
    if (options.root === true) {
      streams.write(`${archive.rootHash}\n`);
      return;
    }
    if (options.contentRoot === true) {
      const { contentRootOf } = await import('../../archive/content-root.ts');
      streams.write(`${await contentRootOf(await archive.entries())}\n`);
      return;
    }
    const info = await readInfo(archive);
    reporter.print(
      () => ({
        archive: path,
        ...info,
        groups: info.groups.map(withBase64),
        sections: info.sections.map(withBase64),
      }),
      () => describe(path, info, options.verbose === true ? Infinity : SHOWN_ROWS),
    );
  } finally {
    archive.close();
  }
}

/** A repo that is not UTF-8 is given in a form that programs can read. */
function withBase64({ repoBytes, ...rest }: GroupSummary | SectionInfo): object {
  return repoBytes === undefined ? rest : { ...rest, repoBytes: base64Of(repoBytes) };
}

function describe(path: string, info: ArchiveInfo, shownRows: number): string {
  const { kinds, blobs, contentBytes, archiveBytes, indexBytes, chunkSize } = info;
  const ratio = contentBytes > 0 ? `, ${formatPercent(archiveBytes, contentBytes)} of the content` : '';
  const stored =
    blobs.stored > 0 ? `; ${formatCount(blobs.stored)} stored as they are, ${size(blobs.storedBytes)}` : '';
  const facts: [string, string][] = [
    ['archive', path],
    ['format', info.formatVersion],
    ['root hash', info.rootHash],
    ['producer', info.producer ?? 'not recorded'],
    ['codec', info.codec ?? 'not recorded'],
    ['level', info.level === null ? 'not recorded' : String(info.level)],
    ['chunk size', chunkSize === null ? 'not recorded' : size(chunkSize)],
    ['members', formatCount(info.members)],
    ['  files', formatCount(kinds.file)],
    ['  directories', formatCount(kinds.directory)],
    ['  symlinks', formatCount(kinds.symlink)],
    ['  hard links', formatCount(kinds.hardlink)],
    ['content', size(contentBytes)],
    ['tar stream', size(info.streamBytes)],
    ['archive size', `${size(archiveBytes)}${ratio}`],
    ['blobs', `${formatCount(blobs.count)}, ${size(blobs.bytes)}${stored}`],
    ['index', `${size(indexBytes)}, ${formatPercent(indexBytes, archiveBytes)} of the archive`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`);
  const groups = info.groups.map((group) => [
    printable(group.packageType),
    group.repo === '' ? '-' : printable(group.repo),
    formatCount(group.members),
    formatBytes(group.contentBytes),
    formatBytes(group.indexBytes),
  ]);
  const sections = info.sections.map(
    ({ section, offset, length, rows, groups: shared, packageType, repo }) => [
      section,
      formatCount(offset),
      formatCount(length),
      section === 'footer' ? '-' : formatCount(rows),
      shared > 1
        ? `${formatCount(shared)} groups`
        : printable(repo === '' ? packageType : `${packageType} ${repo}`),
    ],
  );
  lines.push('', 'Groups', ...table(['type', 'repo', 'members', 'content', 'index'], groups, 2, shownRows));
  lines.push('', 'Index', ...table(['section', 'offset', 'length', 'rows', 'group'], sections, 1, shownRows));
  return `${lines.join('\n')}\n`;
}

/** A size both rounded and exact: `1.46 GiB (1,567,311,872 bytes)`. */
function size(bytes: number): string {
  return bytes < 1024 ? formatBytes(bytes) : `${formatBytes(bytes)} (${formatCount(bytes)} bytes)`;
}

/** Rows in columns: the first `texts` are aligned to the left, numbers to the right, and a last text stays as it is. */
function table(head: string[], rows: string[][], texts: number, shownRows: number): string[] {
  const shown = rows.length > shownRows ? rows.slice(0, shownRows) : rows;
  const all = [head, ...shown];
  const widths = head.map((_, column) =>
    all.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const lines = all.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        const isText = column < texts || head[column] === 'group';
        return isText ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  const hidden = rows.length - shown.length;
  if (hidden > 0) lines.push(`and ${formatCount(hidden)} more: -v shows them`);
  return lines.map((line) => `  ${line}`);
}
