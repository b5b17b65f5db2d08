/**
 * Unpacking from pipes: archives of znip and tar streams of others, whole, slow, cut and damaged.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { pack } from 'znip/internal';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { lacks, run, startZnip, ZNIP, znip } from '../support/run.ts';
import {
  describeTree,
  inSeconds,
  makeTree,
  microseconds,
  noise,
  prose,
  temporaryDirectory,
} from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
let source: ReturnType<typeof describeTree>;
let archive: Buffer;

beforeAll(async () => {
  makeTree(at('tree'));
  source = describeTree(at('tree'));
  await pack(['tree'], { directory, output: at('tree.znip'), chunkSize: 65536 });
  archive = readFileSync(at('tree.znip'));
});

describe('an archive of znip', () => {
  test.each([1, 2, 7])('comes back from a pipe with %i threads, to the nanosecond', (threads) => {
    const target = `piped-${threads}`;
    const { status, stderr } = run(
      'bash',
      [
        '-c',
        `set -o pipefail; node ${ZNIP} pack -q tree -o - | node ${ZNIP} unpack -q -j ${threads} - -C ${target}`,
      ],
      here,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(describeTree(at(`${target}/tree`))).toEqual(source);
  });

  test('comes back on the portable tier, to the microsecond', () => {
    const { status } = znip(['unpack', '-q', '-', '-C', 'portable'], {
      ...here,
      input: archive,
      env: { ZNIP_CORE: 'portable' },
    });
    expect(status).toBe(0);
    expect(describeTree(at('portable/tree'), microseconds)).toEqual(describeTree(at('tree'), microseconds));
  });

  test('comes back from a pipe that delivers a few bytes at a time', async () => {
    writeFileSync(at('few.txt'), prose(5000));
    await pack(['few.txt'], { directory, output: at('few.znip') });
    const child = startZnip(['unpack', '-q', '-', '-C', at('dribble')]);
    for (const byte of readFileSync(at('few.znip'))) {
      child.stdin?.write(Buffer.of(byte));
      if (byte % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    child.stdin?.end();
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    expect(readFileSync(at('dribble/few.txt')).equals(prose(5000))).toBe(true);
  });

  test('comes back from a named pipe whose writer has long gone', async () => {
    writeFileSync(at('small.txt'), 'small');
    await pack(['small.txt'], { directory, output: at('small.znip') });
    run('mkfifo', [at('named')]);
    const script = `cat small.znip > named & exec 3< named; wait; exec node ${ZNIP} unpack -q - -C named-out <&3`;
    expect(run('bash', ['-c', script], { ...here, timeout: 20_000 })).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(readFileSync(at('named-out/small.txt'), 'utf8')).toBe('small');
  });

  test('comes back from a non-blocking pipe', () => {
    // The writer makes the shared end of the pipe non-blocking: empty reads answer EAGAIN.
    const script = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, [${JSON.stringify(ZNIP)}, 'unpack', '-q', '-', '-C', 'non-blocking'], { stdio: ['pipe', 'inherit', 'inherit'] });
      const bytes = require('node:fs').readFileSync('tree.znip');
      let at = 0;
      const step = () => { if (at >= bytes.length) return child.stdin.end(); child.stdin.write(bytes.subarray(at, at += 300000), () => setTimeout(step, 3)); };
      step();
      child.on('exit', (status) => process.exit(status));`;
    expect(run(process.execPath, ['-e', script], here).status).toBe(0);
    expect(describeTree(at('non-blocking/tree'))).toEqual(source);
  });

  test('extraction overlaps arrival', async () => {
    const child = startZnip(['unpack', '-q', '-', '-C', at('overlap')]);
    const half = Math.floor(archive.length / 2);
    child.stdin?.write(archive.subarray(0, half));
    const deadline = Date.now() + 20_000;
    // Half of the archive has arrived and no more comes: members of that half must appear all the same.
    while (!existsSync(at('overlap/tree/.hidden/.file')) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(existsSync(at('overlap/tree/.hidden/.file'))).toBe(true);
    child.stdin?.end(archive.subarray(half));
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    expect(describeTree(at('overlap/tree'))).toEqual(source);
  });
});

describe('a stream that is cut short', () => {
  test('leaves whole members only, says where it ends, and is status 4', () => {
    for (let i = 0; i < 6; i++) {
      const length = Math.floor((archive.length * i) / 6) + i;
      const target = `cut-${i}`;
      const { status, stderr } = znip(['unpack', '-q', '-', '-C', target], {
        ...here,
        input: archive.subarray(0, length),
      });
      expect(status, stderr).toBe(4);
      expect(stderr).toMatch(/^znip: standard input (?:ends at byte \d+|is empty)/);
      if (!existsSync(at(target))) continue;
      for (const [path, { kind, content, mode }] of describeTree(at(target))) {
        expect(path).not.toContain('.part');
        const expected = source.get(path.replace(/^tree\/?/, ''));
        if (path !== 'tree' && kind !== 'directory')
          expect({ kind, content, mode }).toMatchObject({ content: expected?.content, kind: expected?.kind });
      }
    }
  });

  test('within the index: every member is there, unconfirmed', () => {
    const { status, stderr } = znip(['unpack', '-q', '-', '-C', 'no-index'], {
      ...here,
      input: archive.subarray(0, -40),
    });
    expect(status).toBe(4);
    expect(stderr).toContain(
      `all ${source.size + 1} members are unpacked, but the index cannot confirm them`,
    );
    expect(inSeconds(describeTree(at('no-index/tree')))).toEqual(inSeconds(source));
  });
});

describe('a stream that is damaged', () => {
  test('is found out before anything of the damaged chunk is written', () => {
    const bytes = Buffer.from(archive);
    const middle = Math.floor(bytes.length * 0.6);
    bytes[middle] = (bytes[middle] ?? 0) ^ 0x10;
    const { status, stderr } = znip(['unpack', '-q', '-', '-C', 'flipped'], { ...here, input: bytes });
    expect(status).toBe(4);
    expect(stderr).toMatch(/blo(?:b|ck) /);
  });

  test.each([
    ['a name', [{ path: 'a', content: 'x', indexed: { path: 'b' } }], "member 'b'"],
    ['a size', [{ path: 'a', content: 'x', indexed: { size: 2 } }], 'its size differs'],
    [
      'a hash',
      [{ path: 'a', content: 'x', indexed: { checksum: Buffer.alloc(32) } }],
      "member 'a' is damaged",
    ],
  ] as [string, ForgedMember[], string][])(
    'index and tar stream that disagree about %s',
    (name, members, message) => {
      const { status, stderr } = znip(['unpack', '-q', '-', '-C', `lie-${name}`], {
        ...here,
        input: forgeArchive(members),
      });
      expect(status).toBe(4);
      expect(stderr).toContain(message);
    },
  );

  test('nothing at all, and something else', () => {
    expect(znip(['unpack', '-'], { input: '' })).toMatchObject({
      status: 4,
      stderr: 'znip: standard input is empty: expected an archive\n',
    });
    expect(znip(['unpack', '-'], { input: 'hello' })).toMatchObject({
      status: 4,
      stderr:
        'znip: standard input is no archive that znip reads: expected a .znip, .tar, .tar.zst or .tar.gz\n',
    });
  });
});

describe('tar streams of others', () => {
  /** What a command needs besides tar. */
  const TOOLS: Record<string, string> = { zstd: 'zstd', bsdtar: 'bsdtar' };
  const tars: [string, string][] = [
    ['gnu', 'tar --format=gnu -cf - tree'],
    ['pax', 'tar --format=posix -cf - tree'],
    ['gzip', 'tar -czf - tree'],
    ['zstd', 'tar --zstd -cf - tree'],
    ['bsdtar', 'LC_ALL=C.UTF-8 bsdtar -cf - tree 2>/dev/null'],
    ['from the inside', 'tar -C tree -cf - .'],
  ];
  test.each(tars.filter(([name]) => !lacks(TOOLS[name] ?? 'tar')))('%s', (name, command) => {
    const target = `foreign-${name}`;
    const { status, stderr } = run(
      'bash',
      ['-c', `set -o pipefail; ${command} | node ${ZNIP} unpack -q - -C '${target}'`],
      here,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const root = name === 'from the inside' ? target : `${target}/tree`;
    expect(inSeconds(describeTree(at(root)))).toEqual(inSeconds(source));
  });

  test('pax times keep their nanoseconds', () => {
    run('bash', ['-c', `tar --format=posix -cf - tree | node ${ZNIP} unpack -q - -C nanoseconds`], here);
    expect(describeTree(at('nanoseconds/tree'))).toEqual(source);
  });

  test('files are unpacked by their content, whatever they are called', () => {
    run('tar', ['-czf', 'odd-name.bin', 'tree/bin'], here);
    expect(znip(['unpack', '-q', 'odd-name.bin', '-C', 'odd'], here).status).toBe(0);
    expect(readFileSync(at('odd/tree/bin/run'), 'utf8')).toBe('#!/bin/sh\necho run\n');
  });

  test('a name that comes twice: the last one counts', () => {
    mkdirSync(at('twice'));
    writeFileSync(at('twice/f'), 'first');
    run('tar', ['-cf', 'twice.tar', 'twice/f'], here);
    writeFileSync(at('twice/f'), 'second');
    run('tar', ['-rf', 'twice.tar', 'twice/f'], here);
    expect(znip(['unpack', '-q', 'twice.tar', '-C', 'twice-out'], here).status).toBe(0);
    expect(readFileSync(at('twice-out/twice/f'), 'utf8')).toBe('second');
  });

  test.skipIf(process.getuid?.() !== 0)('devices are reported and skipped', () => {
    mkdirSync(at('devices'));
    run('mknod', [at('devices/null'), 'c', '1', '3']);
    writeFileSync(at('devices/file'), 'content');
    const { status, stderr } = run(
      'bash',
      ['-c', `tar -cf - devices | node ${ZNIP} unpack - -C devices-out`],
      here,
    );
    expect(status).toBe(3);
    expect(stderr).toContain('znip: devices/null: skipped: znip does not unpack character devices');
    expect(describeTree(at('devices-out')).has('devices/null')).toBe(false);
  });

  test('a cut one leaves whole members and is status 4', () => {
    const { output } = run('tar', ['-cf', '-', 'tree'], here);
    const { status, stderr } = znip(['unpack', '-q', '-', '-C', 'cut-tar'], {
      ...here,
      input: output.subarray(0, output.length - 1_000_000),
    });
    expect(status).toBe(4);
    expect(stderr).toContain('within a member');
  });

  test('large members through several chunks', () => {
    writeFileSync(at('large.bin'), Buffer.concat([noise(9_000_001), prose(12_000_000)]));
    const { status } = run(
      'bash',
      ['-c', `tar -cf - large.bin few.txt | node ${ZNIP} unpack -q - -C large-out`],
      here,
    );
    expect(status).toBe(0);
    expect(readFileSync(at('large-out/large.bin')).equals(readFileSync(at('large.bin')))).toBe(true);
  });
});
