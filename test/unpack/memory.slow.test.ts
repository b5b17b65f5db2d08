/**
 * Memory is what the reader decides: archives and streams that say how much they are going to be, in every
 * place where one can, cost no more than one that is honest. Peaks of real processes, by index and from a pipe.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { ZNIP } from '../support/run.ts';
import { paxRecords, tarMember, tarStream } from '../support/tar.ts';
import { temporaryDirectory } from '../support/tree.ts';

const scratch = temporaryDirectory();
const MIB = 1024 * 1024;

/** Beyond what an honest archive takes: threads that load, a few buffers. Lies are of 128 MiB to 2^64 bytes. */
const ALLOWANCE = 64 * MIB;

/** The main thread writes down its process's peak when it ends. */
const probe = join(scratch, 'peak.mjs');
writeFileSync(
  probe,
  `import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
const peak = () => writeFileSync(process.env.PEAK_FILE, String(process.resourceUsage().maxRSS * 1024));
if (isMainThread) process.on('exit', peak);\n`,
);

interface Run {
  status: number | null;
  stderr: string;
  /** Bytes. */
  peak: number;
}

let runs = 0;

/** Runs znip; what it reads comes from the file, or from the pieces through a pipe for as long as it takes them. */
async function measure(args: readonly string[], pieces?: Iterable<Uint8Array>): Promise<Run> {
  const number = runs++;
  const peakFile = join(scratch, `peak-${number}`);
  const child = spawn(
    process.execPath,
    ['--import', pathToFileURL(probe).href, ZNIP, ...args, '-q', '-C', join(scratch, `target-${number}`)],
    {
      env: { ...process.env, PEAK_FILE: peakFile },
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: 50_000,
      killSignal: 'SIGKILL',
    },
  );
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // It stops reading where it refuses what comes.
  child.stdin.on('error', () => {});
  const ended = once(child, 'close') as Promise<[number | null]>;
  for (const piece of pieces ?? []) {
    if (child.stdin.destroyed) break;
    if (!child.stdin.write(piece)) await Promise.race([once(child.stdin, 'drain').catch(() => {}), ended]);
  }
  child.stdin.end();
  const [status] = await ended;
  return { status, stderr, peak: Number(readFileSync(peakFile, 'utf8')) };
}

const fixture = (name: string): string => `fixtures/${name}.znip`;
const byIndex = (name: string): Promise<Run> => measure(['unpack', fixture(name)]);
const fromPipe = (name: string): Promise<Run> => measure(['unpack', '-'], [readFileSync(fixture(name))]);

/** What tells a size, and the archives that lie there. */
const LIES: Record<string, string[]> = {
  footer: ['damaged-footer.manifest-length-endless'],
  manifest: [
    'damaged-manifest.manifest-much',
    'damaged-manifest.manifest-rows-2-31',
    'limit.manifest-row-count-huge',
    'inconsistent.manifest-frames-row-count-huge',
  ],
  'sub-index': [
    'damaged-sub-index.members-much',
    'damaged-sub-index.members-bomb',
    'damaged-sub-index.members-rows-2-31',
    'damaged-sub-index.members-dictionary-huge',
    'damaged-sub-index.entries-size-endless',
  ],
  'frame table': [
    'damaged-frame-table.frames-much',
    'inconsistent.frames-length-huge',
    'damaged-frame-table.frames-table-length-endless',
  ],
  'block header': ['damaged-block.block-chunk-length-128-mib', 'damaged-block.block-path-length-huge'],
  'zstd frame': [
    'damaged-block.blob-bomb',
    'damaged-block.blob-run-bomb',
    'damaged-block.blob-window-4-tib',
    'damaged-block.blob-declares-endless',
  ],
  'tar header': ['damaged-block.tar-size-base-256-huge', 'inconsistent.tar-size-huge'],
};

/** A zstd frame header: a window of 3.75 TiB, then a run of 128 KiB, again and again. */
function* hugeWindow(): Generator<Buffer> {
  yield Buffer.from('28b52ffd00ff', 'hex');
  for (;;) yield Buffer.alloc(64 * 1024, Buffer.from('0200106100000000', 'hex'));
}

function* endless(start: Buffer, piece: Buffer): Generator<Buffer> {
  yield start;
  for (;;) yield piece;
}

const long = (typeFlag: string): Generator<Buffer> =>
  endless(tarMember({ name: 'x', typeFlag, size: 0o77777777777 }), Buffer.alloc(64 * 1024, 'a'));

describe('sizes that are not so', () => {
  let honest = { index: 0, pipe: 0 };
  beforeAll(async () => {
    const [index, pipe] = await Promise.all([byIndex('valid/plain'), fromPipe('valid/plain')]);
    expect([index.status, pipe.status]).toEqual([0, 0]);
    honest = { index: index.peak, pipe: pipe.peak };
  });

  test.each(Object.entries(LIES))('in a %s cost no memory, by index and from a pipe', async (_, names) => {
    const expected = JSON.parse(readFileSync('fixtures/fixtures.json', 'utf8')) as {
      damaged: { file: string; codes: Record<string, string> }[];
    };
    for (const name of names) {
      const codes = expected.damaged.find(({ file }) => file === `damaged/${name}.znip`)?.codes;
      const [index, pipe] = await Promise.all([byIndex(`damaged/${name}`), fromPipe(`damaged/${name}`)]);
      // By the index, nobody looks at what only stands in block headers and tar headers.
      expect({ name, status: index.status }).toEqual({
        name,
        status: codes?.['index'] === undefined ? 0 : 4,
      });
      expect({ name, status: pipe.status }).toEqual({ name, status: 4 });
      expect(index.peak - honest.index, `${name}, by index`).toBeLessThan(ALLOWANCE);
      expect(pipe.peak - honest.pipe, `${name}, from a pipe`).toBeLessThan(ALLOWANCE);
    }
  });

  test.each<[string, () => Iterable<Buffer>]>([
    ['a zstd frame with a window of terabytes', hugeWindow],
    ['a pax header of 8 GiB', () => long('x')],
    ['a GNU long name of 8 GiB', () => long('L')],
    [
      'pax headers one after the other',
      () =>
        endless(
          Buffer.alloc(0),
          tarMember({ name: 'x', typeFlag: 'x', content: paxRecords({ comment: 'c' }) }),
        ),
    ],
    ['a sparse file whose map does not end', () => endless(Buffer.alloc(0), sparseMap())],
  ])('%s, in a tar stream of others, costs no memory', async (_, pieces) => {
    const { status, stderr, peak } = await measure(['unpack', '-'], pieces());
    expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringMatching(/^znip: [^\n]+\n$/) });
    expect(peak - honest.pipe).toBeLessThan(ALLOWANCE);
  });

  test('an index that does not end is refused when it is longer than any', async () => {
    const archive = readFileSync(fixture('valid/plain'));
    const blocks = archive.subarray(0, archive.indexOf('ZNSI') - 8);
    // Skippable frames of others, which a reader has to pass over.
    const frame = Buffer.alloc(64 * 1024);
    frame.writeUInt32LE(0x184d2a50, 0);
    frame.writeUInt32LE(frame.length - 8, 4);
    const { status, stderr, peak } = await measure(['unpack', '-'], endless(blocks, frame));
    expect({ status, stderr }).toEqual({
      status: 4,
      stderr: expect.stringContaining('goes on for more than'),
    });
    // The 64 MiB that any index may have, and as much again while they are put together.
    expect(peak - honest.pipe).toBeLessThan(128 * MIB + ALLOWANCE);
  });
});

/** A record of a GNU sparse file, whose map goes on in the next. */
function sparseMap(): Buffer {
  const record = tarStream({ name: 'sparse', typeFlag: 'S' }).subarray(0, 512);
  record[482] = 1;
  record[504] = 1;
  let sum = 8 * 32;
  for (const [at, byte] of record.entries()) if (at < 148 || at >= 156) sum += byte;
  record.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return record;
}
