#!/usr/bin/env node
/**
 * Makes tables and plots of results that were written before, without measuring anything.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { markdownOf, writePlots } from './outputs.js';
import { chaptersOf, formatConditions } from './result.js';
import { formatText } from './sections.js';
import { runMain } from './workspace.js';

/**
 * @typedef {import('./result.js').Result} Result
 */

const HELP = `Make tables and plots of what the benchmarks wrote with --json.

  node bench/render.js result.json
  node bench/render.js result.json startup.json --into docs/performance.md
  node bench/render.js result.json --svg docs/performance.svg

Usage: node bench/render.js [options] FILE...

  --into FILE   put the tables into this document, each between the lines
                <!-- begin of NAME --> and <!-- end of NAME -->, where NAME is
                the directory's, 'startup' or 'incompressible'
  --svg FILE    draw speed against size; of several directories, each its own
                FILE-NAME.svg
  --help

Without them, the tables are printed.
`;

/**
 * @param {string} document
 * @param {string} key
 * @param {string} text
 * @returns {string} throws when it has no place for it
 */
function insert(document, key, text) {
  const begin = `<!-- begin of ${key} -->\n`;
  const end = `<!-- end of ${key} -->\n`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the document has no lines ${begin.trim()} and ${end.trim()}`);
  return `${document.slice(0, from + begin.length)}\n${text}\n${document.slice(to)}`;
}

await runMain(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      into: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help || positionals.length === 0) {
    (values.help ? console.log : console.error)(HELP.trimEnd());
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const { into, svg } = values;
  for (const path of positionals) {
    const result = /** @type {Result} */ (JSON.parse(readFileSync(path, 'utf8')));
    if (svg !== undefined && result.benchmark === 'compare') await writePlots(result, svg);
    if (into !== undefined) {
      const texts = await markdownOf(result);
      const document = texts.reduce(
        (text, chapter) => insert(text, chapter.key, chapter.text),
        readFileSync(into, 'utf8'),
      );
      writeFileSync(into, document);
    }
    if (svg === undefined && into === undefined) {
      console.log(formatConditions(result).join('\n'));
      for (const chapter of chaptersOf(result)) console.log(`\n${formatText(chapter)}\n`);
    }
  }
});
