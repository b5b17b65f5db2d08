/**
 * `pack --name NAME -`: standard input as one member, of whatever length.
 */
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { pack, packStream } from 'znip/internal';
import { encodeReservedHeader, reservedHeaderLength } from '../../src/format/tar/tar-header.ts';
import { TarReader } from '../../src/format/tar/tar-reader.ts';
import { onlyEntry } from '../support/entry.ts';
import { run, ZNIP, znip } from '../support/run.ts';
import { describeTree, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
const MiB = 1024 * 1024;
describe('input that ends within what is read ahead', () => {
  test.each([0, 1, 512, 70_000, 9 * MiB])('%i bytes: the archive of a file of that name', async (size) => {
    const content = prose(size);
    const name = `of-${size}/data.json`;
    mkdirSync(at(`of-${size}`));
    writeFileSync(at(name), content, { mode: 0o644 });
    utimesSync(at(name), 1_600_000_000.5, 1_600_000_000.5);
    await pack([name], { directory, output: at('file.znip') });
    const args = ['pack', '-q', '--name', name, '--mtime', '2020-09-13T12:26:40.5Z', '-o', 'input.znip', '-'];
    expect(znip(args, { ...here, input: content })).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(at('input.znip')).equals(readFileSync(at('file.znip')))).toBe(true);
  });
});

describe('what is recorded', () => {
  test('the mode of a new file, and owners on request', async () => {
    run('bash', ['-c', `umask 027; echo x | node ${ZNIP} pack -q --name f -o new.znip --owner=7:8 -`], here);
    expect(await onlyEntry(at('new.znip'))).toMatchObject({ mode: 0o640, uid: 7 });
  });

  test.each([0, 70 * MiB])('a fixed time: %i bytes make the same archive at any time', async (length) => {
    const input = Buffer.alloc(length);
    const archives = ['once.znip', 'again.znip'].map((archive) => {
      const args = ['pack', '-q', '--name', 'f', '-o', archive, '-'];
      expect(znip(args, { ...here, input }).status).toBe(0);
      return readFileSync(at(archive));
    });
    expect(archives[0]?.equals(archives[1] ?? Buffer.alloc(0))).toBe(true);
    expect((await onlyEntry(at('once.znip'))).mtime).toBe(315_532_800_000_000_000n);
  });

  test('--reproducible', async () => {
    const input = 'content';
    const env = { SOURCE_DATE_EPOCH: '1234567890' };
    znip(['pack', '-q', '--name', 'f', '-o', 'r.znip', '--reproducible', '-'], { ...here, input, env });
    expect(await onlyEntry(at('r.znip'))).toMatchObject({
      mode: 0o644,
      mtime: 1_234_567_890_000_000_000n,
      uid: null,
    });
  });
});

describe('the command', () => {
  test('a file that is called - is still one', () => {
    writeFileSync(at('-'), 'dash');
    expect(znip(['pack', '-q', './-', '-o', 'dash.znip'], here).status).toBe(0);
    expect(znip(['unpack', '-q', 'dash.znip', '-C', 'dash'], here).status).toBe(0);
    expect([...describeTree(at('dash')).keys()]).toEqual(['-']);
  });
});

test('the library packs what a Readable gives', async () => {
  const { members, contentBytes } = await packStream(
    Readable.from([Buffer.from('a'), Buffer.from('b')]),
    'f',
    {
      output: at('readable.znip'),
    },
  );
  expect({ members, contentBytes }).toEqual({ members: 1, contentBytes: 2 });
});

test('room for a header is what the header takes, whatever name and size', () => {
  const target = Buffer.alloc(8192);
  for (const length of [1, 100, 101, 400, 430, 460, ...Array.from({ length: 60 }, (_, i) => 450 + i), 4095]) {
    const path = 'n/'.repeat(2048).slice(0, length - 1) + 'f';
    for (const size of [0, 64 * MiB, 8 * 1024 * MiB, Number.MAX_SAFE_INTEGER]) {
      const member = { path, kind: 0, mode: 0o644, mtime: 0n, size, linkTarget: '', uid: null, gid: null };
      const room = reservedHeaderLength(member);
      if (length <= 100) expect(room).toBe(1536);
      expect(encodeReservedHeader(target, 0, member)).toBe(room);
      const read = new TarReader().read(target.subarray(0, room), 0, 0);
      expect(read).toMatchObject({ path, size, headerLength: room });
    }
  }
});
