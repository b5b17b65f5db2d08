/**
 * What packing and unpacking consist of, each part alone on one thread, for bench/limits.js:
 * `parts.js TREE TAR TARGET`. Prints a line of JSON for each part, with the CPU time that it took.
 *
 * Files are read and created by the calls of Node.js: system time is the kernel's part, user time that of Node.js.
 */
import {
  closeSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const CORE = fileURLToPath(new URL('../../dist/core', import.meta.url));
const [binary = ''] = readdirSync(CORE);
const { compress, decompress, hash } = createRequire(import.meta.url)(join(CORE, binary));

const CHUNK = 16 * 1024 * 1024;
const COPIES = 64;
const [tree = '', tarFile = '', target = ''] = process.argv.slice(2);

/**
 * @template T
 * @param {string} part
 * @param {() => T} work
 * @param {(result: T) => number} bytesOf
 * @returns {T}
 */
function timed(part, work, bytesOf) {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  console.log(
    JSON.stringify({ part, userSeconds: user / 1e6, systemSeconds: system / 1e6, bytes: bytesOf(result) }),
  );
  return result;
}

/** Names below the tree, directories before what they hold. */
const entries = readdirSync(tree, { recursive: true, withFileTypes: true });
const pathOf = (/** @type {import('node:fs').Dirent} */ { parentPath, name }) =>
  relative(tree, join(parentPath, name));
const files = entries.filter((entry) => entry.isFile()).map(pathOf);
const directories = entries.filter((entry) => entry.isDirectory()).map(pathOf);

/** @param {string} path */
function readFile(path) {
  const fd = openSync(path, 'r');
  try {
    const content = Buffer.allocUnsafeSlow(fstatSync(fd).size);
    readSync(fd, content);
    return content;
  } finally {
    closeSync(fd);
  }
}

/** @param {string} path */
function readChunks(path) {
  const fd = openSync(path, 'r');
  try {
    return Array.from({ length: Math.ceil(fstatSync(fd).size / CHUNK) }, () => {
      const chunk = Buffer.allocUnsafeSlow(CHUNK);
      return chunk.subarray(0, readSync(fd, chunk));
    });
  } finally {
    closeSync(fd);
  }
}

/** @param {readonly Uint8Array[]} pieces */
const total = (pieces) => pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);

const contents = timed(
  'open, read and close files',
  () => files.map((path) => readFile(join(tree, path))),
  total,
);
timed(
  'BLAKE3 of every content',
  () => contents.forEach((content) => hash(content)),
  () => total(contents),
);

const chunks = readChunks(tarFile);
timed(
  'BLAKE3 of every chunk',
  () => chunks.forEach((chunk) => hash(chunk)),
  () => total(chunks),
);

const output = Buffer.alloc(CHUNK + CHUNK / 128);
const frames = timed(
  'zstd, compression',
  // Level, window and table as pack has them.
  () => chunks.map((chunk) => Buffer.from(output.subarray(0, compress(chunk, output, 3, 24, 15, false)))),
  () => total(chunks),
);
timed(
  'zstd, decompression',
  () => frames.forEach((frame) => decompress(frame, output)),
  () => total(chunks),
);

timed(
  'create, write and close files',
  () => {
    for (const directory of directories) mkdirSync(join(target, directory));
    for (const [index, path] of files.entries()) {
      const fd = openSync(join(target, path), 'wx');
      writeSync(fd, /** @type {Buffer} */ (contents[index]));
      futimesSync(fd, 0, 1e9);
      closeSync(fd);
    }
  },
  () => total(contents),
);

const copy = Buffer.alloc(CHUNK, 1);
timed(
  'copy memory',
  () => {
    for (let i = 0; i < COPIES; i += 1) output.set(copy);
  },
  () => COPIES * CHUNK,
);
