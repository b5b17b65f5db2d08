// Starts the program and its threads: loads their bundles from compiled code, so that V8 need not parse and compile them at
// every start, and without asking the file system where each one is. The compiled code fits only the version of Node.js that
// it was made with; V8 checks that, and any other version compiles as usual. `build.js` copies this file to dist/ and runs it
// there, to make it.
'use strict';
const { openSync, readFileSync, readSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const { Script } = require('node:vm');

const BEFORE = '(function (exports, require, module, __filename, __dirname) {';

/** The length of an index, the index (where the code of each bundle is), and the code. */
const CACHE = path.join(__dirname, `compiled-${process.version}-${process.arch}.cache`);

/** Which of its codes is taken of each bundle: V8 refuses what was compiled with other flags, and the program sets some. */
let flags = 0;

/** No code was compiled with the flags of this run. */
const NO_FLAGS = -1;

/** Bundles in a row whose code V8 refused. */
let refused = 0;

/** The compiled code of a bundle; undefined if there is none. */
const cachedCode = (() => {
  let cache;
  const read = (from, to) => {
    const bytes = Buffer.allocUnsafeSlow(to - from);
    return readSync(cache, bytes, 0, to - from, from) === to - from ? bytes : undefined;
  };
  let places;
  return (name) => {
    if (places === undefined) {
      places = {};
      try {
        cache = openSync(CACHE);
        const end = 4 + read(0, 4).readUInt32LE();
        places = JSON.parse(read(4, end));
      } catch {
        // It was not built with this version.
      }
    }
    const place = places[name]?.[flags];
    return place === undefined ? undefined : read(place[0], place[1]);
  };
})();

/** Scripts and modules of this thread, by name. */
const scripts = new Map();
const modules = new Map();

function compile(name) {
  const filename = path.join(__dirname, name);
  const source = `${BEFORE}${readFileSync(filename, 'utf8')}\n})`;
  const options = { filename, columnOffset: -BEFORE.length };
  const script = new Script(source, { ...options, cachedData: cachedCode(name) });
  if (script.cachedDataRejected) {
    // V8 has compiled it all the same. The flags have changed since the last one; or others were given to Node.js, and
    // nothing fits.
    flags = ++refused === 2 ? NO_FLAGS : 1 - flags;
  } else {
    refused = 0;
  }
  scripts.set(name, script);
  return script;
}

/** require(), for bundles: they name each other by `./` and a name, and all others by a name alone. */
function load(specifier) {
  if (!specifier.startsWith('./')) return require(specifier);
  const name = specifier.slice(2);
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module = { exports: {} };
  modules.set(name, module);
  try {
    const main = compile(name).runInThisContext();
    main(module.exports, load, module, path.join(__dirname, name), __dirname);
  } catch (error) {
    // As require() does it: whoever asks again gets no half of it.
    modules.delete(name);
    throw error;
  }
  return module.exports;
}

exports.load = (name) => load(`./${name}`);

/** The cache of these bundles. */
function encode(codes) {
  const indexOf = (start) => {
    let at = start;
    const places = codes.map(([name, both]) => [name, both.map((code) => [at, (at += code.byteLength)])]);
    return JSON.stringify(Object.fromEntries(places)).padEnd(INDEX_LENGTH - 4);
  };
  const length = Buffer.alloc(4);
  length.writeUInt32LE(INDEX_LENGTH - 4);
  return Buffer.concat([length, Buffer.from(indexOf(INDEX_LENGTH)), ...codes.flatMap(([, both]) => both)]);
}

/** Room for the index, before the code. */
const INDEX_LENGTH = 16 * 1024;

/** Runs commands, so that what they use is compiled, and keeps what was compiled. */
async function make() {
  const { mkdtempSync, readdirSync, rmSync } = require('node:fs');
  const { tmpdir } = require('node:os');
  const scratch = mkdtempSync(path.join(tmpdir(), 'znip-build-'));
  const archive = path.join(scratch, 'archive.znip');
  const v8 = require('node:v8');
  const { setFlagsFromString } = v8;
  // Flags that the program sets, see src/cli/process/engine.ts: at once, they would make everything the code of these flags.
  const later = new Set();
  v8.setFlagsFromString = (flag) => later.add(flag);
  const exit = process.exit.bind(process);
  try {
    for (const command of [
      ['pack', '-q', '-C', __dirname, 'start.cjs', '-o', archive],
      ['ls', archive],
      ['cat', archive, 'start.cjs'],
      ['unpack', '-q', archive, '-C', path.join(scratch, 'unpacked')],
    ]) {
      process.argv = [process.execPath, 'znip', ...command];
      const status = await new Promise((resolve) => {
        process.exit = resolve;
        modules.delete('cli.main.cjs');
        load('./cli.main.cjs');
      });
      process.removeAllListeners('beforeExit');
      if (status !== 0) throw new Error(`znip ${command.join(' ')}: status ${status}`);
    }
    // Of what has not run, the code at its top level.
    for (const name of readdirSync(__dirname)) {
      if (/^chunk-.*\.cjs$|\.main\.cjs$/.test(name) && !scripts.has(name)) compile(name);
    }
    const codes = [...scripts].map(([name, script]) => [name, [script.createCachedData()]]);
    for (const flag of later) setFlagsFromString(flag);
    for (const [name, both] of codes) both.push(scripts.get(name).createCachedData());
    writeFileSync(CACHE, encode(codes));
  } finally {
    rmSync(scratch, { recursive: true });
  }
  exit(0);
}

if (require.main === module) void make();
