// Runs library operations again and again and prints what they leave: node --expose-gc leaks.js COUNT
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  mkdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArchive, pack, readMember, unpack, unpackStream } from '../../dist/internal.js';

const rounds = Math.ceil(Number(process.argv[2]) / 10);
const directory = mkdtempSync(join(tmpdir(), 'znip-leaks-'));
const at = (name) => join(directory, name);
mkdirSync(at('tree'));
for (let i = 0; i < 40; i++) writeFileSync(at(`tree/${i}`), Buffer.alloc(30_000, i));
const controller = new AbortController();
const { signal } = controller;
const options = { directory, threads: 1, signal };
await pack(['tree'], { ...options, output: at('whole.znip') });
writeFileSync(at('cut.znip'), readFileSync(at('whole.znip')).subarray(0, 3000));

async function fails(work) {
  try {
    await work();
  } catch (error) {
    if (error.code === undefined) throw error;
    return;
  }
  throw new Error('expected a failure');
}

async function fromDescriptor(name, target) {
  const fd = openSync(at(name), 'r');
  try {
    await unpackStream(fd, { directory: target, threads: 1, signal });
  } finally {
    closeSync(fd);
  }
}

/** Ten operations, five of which fail. Every eighth round uses threads. */
async function round(number) {
  const threads = number % 8 === 0 ? 2 : 1;
  const large = { ...options, threads, chunkSize: 65536 };
  await pack(['tree'], { ...large, output: at('out.znip') });
  await fails(() => pack(['missing'], { ...large, output: at('out.znip') }));
  await fails(() => pack(['tree'], { ...large, output: at('no/such/place') }));
  await fails(() => pack(['tree'], { ...large, output: openFull() }));
  const archive = await openArchive(at('whole.znip'));
  for await (const piece of readMember(archive, 'tree/7')) if (piece.length === 0) throw new Error('empty');
  await unpack(archive, { ...options, directory: at('target') });
  archive.close();
  await fails(() => openArchive(at('cut.znip')));
  rmSync(at('target'), { recursive: true });
  await fromDescriptor('whole.znip', at('target'));
  await fails(() => fromDescriptor('whole.znip', at('target')));
  await fails(() => fromDescriptor('cut.znip', at('other')));
  rmSync(at('target'), { recursive: true });
  rmSync(at('other'), { recursive: true, force: true });
  closeSync(full);
}

let full;
/** A device on which nothing can be written. */
function openFull() {
  full = openSync('/dev/full', 'w');
  return full;
}

function measure() {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    heap: heapUsed,
    buffers: external + arrayBuffers,
    rss,
    files: readdirSync(directory).sort().join(' '),
  };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 200));
for (let i = 0; i < 16; i++) await round(i);
await settle();
const before = measure();
for (let i = 0; i < rounds; i++) await round(i);
await settle();
const after = measure();
rmSync(directory, { recursive: true, force: true });
process.stdout.write(JSON.stringify({ operations: rounds * 10, before, after }));
