/**
 * What a benchmark has to say, as text for a terminal or as Markdown for a document: the same tables in both.
 */
import { formatTable } from './text.js';

/**
 * @typedef {object} Section
 * @property {string} title
 * @property {string[][]} rows the first one is the header
 * @property {string[]} notes sentences below the table
 *
 * @typedef {import('./result.js').Chapter} Chapter
 */

/**
 * @param {Chapter} chapter
 * @returns {string}
 */
export function formatText({ heading, sections, closing }) {
  const tables = sections.map(({ title, rows, notes }) => [title, formatTable(rows), ...notes].join('\n'));
  return [heading, ...tables, closing].filter((text) => text !== '').join('\n\n');
}

/**
 * @param {Chapter} chapter
 * @param {readonly string[]} conditions
 * @returns {string} with headings of the fourth level
 */
export function formatMarkdown({ heading, sections, closing }, conditions) {
  const tables = sections.flatMap(({ title, rows, notes }) => [
    `#### ${title}`,
    markdownTable(rows),
    ...notes,
  ]);
  const lines = [...conditions, closing].filter((line) => line !== '').map((line) => `- ${line}`);
  return `${[`${heading}.`, lines.join('\n'), ...tables].join('\n\n')}\n`;
}

/** @param {readonly string[][]} rows */
function markdownTable(rows) {
  const [header = [], ...body] = rows;
  const rule = header.map((_, column) => (column === 0 ? '---' : '---:'));
  return [header, rule, ...body]
    .map((row) => header.map((_, column) => (row[column] ?? '').replaceAll('|', String.raw`\|`)))
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
