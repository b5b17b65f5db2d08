/**
 * Trees of files to measure on: what one holds, and made ones of any size.
 */
import { lstatSync, mkdirSync, opendirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

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

/** What a member is to have to be the small one that is read alone. */
const SMALL = { from: 1, to: 64 << 10 };
const RANGE_LENGTH = 64 << 10;
/** Names that are no pattern to any program. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/**
 * @typedef {object} Selection members to read alone, by their names in an archive of the tree
 * @property {string} [small] a file of 1 byte to 64 KiB from the middle of the tree
 * @property {string} [large] the largest file
 * @property {{ start: number, length: number }} range in the middle of the largest file
 */

/**
 * The middle is that of an archive made in the order of the directories, as tar makes it: whoever has to read from the
 * start finds the small file after half the content.
 *
 * @param {string} root
 * @returns {Selection}
 */
export function selectMembers(root) {
  const files = [...plainFiles(root, basename(root))];
  const half = files.reduce((sum, { size }) => sum + size, 0) / 2;
  /** @type {Selection} */
  const selection = { range: { start: 0, length: 0 } };
  let largest = 0;
  let passed = 0;
  for (const { name, size } of files) {
    const isSmall = size >= SMALL.from && size <= SMALL.to;
    // The last one before the middle, if there is one.
    if (isSmall && (passed < half || selection.small === undefined)) selection.small = name;
    passed += size;
    if (size <= largest) continue;
    largest = size;
    const length = Math.min(RANGE_LENGTH, size);
    selection.large = name;
    selection.range = { start: Math.floor((size - length) / 2), length };
  }
  return selection;
}

/**
 * @param {string} directory
 * @param {string} name of the directory in an archive
 * @returns {Generator<{ name: string, size: number }>} regular files, in the order of the directories
 */
function* plainFiles(directory, name) {
  const handle = opendirSync(directory);
  try {
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      const path = join(directory, entry.name);
      const member = `${name}/${entry.name}`;
      if (entry.isDirectory()) yield* plainFiles(path, member);
      else if (entry.isFile() && PLAIN.test(member)) yield { name: member, size: lstatSync(path).size };
    }
  } finally {
    handle.closeSync();
  }
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
