/**
 * Where the results of a benchmark go besides the terminal: the options that all of them share.
 */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { formatMachine } from './machine.js';
import { chaptersOf, formatConditions } from './result.js';
import { formatMarkdown } from './sections.js';

/**
 * @typedef {import('./result.js').Result} Result
 */

/**
 * @param {Result} result
 * @param {{ json?: string | undefined, markdown?: string | undefined, svg?: string | undefined }} files
 */
export async function writeOutputs(result, { json, markdown, svg }) {
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
  if (markdown !== undefined)
    writeFileSync(markdown, (await markdownOf(result)).map(({ text }) => text).join('\n'));
  if (svg === undefined) return;
  const isOne = result.benchmark === 'compare' && result.corpora.length === 1;
  await writePlots(result, (name) => (isOne ? svg : withName(svg, name)));
}

/**
 * @param {string} file
 * @param {string} name of a corpus, put before the extension
 */
export function withName(file, name) {
  return file.replace(/(\.svg)?$/, `-${name}.svg`);
}

/**
 * @param {Result} result
 * @returns {Promise<{ key: string, text: string }[]>} a text for each chapter, as prettier leaves it
 */
export async function markdownOf(result) {
  const prettier = await import('prettier');
  const conditions = formatConditions(result);
  return Promise.all(
    chaptersOf(result).map(async (chapter) => ({
      key: chapter.key,
      text: await prettier.format(formatMarkdown(chapter, conditions), { parser: 'markdown' }),
    })),
  );
}

/**
 * @param {Result} result
 * @param {(name: string) => string} pathOf where the plot of a corpus goes
 * @returns {Promise<{ key: string, title: string, path: string }[]>} one for each corpus
 */
export async function writePlots(result, pathOf) {
  if (result.benchmark !== 'compare') return [];
  // Loaded late: it is large, and only needed here.
  const { plotSvg } = await import('./plot.js');
  return result.corpora.map((corpus) => {
    const key = basename(corpus.directory);
    const path = pathOf(key);
    const title = `Packing ${key}: speed against size`;
    writeFileSync(path, plotSvg(corpus, { title, machine: formatMachine(result.machine) }));
    return { key, title, path };
  });
}
