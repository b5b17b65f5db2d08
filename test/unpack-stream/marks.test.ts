/**
 * Marks of a znip archive: whatever is damaged of one, it is never read as a stream of others, which has fewer
 * hashes. And the options that refuse such streams, or every archive but one.
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
import { exitStatusOf } from '../../src/cli/process/exit-status.ts';
import { fromPlainError } from '../../src/errors.ts';
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

type Way = 'pipe' | 'file';

/** As the command line does: by the index, and what is no archive in one pass. */
async function unpackAs(way: Way, name: string): Promise<void> {
  if (way === 'file') {
    try {
      const opened = await openArchive(name);
      const { unpack } = await import('znip/internal');
      try {
        await unpack(opened, { directory: at('out'), threads: 1 });
      } finally {
        opened.close();
      }
      return;
    } catch (error) {
      if (!(error instanceof ZnipError) || error.code !== 'not-an-archive') throw error;
    }
  }
  const fd = openSync(name, 'r');
  try {
    await unpackStream(fd, {
      directory: at('out'),
      threads: 1,
      name: way === 'file' ? `'${name}'` : 'a pipe',
    });
  } finally {
    closeSync(fd);
  }
}

/** Whether these bytes are refused with status 4, or give exactly what was packed. */
async function verdict(bytes: Buffer, way: Way): Promise<string> {
  rmSync(at('out'), { recursive: true, force: true });
  writeFileSync(at('changed'), bytes);
  try {
    await unpackAs(way, at('changed'));
  } catch (error) {
    // The class of the built library is another one than that of the sources.
    const status = error instanceof ZnipError ? exitStatusOf(fromPlainError(error)) : undefined;
    return status === 4 ? 'refused' : `status ${status}: ${String(error)}`;
  }
  try {
    expect(describeTree(at('out/t'))).toEqual(source);
    return 'as it was';
  } catch {
    return 'other content, and status 0';
  }
}

function flipped(...places: [number, number][]): Buffer {
  const bytes = Buffer.from(archive);
  for (const [offset, bits] of places) bytes[offset] = (bytes[offset] ?? 0) ^ bits;
  return bytes;
}

const GOOD = ['refused', 'as it was'];

describe.each<Way>(['pipe', 'file'])('a damaged archive as a %s', (way) => {
  test('is refused or gives what it held, wherever a byte is changed', { timeout: 240_000 }, async () => {
    for (let offset = 0; offset < archive.length; offset++) {
      const bits = 1 << (offset % 8);
      expect(GOOD, `byte ${offset}, bits ${bits}`).toContain(await verdict(flipped([offset, bits]), way));
    }
  });

  test(
    'is refused or gives what it held, when a mark and another byte are changed',
    { timeout: 240_000 },
    async () => {
      for (const mark of [0, 5, 9, 17, 20, archive.length - 1]) {
        for (let offset = 21; offset < archive.length; offset += 11) {
          const bytes = flipped([mark, 0x20], [offset, 0x04]);
          expect(GOOD, `bytes ${mark} and ${offset}`).toContain(await verdict(bytes, way));
        }
      }
    },
  );

  test('is refused or gives what it held, wherever it is cut', { timeout: 240_000 }, async () => {
    for (let length = 0; length < archive.length; length += length < 200 ? 1 : 7) {
      expect(await verdict(archive.subarray(0, length), way), `${length} bytes`).toBe('refused');
      const behind = archive.subarray(length + 1);
      expect(GOOD, `from byte ${length + 1}`).toContain(await verdict(behind, way));
    }
  });
});

test('marks at the beginning may all be gone: the frames behind them still tell', async () => {
  const bytes = flipped([5, 0x20], [18, 0x20], [9, 0x05]);
  expect(await verdict(bytes, 'pipe')).toBe('refused');
  // The index does not need them.
  expect(await verdict(bytes, 'file')).toBe('as it was');
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
