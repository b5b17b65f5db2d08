/**
 * What goes in comes out: by znip, by GNU tar, by bsdtar, with every number of threads and both codecs.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openArchive, pack, unpack, type Warning } from 'znip/internal';
import { lacks, hasProgram, run, znip } from './support/run.ts';
import { describeTree, inSeconds, makeTree, microseconds, temporaryDirectory } from './support/tree.ts';

const directory = temporaryDirectory();
makeTree(join(directory, 'tree'));
const source = describeTree(join(directory, 'tree'));
const CHUNK = 65536;

async function packTree(
  output: string,
  options: { threads?: number; chunkSize?: number } = {},
): Promise<Warning[]> {
  const warnings: Warning[] = [];
  await pack(['tree'], {
    directory,
    output,
    chunkSize: CHUNK,
    ...options,
    onWarning: (w) => warnings.push(w),
  });
  return warnings;
}

const archive = join(directory, 'tree.znip');
expect(await packTree(archive)).toEqual([]);

describe('a tree with one of everything', () => {
  test.each([1, 2, 7])('comes back by its index with %i threads, to the nanosecond', async (threads) => {
    const target = join(directory, `by-index-${threads}`);
    const opened = await openArchive(archive);
    const result = await unpack(opened, { directory: target, threads });
    opened.close();
    expect(result.members).toBe(source.size + 1);
    expect(describeTree(join(target, 'tree'))).toEqual(source);
  });

  test.skipIf(lacks('zstd'))('comes back through GNU tar', () => {
    const target = join(directory, 'by-tar');
    mkdirSync(target);
    const { status, stderr } = run('tar', ['--zstd', '-xpf', archive, '-C', target]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(inSeconds(describeTree(join(target, 'tree')))).toEqual(inSeconds(source));
  });

  test.skipIf(lacks('zstd'))('is recognised by GNU tar without being told what it is', () => {
    expect(run('tar', ['-tf', archive]).status).toBe(0);
  });

  test.skipIf(!hasProgram('bsdtar'))('comes back through bsdtar', () => {
    const target = join(directory, 'by-bsdtar');
    mkdirSync(target);
    const { status, stderr } = run('bsdtar', ['-xpf', archive, '-C', target], { env: { LC_ALL: 'C' } });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(inSeconds(describeTree(join(target, 'tree')))).toEqual(inSeconds(source));
  });

  test.skipIf(lacks('zstd'))('is a valid zstd stream', () => {
    expect(run('zstd', ['-tq', archive]).status).toBe(0);
  });
});

describe('the same tree gives the same bytes', () => {
  const expected = readFileSync(archive);

  test.each([1, 2, 3, 7])('with %i threads', async (threads) => {
    const output = join(directory, `threads-${threads}.znip`);
    await packTree(output, { threads });
    expect(readFileSync(output).equals(expected)).toBe(true);
  });

  test('when the file system lists its names in another order', async () => {
    const copy = join(directory, 'reordered');
    mkdirSync(copy);
    // Created from a listing in reverse, on a file system that lists by creation or by hash.
    const listing = run(
      'sh',
      [
        '-c',
        'find tree -depth -print0 | sort -rz | tar -c --null --no-recursion -T - --format=posix -f ../o.tar'.replace(
          '../',
          '',
        ),
      ],
      { cwd: directory },
    );
    expect(listing.status).toBe(0);
    expect(run('tar', ['-xpf', 'o.tar', '-C', copy], { cwd: directory }).status).toBe(0);
    expect(describeTree(join(copy, 'tree'))).toEqual(source);
    const output = join(directory, 'reordered.znip');
    await pack(['tree'], { directory: copy, output, chunkSize: CHUNK });
    expect(readFileSync(output).equals(expected)).toBe(true);
  });
});

describe('the native and the portable tier', () => {
  const tree = join(directory, 'tree');

  test.skipIf(lacks('zstd'))('read each other’s archives', () => {
    for (const [writer, reader] of [
      ['portable', 'auto'],
      ['auto', 'portable'],
      ['portable', 'portable'],
    ] as const) {
      const output = join(directory, `${writer}.znip`);
      const target = join(directory, `${writer}-${reader}`);
      const packed = znip(['pack', '-C', directory, 'tree', '-o', output, '--chunk-size', '64K'], {
        env: { ZNIP_CORE: writer },
      });
      expect(packed.status, packed.stderr).toBe(0);
      const unpacked = znip(['unpack', output, '-C', target], { env: { ZNIP_CORE: reader } });
      expect(unpacked.status, unpacked.stderr).toBe(0);
      expect(describeTree(join(target, 'tree'), microseconds)).toEqual(describeTree(tree, microseconds));
      expect(run('zstd', ['-tq', output]).status).toBe(0);
    }
  });

  test.skipIf(lacks('b3sum'))('hash alike: the index has the hash of b3sum', async () => {
    expect.assertions(1);
    const opened = await openArchive(archive);
    for (const ref of await opened.entries()) {
      if (ref.batch.path(ref.row) !== 'tree/a/b/c/d/large') continue;
      const expected = run('b3sum', ['--no-names', join(tree, 'a/b/c/d/large')]).stdout.trim();
      expect(Buffer.from(ref.batch.checksum(ref.row) ?? []).toString('hex')).toBe(expected);
    }
    opened.close();
  });
});
