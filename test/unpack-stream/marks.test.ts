/**
 * Marks of a znip archive: whatever is damaged of one, it is never read as a stream of others, which has fewer
 * hashes (test/damage/ sweeps over all of it). And the options that refuse such streams, or every archive but one.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openArchive, pack, packTar, unpackStream, ZnipError } from 'znip/internal';
import { unpackRefuses } from '../damage/unpack.ts';
import { run, znip } from '../support/run.ts';
import { describeTree, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
let archive: Buffer;
let source: ReturnType<typeof describeTree>;
let root: string;

beforeAll(async () => {
  mkdirSync(at('t'));
  writeFileSync(at('t/a'), 'what is in a');
  writeFileSync(at('t/b'), 'what is in b');
  source = describeTree(at('t'));
  await pack(['t'], { directory, output: at('t.znip') });
  archive = readFileSync(at('t.znip'));
  const opened = await openArchive(at('t.znip'));
  root = opened.rootHash;
  opened.close();
  run('sh', ['-c', 'tar -cf t.tar t; zstd -q t.tar; gzip -k t.tar'], here);
});

function flipped(...places: [number, number][]): Buffer {
  const bytes = Buffer.from(archive);
  for (const [offset, bits] of places) bytes[offset] = (bytes[offset] ?? 0) ^ bits;
  return bytes;
}

test('marks at the beginning may all be gone: the frames behind them still tell', async () => {
  writeFileSync(at('changed'), flipped([5, 0x20], [18, 0x20], [9, 0x05]));
  const damaged = { kind: 'changed', offset: 5, bytes: archive, path: at('changed') } as const;
  const sample = { directory, archive, source, blocks: [], lastBlob: new Map<string, number>() };
  expect(await unpackRefuses('pipe')(damaged, sample)).toBe('refused');
  // The index does not need them.
  expect(await unpackRefuses('file')(damaged, sample)).toBe('as it was');
});

test('the name of a file is a mark: what is called .znip and is none is refused', async () => {
  for (const suffix of ['tar', 'tar.zst', 'tar.gz']) {
    writeFileSync(at('named.znip'), readFileSync(at(`t.${suffix}`)));
    for (const args of [
      ['unpack', 'named.znip', '-C', 'o'],
      ['unpack', '--keep-going', 'named.znip', '-C', 'o'],
      ['unpack', '--tar', 'o.tar', 'named.znip'],
      ['pack', '--tar', 'named.znip', '-o', 'o.znip'],
      ['verify', 'named.znip'],
      ['recover', 'named.znip', '-C', 'o'],
      ['cat', 'named.znip', 't/a'],
    ]) {
      const { status, stderr } = znip(args, here);
      expect({ args, status, said: stderr !== '' }).toEqual({ args, status: 4, said: true });
    }
  }
  expect(readdirSync(directory)).not.toContain('o.tar');
});

test('the magic of tar in its place makes no other stream of an archive', async () => {
  writeFileSync(at('noise'), randomBytes(4096));
  await pack(['noise'], { directory, output: at('noise.znip') });
  const input = readFileSync(at('noise.znip'));
  input.write('ustar', 257, 'latin1');
  for (const args of [['verify'], ['unpack', '-q', '-C', 'noise.out']]) {
    const { status, stderr } = znip([...args, '-'], { ...here, input });
    expect(status).toBe(4);
    expect(stderr).toMatch(/does not have the hash/);
  }
  expect(existsSync(at('noise.out/noise'))).toBe(false);
});

test('a damaged archive is packed as no tar stream of others', async () => {
  for (const offset of [0, 5, 17]) {
    writeFileSync(at('changed'), flipped([offset, 0x20]));
    const fd = openSync(at('changed'), 'r');
    try {
      await expect(packTar(fd, { output: at('o.znip') })).rejects.toBeInstanceOf(ZnipError);
    } finally {
      closeSync(fd);
    }
  }
});

/** Runs `unpack` on a file, and on a pipe. */
function unpackBoth(args: readonly string[], file: string): { status: number | null; stderr: string }[] {
  rmSync(at('out'), { recursive: true, force: true });
  const piped = znip(['unpack', '-q', ...args, '-C', 'out/pipe', '-'], {
    ...here,
    input: readFileSync(at(file)),
  });
  return [znip(['unpack', '-q', ...args, '-C', 'out/file', file], here), piped];
}

describe('--require-index', () => {
  test.each(['t.tar', 't.tar.zst', 't.tar.gz'])('refuses %s', (file) => {
    for (const { status, stderr } of unpackBoth(['--require-index'], file)) {
      expect(status).toBe(4);
      expect(stderr).toMatch(/znip archive/);
    }
    expect(readdirSync(directory)).not.toContain('out');
    const tar = znip(['unpack', '--require-index', '--tar', '-', file], here);
    expect({ status: tar.status, stdout: tar.stdout }).toEqual({ status: 4, stdout: '' });
  });

  test('unpacks an archive', () => {
    for (const result of unpackBoth(['--require-index'], 't.znip')) {
      expect(result).toMatchObject({ status: 0, stderr: '' });
    }
    expect(describeTree(at('out/pipe/t'))).toEqual(source);
  });
});

describe('--root', () => {
  test('unpacks the archive that is meant, in either case, also as a tar stream', () => {
    for (const hash of [root, root.toUpperCase()]) {
      for (const result of unpackBoth(['--root', hash], 't.znip')) {
        expect(result).toMatchObject({ status: 0, stderr: '' });
      }
      for (const way of ['pipe', 'file']) expect(describeTree(at(`out/${way}/t`))).toEqual(source);
    }
    for (const result of [
      znip(['unpack', '--root', root, '--tar', '-', 't.znip'], here),
      znip(['unpack', '--root', root, '--tar', '-', '-'], { ...here, input: archive }),
    ]) {
      expect(result.status, result.stderr).toBe(0);
      expect(result.output.includes('what is in a')).toBe(true);
    }
  });

  test.each(['t.znip', 't.tar.zst', 't.tar'])('writes nothing of another: %s', (file) => {
    const other = 'f'.repeat(64);
    for (const args of [[], ['--keep-going'], ['--dry-run']]) {
      for (const { status } of unpackBoth(['--root', other, ...args], file)) expect(status).toBe(4);
      expect(readdirSync(directory)).not.toContain('out');
    }
    expect(znip(['unpack', '--root', other, '--tar', '-', file], here).output).toHaveLength(0);
  });

  test('needs the whole archive, and room for it', () => {
    const cut = znip(['unpack', '--root', root, '-C', 'out', '-'], {
      ...here,
      input: archive.subarray(0, -30),
    });
    expect(cut.status).toBe(4);
    const full = znip(['unpack', '--root', root, '-C', 'out', '-'], {
      ...here,
      input: archive,
      env: { TMPDIR: at('missing') },
    });
    expect(full.status).toBe(1);
    expect(full.stderr).toContain('set TMPDIR to a directory with more room');
    expect(readdirSync(directory)).not.toContain('out');
  });

  test('is a library option, too', async () => {
    await expect(openArchive(at('t.znip'), { root: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'root-mismatch',
    });
    const fd = openSync(at('t.znip'), 'r');
    try {
      const result = await unpackStream(fd, { directory: at('lib'), root });
      expect(result.members).toBe(3);
    } finally {
      closeSync(fd);
    }
  });
});
