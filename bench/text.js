/**
 * Numbers, tables and commands as people read them, for the benchmarks and the scripts.
 */

/**
 * Binary units and three digits, as znip prints them.
 *
 * @param {number} bytes
 * @returns {string}
 */
export function formatBytes(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** @param {number} peakBytes 0 where it is unknown */
export function formatMemory(peakBytes) {
  return peakBytes === 0 ? 'unknown' : formatBytes(peakBytes);
}

/** @param {number} seconds */
export function formatSeconds(seconds) {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  return `${seconds.toFixed(seconds < 100 ? 2 : 0)} s`;
}

/** @param {number} count */
export function formatCount(count) {
  return count.toLocaleString('en-US');
}

/**
 * @param {import('./statistics.js').Spread | undefined} spread of ratios
 * @returns {string} `median (least–most)`
 */
export function formatSpread(spread) {
  if (spread === undefined) return '';
  const { median, min, max } = spread;
  return min === max
    ? formatRatio(median)
    : `${formatRatio(median)} (${formatRatio(min)}–${formatRatio(max)})`;
}

/** @param {number} ratio */
function formatRatio(ratio) {
  return ratio.toFixed(ratio < 0.1 ? 3 : 2);
}

/**
 * A table for a terminal and for Markdown, laid out as prettier leaves it: the first column to the left, the others
 * to the right.
 *
 * @param {readonly (readonly string[])[]} rows the first one is the header
 * @returns {string}
 */
export function formatTable(rows) {
  const [header = [], ...body] = rows;
  const widths = header.map((_, column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [header, rule, ...body]
    .map((row) =>
      widths.map((width, column) =>
        column === 0 ? (row[0] ?? '').padEnd(width) : (row[column] ?? '').padStart(width),
      ),
    )
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/**
 * Words as one line for a POSIX shell.
 *
 * @param {readonly string[]} argv
 * @returns {string}
 */
export function shellCommand(argv) {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ');
}

/**
 * @param {string} option
 * @param {string} value what was given for it
 * @returns {number} throws unless it is a whole number from 1
 */
export function positiveNumber(option, value) {
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new Error(`${option} ${value}: not a positive number`);
}
