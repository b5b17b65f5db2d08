/**
 * `pack --tar`: tar streams of every making go into an archive byte for byte, and come out of it.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  openArchive,
  pack,
  packTar,
  type PackTarOptions,
  unpack,
  unpackStream,
  verify,
  type Warning,
} from 'znip/internal';
import { lacks, run, startZnip, ZNIP, znip } from '../support/run.ts';
import { END_OF_TAR, paxRecords, tarMember, tarStream } from '../support/tar.ts';
import { describeTree, inSeconds, makeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };
let source: ReturnType<typeof describeTree>;

beforeAll(() => {
  makeTree(at('tree'), 65536, 300_000);
  source = describeTree(at('tree'));
  run('tar', ['--format=posix', '-cf', 'tree.tar', 'tree'], here);
});

function shell(script: string): ReturnType<typeof run> {
  return run('bash', ['-c', `set -o pipefail; ${script}`], here);
}

/** Chunks of an archive: where each starts in the tar stream, and how long it is. */
async function framesOf(archive: string): Promise<[number, number][]> {
  const opened = await openArchive(at(archive));
  const frames = await opened.frames();
  opened.close();
  return frames.map(({ streamOffset, streamLength }) => [streamOffset, streamLength]);
}

async function namesOf(archive: string): Promise<string[]> {
  const opened = await openArchive(at(archive));
  const names = [...(await opened.entries())].map(({ batch, row }) => batch.path(row));
  opened.close();
  return names;
}

/** The tar stream of an archive, by a program that does not know znip. */
function streamOf(archive: string): Buffer {
  return run('zstd', ['-dcq', archive], here).output;
}

interface Packed {
  failedInputs: number;
  warnings: string[];
}

/** Packs a tar stream in this process. */
async function repack(
  name: string,
  tar: Buffer,
  options: Omit<PackTarOptions, 'output'> = {},
): Promise<Packed> {
  const warnings: string[] = [];
  const onWarning = ({ path, reason }: Warning): void => void warnings.push(`${path}: ${reason}`);
  const output = at(name);
  const { failedInputs } = await packTar(Readable.from([tar]), {
    name: 'standard input',
    ...options,
    output,
    onWarning,
  });
  return { failedInputs, warnings };
}

const WAYS = ['index', 'stream'] as const;

/** Unpacks an archive in this process, by its index or in one pass. */
async function unpackBy(way: (typeof WAYS)[number], file: string, directory: string): Promise<void> {
  if (way === 'index') {
    const archive = await openArchive(at(file));
    try {
      await unpack(archive, { directory });
    } finally {
      archive.close();
    }
    return;
  }
  const fd = openSync(at(file), 'r');
  try {
    await unpackStream(fd, { directory });
  } finally {
    closeSync(fd);
  }
}

function negativeSize(): Buffer {
  const tar = tarStream({ name: 'f' });
  tar.fill(0xff, 124, 136);
  tar.write('        ', 148, 'latin1');
  let sum = 0;
  for (const byte of tar.subarray(0, 512)) sum += byte;
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return tar;
}

async function checkKept(name: string, tar: Buffer, expected: string[], count = 1): Promise<void> {
  const archive = `${name}.znip`;
  const { failedInputs, warnings } = await repack(archive, tar, { chunkSize: 65536 });
  expect({ failedInputs, count: warnings.length }).toEqual({ failedInputs: count, count });
  for (const warning of warnings)
    expect(warning).toContain('in the tar stream only: the index does not know');
  if (!lacks('zstd')) expect(streamOf(archive).equals(tar)).toBe(true);
  expect(await namesOf(archive)).toEqual(expected);
  expect(await verify(at(archive))).toMatchObject({ ok: true, differingCount: count });
  for (const way of WAYS) {
    const target = at(`${name}-${way}`);
    await unpackBy(way, archive, target);
    expect([...describeTree(target).keys()]).toEqual(expected);
  }
}

// oxlint-disable-next-line require-yield
async function* failing(): AsyncGenerator<Uint8Array, void> {
  throw new Error('the network is down');
}

async function* silent(): AsyncGenerator<Uint8Array, void> {
  yield tarMember({ name: 'f', content: 'x' });
  await new Promise(() => {});
}

describe.skipIf(lacks('zstd'))('the tar stream is that of the input, byte for byte', () => {
  const TOOLS: Record<string, string> = { bsdtar: 'bsdtar', gzip: 'gzip' };
  const tars: [string, string][] = [
    ['gnu', 'tar --format=gnu -cf - tree'],
    ['posix', 'tar --format=posix -cf - tree'],
    ['bsdtar', 'LC_ALL=C.UTF-8 bsdtar -cf - tree 2>/dev/null'],
    ['blocked', 'tar -b 100 -cf - tree'],
    ['from the inside', 'tar -C tree -cf - .'],
  ];
  test.each(tars.filter(([name]) => !lacks(TOOLS[name] ?? 'tar')))('%s', async (name, command) => {
    const { status, stderr } = shell(
      `${command} | tee '${name}.tar' | node ${ZNIP} pack -q --tar - -o '${name}.znip' --chunk-size 64K &&
       zstd -dcq '${name}.znip' | cmp - '${name}.tar'`,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const way of WAYS) {
      await unpackBy(way, `${name}.znip`, at(`${name}-${way}`));
      const target = at(name === 'from the inside' ? `${name}-${way}` : `${name}-${way}/tree`);
      // Nanoseconds are in pax records; the other formats have seconds.
      if (name === 'posix') expect(describeTree(target)).toEqual(source);
      else expect(inSeconds(describeTree(target))).toEqual(inSeconds(source));
    }
  });

  test.each([
    ['gzip', 'gzip -c'],
    ['zstd', 'zstd -q -c'],
  ])('compressed by %s', (name, compress) => {
    const { status, stderr } = shell(
      `${compress} tree.tar > ${name}.bin && node ${ZNIP} pack -q --tar ${name}.bin -o ${name}.znip &&
       zstd -dcq ${name}.znip | cmp - tree.tar`,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test.skipIf(lacks('git'))('git archive, whose commit is in a global header', async () => {
    const { status, stderr } = shell(
      `git init -q repo && cd repo && echo one > a && mkdir d && echo two > d/b && git add . &&
       git -c user.name=x -c user.email=x@example.org commit -qm x && git archive HEAD | tee ../git.tar |
       node ${ZNIP} pack -q --tar - -o ../git.znip && zstd -dcq ../git.znip | cmp - ../git.tar &&
       node ${ZNIP} unpack -q ../git.znip -C ../git-out && git get-tar-commit-id < ../git.tar`,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(await namesOf('git.znip')).toEqual(['a', 'd', 'd/b']);
    expect(readFileSync(at('git-out/d/b'), 'utf8')).toBe('two\n');
  });

  test('through pipes on both sides, a few bytes at a time', async () => {
    const tar = tarStream({ name: 'd/', typeFlag: '5', mode: 0o755 }, { name: 'd/f', content: prose(3000) });
    const child = startZnip(['pack', '-q', '--tar', '-', '-o', '-'], here);
    const pieces: Buffer[] = [];
    child.stdout?.on('data', (piece: Buffer) => pieces.push(piece));
    for (let offset = 0; offset < tar.length; offset += 97) {
      child.stdin?.write(tar.subarray(offset, offset + 97));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    child.stdin?.end();
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    await repack('whole.znip', tar);
    expect(Buffer.concat(pieces).equals(readFileSync(at('whole.znip')))).toBe(true);
    expect(streamOf('whole.znip').equals(tar)).toBe(true);
  });
});

describe('the same input gives the same archive', () => {
  test('with any number of threads, from a file, a pipe, and pieces of any size', async () => {
    makeTree(at('many'));
    run('tar', ['-cf', 'many.tar', 'many'], here);
    const tar = readFileSync(at('many.tar'));
    const expected = at('expected.znip');
    await packTar(Readable.from([tar]), { output: expected, threads: 1 });
    for (const [threads, args, input] of [
      [2, ['--tar', 'many.tar'], undefined],
      [7, ['--tar', '-'], tar],
    ] as const) {
      const from = input === undefined ? here : { ...here, input };
      expect(znip(['pack', '-q', ...args, '-o', 'other.znip', `-j${threads}`], from).status).toBe(0);
      expect(readFileSync(at('other.znip')).equals(readFileSync(expected))).toBe(true);
    }
    async function* pieces(): AsyncGenerator<Uint8Array, void> {
      for (
        let offset = 0, length = 1;
        offset < tar.length;
        offset += length, length = (length * 7) % 99_991
      ) {
        yield tar.subarray(offset, offset + length);
      }
    }
    await packTar(pieces(), { output: at('pieces.znip') });
    expect(readFileSync(at('pieces.znip')).equals(readFileSync(expected))).toBe(true);
  });

  test.skipIf(lacks('zstd'))('cut into the same chunks as the tree it was made of', async () => {
    for (const chunkSize of [65536, undefined]) {
      await pack(['tree'], {
        directory,
        output: at('of-tree.znip'),
        ...(chunkSize === undefined ? {} : { chunkSize }),
      });
      await repack('of-tar.znip', streamOf('of-tree.znip'), chunkSize === undefined ? {} : { chunkSize });
      expect(await framesOf('of-tar.znip')).toEqual(await framesOf('of-tree.znip'));
    }
  });
});

describe('the end of the archive is the last chunk, with all its padding', () => {
  test.each([512, 1024, 10_240, 65_536])('%i bytes of zeros', async (zeros) => {
    const tar = Buffer.concat([tarMember({ name: 'f', content: prose(600) }), Buffer.alloc(zeros)]);
    await repack('padded.znip', tar, { chunkSize: 65536 });
    expect(await framesOf('padded.znip')).toEqual([
      [0, 1536],
      [1536, zeros],
    ]);
    await unpackBy('stream', 'padded.znip', at(`padded-${zeros}`));
    expect(readFileSync(at(`padded-${zeros}/f`)).length).toBe(600);
  });

  test('an archive without members', async () => {
    await repack('nothing.znip', Buffer.alloc(10_240));
    expect(await namesOf('nothing.znip')).toEqual([]);
    expect(await framesOf('nothing.znip')).toEqual([[0, 10_240]]);
  });
});

describe('what the index does not know stays in the tar stream', () => {
  test('devices, FIFOs and volume labels', async () => {
    const odd = ['3', '4', '6', 'V'].map((typeFlag) => ({ name: `odd-${typeFlag}`, typeFlag }));
    await checkKept(
      'kinds',
      tarStream({ name: 'before', content: 'b' }, ...odd, { name: 'file', content: 'x' }),
      ['before', 'file'],
      odd.length,
    );
  });

  test('one with data, longer than a chunk', async () => {
    const tar = tarStream(
      { name: 'before', content: 'b' },
      { name: 'odd', typeFlag: 'M', content: noise(200_000) },
      { name: 'file', content: 'x' },
    );
    await checkKept('kept', tar, ['before', 'file']);
  });

  test.each([
    ['gnu', '--format=gnu'],
    ['pax 1.0', '--format=posix'],
    ['pax 0.1', '--format=posix --sparse-version=0.1'],
    ['pax 0.0', '--format=posix --sparse-version=0.0'],
  ])('sparse files: %s', async (name, format) => {
    // Many holes: an old GNU header has more records after it then.
    shell(
      `mkdir -p sparse && truncate -s 2M sparse/file && for i in $(seq 1 2 31); do
         printf data | dd of=sparse/file bs=64K seek=$i conv=notrunc status=none; done; echo after > sparse/z
       tar -S ${format} --sort=name -cf sparse.tar sparse`,
    );
    await checkKept(`sparse ${name}`, readFileSync(at('sparse.tar')), ['sparse', 'sparse/z']);
  });
});

describe('names', () => {
  test.each([
    ['through ..', { name: 'a/../../evil', content: 'x' }],
    ['a hard link to elsewhere', { name: 'link', typeFlag: '1', linkName: '../../etc/passwd' }],
  ])('that unpack refuses are kept: %s', async (_, member) => {
    const tar = tarStream({ name: 'good', content: 'g' }, member);
    expect(await repack('hostile.znip', tar)).toMatchObject({ failedInputs: 1 });
    if (!lacks('zstd')) expect(streamOf('hostile.znip').equals(tar)).toBe(true);
    const before = readdirSync(directory);
    for (const way of WAYS) {
      await expect(unpackBy(way, 'hostile.znip', at('hostile'))).rejects.toMatchObject({
        code: expect.stringMatching(/^unsafe-(?:path|link)$/) as string,
      });
      if (way === 'index') expect(existsSync(at('hostile/good'))).toBe(false);
    }
    expect(readdirSync(directory)).toEqual([...before, 'hostile'].sort());
    run('rm', ['-r', 'hostile'], here);
  });

  test('are reported with what is wrong with them, without control characters', () => {
    const { stderr } = znip(['pack', '--tar', '-', '-o', 'x.znip'], {
      ...here,
      input: tarStream({ name: '../\x1b[2Jf', content: 'x' }),
    });
    expect(stderr).toMatch(
      /^znip: \.\.\/\S+f: kept, but znip unpack refuses the name: it has a component '\.\.'\n/,
    );
    expect(stderr).not.toContain('\x1b');
  });

  test('in pax records and GNU long names, and owners', async () => {
    const long = `${'n'.repeat(200)}/${'m'.repeat(200)}`;
    const gnu = Buffer.concat([
      tarMember({ name: '././@LongLink', typeFlag: 'L', content: `${long}\0` }),
      tarMember({ name: long, content: 'gnu', uid: 1234 }),
    ]);
    const pax = tarMember({
      name: 'short',
      content: 'pax',
      pax: { path: `p/${long}`, mtime: '1600000000.123456789', uid: '4294967294' },
    });
    const global = tarMember({ name: 'g', typeFlag: 'g', content: paxRecords({ comment: 'of all' }) });
    await repack('long.znip', Buffer.concat([global, gnu, pax, global, END_OF_TAR]));
    const opened = await openArchive(at('long.znip'));
    const entries = [...(await opened.entries())];
    opened.close();
    expect(entries.map(({ batch, row }) => [batch.path(row), batch.uid(row), batch.mtimes[row]])).toEqual([
      [long, 1234, 1_600_000_000_000_000_000n],
      [`p/${long}`, 4_294_967_294, 1_600_000_000_123_456_789n],
    ]);
  });

  test('that come twice, as tar -r leaves them: the last member counts', async () => {
    mkdirSync(at('again'));
    shell(
      'echo 1 > again/f; ln again/f again/h; ln -s f again/s; echo old > again/t; tar -cf again.tar again',
    );
    shell(
      'echo 22 > again/f; rm again/t; ln -s f again/t; rm again/s; echo now > again/s; tar -rf again.tar again; tar -rf again.tar again/f',
    );
    expect(await repack('again.znip', readFileSync(at('again.tar')))).toEqual({
      failedInputs: 0,
      warnings: [],
    });
    mkdirSync(at('again-tar'));
    run('tar', ['-xf', 'again.tar', '-C', 'again-tar'], here);
    const contents = (target: string): [string, string][] =>
      [...describeTree(at(target))].map(([path, { kind, content }]) => [`${kind} ${path}`, content]);
    for (const [target, way, file] of [
      ['again-index', 'index', 'again.znip'],
      ['again-stream', 'stream', 'again.znip'],
      ['again-foreign', 'stream', 'again.tar'],
    ] as const) {
      await unpackBy(way, file, at(target));
      expect(contents(target)).toEqual(contents('again-tar'));
    }
    expect(znip(['cat', 'again.znip', 'again/f', 'again/h'], here).stdout).toBe('22\n22\n');
    expect(znip(['diff', 'again.znip', 'again-index'], here)).toMatchObject({ status: 0, stdout: '' });
    expect(await verify(at('again.znip'))).toMatchObject({ ok: true });
  });

  test('a hard link keeps the content that a later member replaces', async () => {
    const tar = tarStream(
      { name: 'f', content: 'old' },
      { name: 'link', typeFlag: '1', linkName: 'f' },
      { name: 'f', content: 'new' },
    );
    await repack('replaced.znip', tar);
    writeFileSync(at('replaced.tar'), tar);
    for (const [way, file] of [
      ['index', 'replaced.znip'],
      ['stream', 'replaced.znip'],
      ['stream', 'replaced.tar'],
    ] as const) {
      run('rm', ['-rf', 'replaced'], here);
      await unpackBy(way, file, at('replaced'));
      expect(readFileSync(at('replaced/link'), 'utf8')).toBe('old');
      expect(readFileSync(at('replaced/f'), 'utf8')).toBe('new');
    }
    expect(znip(['cat', 'replaced.znip', 'link'], here)).toMatchObject({ status: 0, stdout: 'old' });
  });

  test('a link in place of an earlier file does not touch what was there before', () => {
    const tar = tarStream({ name: 'x', content: 'archive' }, { name: 'x', typeFlag: '2', linkName: 'y' });
    mkdirSync(at('standing'));
    writeFileSync(at('standing/x'), 'mine');
    expect(znip(['unpack', '-q', '-', '-C', 'standing'], { ...here, input: tar }).status).toBe(1);
    expect(readFileSync(at('standing/x'), 'utf8')).toBe('mine');
  });
});

describe('what is no whole tar stream', () => {
  const good = tarStream({ name: 'f', content: prose(2000) });
  const files = Buffer.concat(
    [...Array(9).keys()].map((i) => tarMember({ name: `${i}`, content: noise(20_000, i + 1) })),
  );

  test.each([
    ['nothing', Buffer.alloc(0), /is empty/],
    ['something else', Buffer.from('hello, world'), /is no archive that znip reads/],
    [
      'without its end',
      good.subarray(0, -1024),
      /standard input ends at byte 2560 .*without the records of zeros/,
    ],
    [
      'cut in a content',
      good.subarray(0, 1000),
      /standard input ends at byte 1000 of its tar stream, within 'f'/,
    ],
    ['cut in the padding', good.subarray(0, 2530), /ends at byte 2530/],
    ['cut in a header', Buffer.concat([good.subarray(0, 2560), good.subarray(0, 100)]), /within the headers/],
    ['something behind its end', Buffer.concat([good, Buffer.from('x')]), /goes on at byte 3584/],
    ['two in a row', Buffer.concat([good, good]), /goes on at byte 3584 .* have to be packed one by one/],
    ['a damaged header', Buffer.concat([files, noise(512), END_OF_TAR]), /byte 188928: expected a header/],
    [
      'an end behind an extended header',
      Buffer.concat([
        tarMember({ name: 'x', typeFlag: 'x', content: paxRecords({ path: 'y' }) }),
        END_OF_TAR,
      ]),
      /ends behind an extended header/,
    ],
    [
      'padding longer than a chunk',
      Buffer.concat([good, Buffer.alloc(70_000)]),
      /the padding .* does not fit .*`chunkSize`/,
    ],
    [
      'headers longer than a chunk',
      tarStream({ name: 'f', pax: { comment: 'c'.repeat(70_000) } }),
      /the headers .* do.* not fit .*`chunkSize`/,
    ],
    [
      'a name that nothing can hold',
      tarStream({ name: 'f', pax: { path: 'n/'.repeat(3000) } }),
      /a name of more than 4095 bytes/,
    ],
    ['a negative size', negativeSize(), /size is negative/],
  ])('%s', async (_, tar, message) => {
    writeFileSync(at('before.znip'), 'what was there');
    const packing = packTar(Readable.from([tar]), {
      output: at('before.znip'),
      chunkSize: 65536,
      name: 'standard input',
    });
    await expect(packing).rejects.toThrow(message);
    expect(readFileSync(at('before.znip'), 'utf8')).toBe('what was there');
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('every cut of a stream of several chunks', async () => {
    const tar = Buffer.concat([files, END_OF_TAR]);
    for (let i = 1; i < 12; i++) {
      const length = Math.floor((files.length * i) / 12) + i;
      await expect(repack('cut.znip', tar.subarray(0, length), { chunkSize: 65536 })).rejects.toMatchObject({
        code: 'truncated',
        message: expect.stringMatching(/^standard input ends at byte \d+ of its tar stream/) as string,
      });
      expect(existsSync(at('cut.znip'))).toBe(false);
    }
  });
});

describe('the command', () => {
  test('types and repos, JSON, and an output that is a link', async () => {
    symlinkSync('real.znip', at('link.znip'));
    writeFileSync(at('real.znip'), 'old');
    const { status, stdout } = znip(
      ['pack', '--json', '--tar', 'tree.tar', '-o', 'link.znip', '--repo-from-dir'],
      here,
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ members: source.size + 1, failedInputs: 0, warnings: 0 });
    const opened = await openArchive(at('real.znip'));
    expect(opened.groups().map(({ packageType, repo }) => `${packageType} ${repo}`)).toEqual([
      'maven tree',
      'npm tree',
      'plain tree',
    ]);
    opened.close();
  });

  test('a reader that goes away before the end is an error', () => {
    const { status, stderr, stdout } = shell(
      `node ${ZNIP} pack -q --tar tree.tar -o - | head -c 100 | wc -c; echo "\${PIPESTATUS[0]}"`,
    );
    expect({ status, stderr, lines: stdout.trim().split(/\s+/) }).toEqual({
      status: 0,
      stderr: '',
      lines: ['100', '141'],
    });
  });

  test.each([1, 3])(
    'an interrupt while input is awaited ends it, and leaves nothing (%i threads)',
    async (threads) => {
      const target = at(`interrupted-${threads}`);
      mkdirSync(target);
      // More than is read ahead, so that chunks are on their way, and then no more.
      const child = startZnip([
        'pack',
        '--tar',
        '-',
        '-o',
        join(target, 'x.znip'),
        '--chunk-size',
        '1M',
        '-j',
        `${threads}`,
      ]);
      const file = tarMember({ name: 'f', content: noise(12 * 1024 * 1024) });
      await new Promise((resolve) => child.stdin?.write(file.subarray(0, file.length - 512), resolve));
      const deadline = Date.now() + 20_000;
      while (readdirSync(target).length === 0 && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 10));
      child.kill('SIGINT');
      expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(130);
      expect(readdirSync(target)).toEqual([]);
    },
  );
});

describe('the library', () => {
  test('ends a source that it does not read to its end', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array, void> {
      try {
        yield tarMember({ name: 'f', content: 'x' });
        for (;;) yield noise(512);
      } finally {
        ended = true;
      }
    }
    await expect(packTar(endless(), { output: at('endless.znip') })).rejects.toMatchObject({
      code: 'damaged-block',
    });
    expect(ended).toBe(true);
    expect(existsSync(at('endless.znip'))).toBe(false);
  });

  test('passes on what a source throws', async () => {
    await expect(packTar(failing(), { output: at('failing.znip') })).rejects.toThrow('the network is down');
    expect(existsSync(at('failing.znip'))).toBe(false);
  });

  test('stops at once when it is told to, whatever its source does', async () => {
    const controller = new AbortController();
    const packing = packTar(silent(), { output: at('aborted.znip'), signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(packing).rejects.toThrow('enough');
    expect(existsSync(at('aborted.znip'))).toBe(false);
  });
});
