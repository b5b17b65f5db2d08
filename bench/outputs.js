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
  if (svg !== undefined) await writePlots(result, svg);
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
 * One plot for each corpus; where there are more, its name goes before the extension.
 *
 * @param {Result} result
 * @param {string} file
 */
export async function writePlots(result, file) {
  if (result.benchmark !== 'compare') throw new Error(`--svg: ${result.benchmark} has nothing to plot`);
  // Loaded late: it is large, and only needed here.
  const { plotSvg } = await import('./plot.js');
  const { corpora, machine } = result;
  for (const corpus of corpora) {
    const name = basename(corpus.directory);
    const path = corpora.length === 1 ? file : file.replace(/(\.svg)?$/, `-${name}.svg`);
    const title = `Packing ${name}: speed against size`;
    writeFileSync(path, plotSvg(corpus, { title, machine: formatMachine(machine) }));
  }
}
