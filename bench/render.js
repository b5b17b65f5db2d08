#!/usr/bin/env node
/**
 * Makes tables and plots of results that were written before, without measuring anything.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { markdownOf, withName, writePlots } from './outputs.js';
import { chaptersOf, formatConditions } from './result.js';
import { formatText } from './sections.js';
import { runMain } from './workspace.js';

/**
 * @typedef {import('./result.js').Result} Result
 */

const HELP = `Make tables and plots of what the benchmarks wrote with --json.

  node bench/render.js result.json
  node bench/render.js result.json startup.json --into docs/performance.md --svg docs/performance.svg

Usage: node bench/render.js [options] FILE...

  --into FILE   put the tables into this document, each between the lines
                <!-- begin of NAME --> and <!-- end of NAME -->, where NAME is
                the directory's, 'startup' or 'incompressible'
  --svg FILE    draw speed against size, each directory its own FILE-NAME.svg,
                and show it above its tables in the document
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

/**
 * @param {string} document
 * @param {Result} result
 * @param {Awaited<ReturnType<typeof writePlots>>} plots
 */
async function writeInto(document, result, plots) {
  let content = readFileSync(document, 'utf8');
  for (const { key, text } of await markdownOf(result)) {
    const plot = plots.find((candidate) => candidate.key === key);
    const image = plot && `![${plot.title}](${relative(dirname(document), plot.path)})\n\n`;
    content = insert(content, key, `${image ?? ''}${text}`);
  }
  writeFileSync(document, content);
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
    const plots = svg === undefined ? [] : await writePlots(result, (name) => withName(svg, name));
    if (into !== undefined) await writeInto(into, result, plots);
    if (svg === undefined && into === undefined) {
      console.log(formatConditions(result).join('\n'));
      for (const chapter of chaptersOf(result)) console.log(`\n${formatText(chapter)}\n`);
    }
  }
});
