/**
 * Trees of files to measure on: what one holds, and made ones of any size.
 */
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** File systems allocate in pages of this many bytes. */
const PAGE = 4096;
const FAN_OUT = 100;

/**
 * @typedef {object} TreeSummary
 * @property {number} members the directory itself and all it holds
 * @property {number} bytes of content in regular files, hard links counted once
 * @property {number} allocatedBytes what a copy takes on disk, about
 */

/**
 * @param {string} root
 * @returns {TreeSummary}
 */
export function summarizeTree(root) {
  const summary = { members: 0, bytes: 0, allocatedBytes: 0 };
  /** @type {Set<string>} */
  const linked = new Set();
  const pending = [root];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stat = lstatSync(path);
    summary.members += 1;
    if (stat.isFile()) {
      const identity = `${stat.dev}:${stat.ino}`;
      if (stat.nlink > 1 && linked.has(identity)) continue;
      if (stat.nlink > 1) linked.add(identity);
      summary.bytes += stat.size;
      summary.allocatedBytes += Math.ceil(stat.size / PAGE) * PAGE;
    } else if (stat.isDirectory()) {
      summary.allocatedBytes += PAGE;
      for (const name of readdirSync(path)) pending.push(join(path, name));
    }
  }
  return summary;
}

/**
 * Makes `files` small files, at most 100 of them in a directory and 100 directories in a directory. Each
 * file's content is its own. The same arguments make the same tree.
 *
 * @param {string} root made by this function
 * @param {number} files
 * @param {number} size bytes of each file
 */
export function makeTree(root, files, size) {
  const filler = 'The quick brown fox jumps over the lazy dog. '.repeat(Math.ceil(size / 45));
  for (let first = 0; first < files; first += FAN_OUT) {
    const leaf = first / FAN_OUT;
    const directory = join(root, `d${twoDigits(leaf / FAN_OUT)}`, `d${twoDigits(leaf)}`);
    mkdirSync(directory, { recursive: true });
    for (let index = first; index < Math.min(first + FAN_OUT, files); index += 1) {
      const number = String((index * 2_654_435_761) % 4_294_967_296); // Knuth's multiplicative hash: no two alike
      writeFileSync(join(directory, `f${twoDigits(index)}.txt`), `${number} ${filler}`.slice(0, size));
    }
  }
}

/**
 * @param {number} value
 * @returns {string} its whole part, last two digits
 */
function twoDigits(value) {
  return String(Math.floor(value) % FAN_OUT).padStart(2, '0');
}
