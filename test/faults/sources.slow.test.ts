/**
 * Source trees that change while they are packed, and trees that are odd: the archive is well-formed, what
 * changed is marked, the run says so and ends with status 3, and never holds a byte of anything else.
 */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { list, openArchive, pack, type PackOptions, unpack, verify, type Warning } from 'znip/internal';
import { run, znip, ZNIP } from '../support/run.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const here = { cwd: directory };

interface Packed {
  failedInputs: number;
  warnings: Warning[];
  /** Paths of members that the index marks as changed. */
  changed: string[];
}

/** Packs `tree`; `meanwhile` runs when the walk has seen all and nothing has been read yet. */
async function packWhile(
  tree: string,
  meanwhile: () => void,
  options: Partial<PackOptions> = {},
): Promise<Packed> {
  const warnings: Warning[] = [];
  // Paths are taken one by one: when the next is asked for, the tree before has been walked.
  function* paths(): Generator<string> {
    yield tree;
    meanwhile();
  }
  const { failedInputs } = await pack(paths(), {
    directory,
    output: at(`${tree}.znip`),
    onWarning: (warning) => warnings.push(warning),
    ...options,
  });
  const archive = at(`${tree}.znip`);
  const opened = await openArchive(archive);
  const changed: string[] = [];
  for await (const entry of list(opened)) if (entry.changed) changed.push(entry.path);
  // Whatever happened, the archive holds together.
  expect((await verify(archive, { threads: 1 })).ok).toBe(true);
  expect(run('tar', ['--zstd', '-tf', archive], here).status).toBe(0);
  rmSync(at(`${tree}-out`), { recursive: true, force: true });
  const lost: string[] = [];
  const onLost = (path: string): void => void lost.push(path);
  await unpack(opened, { directory: at(`${tree}-out`), threads: 1, onLost });
  opened.close();
  expect(lost).toEqual([]);
  return { failedInputs, warnings, changed };
}

/** Bytes that no file of these trees has, so that a stale one would show. */
const SECRET = 0xa5;

describe.each([
  ['small', 3000],
  ['large', 700_000],
])('a %s file that', (size, length) => {
  const make = (name: string): string => {
    const tree = `${size}-${name}`;
    mkdirSync(at(tree));
    // Files of other bytes pass through the same slots before.
    writeFileSync(at(`${tree}/a`), Buffer.alloc(length * 2, SECRET));
    writeFileSync(at(`${tree}/b`), Buffer.alloc(length, 'b'));
    writeFileSync(at(`${tree}/c`), 'the last');
    return tree;
  };
  const options = { chunkSize: 65536 };

  test('grows has the size that was found', async () => {
    const tree = make('grows');
    const { failedInputs, changed } = await packWhile(
      tree,
      () => appendFileSync(at(`${tree}/b`), 'more'),
      options,
    );
    expect({ failedInputs, changed }).toEqual({ failedInputs: 1, changed: [`${tree}/b`] });
    expect(readFileSync(at(`${tree}-out/${tree}/b`)).equals(Buffer.alloc(length, 'b'))).toBe(true);
  });

  test('shrinks ends where it ended, or in zeros', async () => {
    const tree = make('shrinks');
    const { failedInputs, changed } = await packWhile(
      tree,
      () => truncateSync(at(`${tree}/b`), 1000),
      options,
    );
    expect({ failedInputs, changed }).toEqual({ failedInputs: 1, changed: [`${tree}/b`] });
    const content = readFileSync(at(`${tree}-out/${tree}/b`));
    expect(content.subarray(0, 1000).equals(Buffer.alloc(1000, 'b'))).toBe(true);
    expect(content.subarray(1000).every((byte) => byte === 0)).toBe(true);
  });

  test('is written to in place is marked', async () => {
    const tree = make('rewritten');
    const { changed } = await packWhile(
      tree,
      () => {
        const fd = openSync(at(`${tree}/b`), 'r+');
        writeSync(fd, 'other');
        closeSync(fd);
        utimesSync(at(`${tree}/b`), 1, 1);
      },
      options,
    );
    expect(changed).toEqual([`${tree}/b`]);
  });

  test.each([
    ['vanishes', (path: string): void => unlinkSync(path)],
    [
      'becomes a directory',
      (path: string): void => {
        unlinkSync(path);
        mkdirSync(path);
      },
    ],
    [
      'becomes a symlink',
      (path: string): void => {
        unlinkSync(path);
        symlinkSync('/etc/passwd', path);
      },
    ],
    [
      'becomes a FIFO',
      (path: string): void => {
        unlinkSync(path);
        run('mkfifo', [path]);
      },
    ],
  ])('%s is left out, and said', async (name, change) => {
    const tree = make(name.replaceAll(' ', '-'));
    const { failedInputs, warnings } = await packWhile(tree, () => change(at(`${tree}/b`)), options);
    expect(failedInputs).toBe(1);
    expect(warnings.map(({ path }) => path)).toEqual([expect.stringMatching(/\/b$/)]);
    expect(readdirSync(at(`${tree}-out/${tree}`))).toEqual(['a', 'c']);
    expect(readFileSync(at(`${tree}-out/${tree}/c`), 'utf8')).toBe('the last');
  });

  test('vanishes while hard links refer to it leaves an empty file and the links', async () => {
    const tree = make('linked');
    linkSync(at(`${tree}/b`), at(`${tree}/d`));
    const { failedInputs, changed } = await packWhile(tree, () => unlinkSync(at(`${tree}/b`)), options);
    expect({ failedInputs, changed }).toEqual({ failedInputs: 1, changed: [`${tree}/b`] });
    expect(statSync(at(`${tree}-out/${tree}/d`)).size).toBe(0);
  });
});

describe.each([
  ['small', 3000],
  ['large', 700_000],
])('a directory with a %s file that', (size, length) => {
  /** A tree, and a directory beside it whose files look the same and hold something else. */
  const make = (name: string): string => {
    const tree = `dir-${size}-${name}`;
    for (const [path, byte] of [
      [`${tree}/a/d`, 'b'],
      [`${tree}-outside`, 's'],
    ] as const) {
      mkdirSync(at(path), { recursive: true });
      writeFileSync(at(`${path}/f`), Buffer.alloc(length, byte));
      utimesSync(at(`${path}/f`), 1_700_000_000, 1_700_000_000);
    }
    writeFileSync(at(`${tree}/z`), 'the last');
    return tree;
  };
  const options = { chunkSize: 65536 };

  test.each([
    ['symlink', 'a/d', (tree: string): void => symlinkSync(`../../${tree}-outside`, at(`${tree}/a/d`))],
    ['other directory', 'a/d', (tree: string): void => renameSync(at(`${tree}-outside`), at(`${tree}/a/d`))],
    [
      'symlink above it',
      'a',
      (tree: string): void => {
        mkdirSync(at(`${tree}-up`));
        renameSync(at(`${tree}-outside`), at(`${tree}-up/d`));
        symlinkSync(`../${tree}-up`, at(`${tree}/a`));
      },
    ],
  ])('is swapped for a %s is left out, and named', async (name, moved, swap) => {
    const tree = make(name.replaceAll(' ', '-'));
    const { failedInputs, warnings } = await packWhile(
      tree,
      () => {
        renameSync(at(`${tree}/${moved}`), at(`${tree}-moved`));
        swap(tree);
      },
      options,
    );
    expect(failedInputs).toBe(1);
    expect(warnings).toEqual([
      {
        path: expect.stringMatching(/a\/d\/f$/),
        reason: expect.stringContaining('it was replaced while it was packed'),
        failed: true,
      },
    ]);
    expect(readdirSync(at(`${tree}-out/${tree}/a/d`))).toEqual([]);
    expect(readFileSync(at(`${tree}-out/${tree}/z`), 'utf8')).toBe('the last');
  });

  test('is a symlink in a path that was named is followed, and below a link with -h', async () => {
    const tree = make('named');
    symlinkSync(`${tree}/a`, at(`${tree}-link`));
    const named = znip(['pack', '-q', `${tree}-link/d`, '-o', `${tree}.znip`], here);
    expect(named).toMatchObject({ status: 0, stderr: '' });
    expect(znip(['ls', `${tree}.znip`], here).stdout).toBe(`${tree}-link/d\n${tree}-link/d/f\n`);
    const followed = znip(['pack', '-q', '-h', `${tree}-link`, '-o', `${tree}.znip`], here);
    expect(followed).toMatchObject({ status: 0, stderr: '' });
    expect(znip(['ls', `${tree}.znip`], here).stdout).toBe(
      `${tree}-link\n${tree}-link/d\n${tree}-link/d/f\n`,
    );
    expect(znip(['cat', `${tree}.znip`, `${tree}-link/d/f`], here).output).toEqual(Buffer.alloc(length, 'b'));
  });
});

test('a file that is written to all the time does not hold up the run', async () => {
  mkdirSync(at('busy'));
  writeFileSync(at('busy/log'), noise(300_000));
  const writer = spawn('sh', ['-c', 'while :; do echo more >>log; done'], {
    cwd: at('busy'),
    stdio: 'ignore',
  });
  try {
    for (let i = 0; i < 5; i++) {
      const { status } = znip(['pack', '-q', 'busy', '-o', 'busy.znip'], here);
      expect([0, 3]).toContain(status);
      expect(znip(['verify', '-q', 'busy.znip'], here).status).toBe(0);
    }
  } finally {
    writer.kill('SIGKILL');
  }
});

test.skipIf(process.getuid?.() !== 0)(
  'unreadable files and directories are named; the rest is packed',
  () => {
    mkdirSync(at('closed/d'), { recursive: true });
    writeFileSync(at('closed/f'), 'secret');
    writeFileSync(at('closed/d/x'), 'x');
    writeFileSync(at('closed/open'), 'open');
    chmodSync(at('closed/f'), 0);
    chmodSync(at('closed/d'), 0);
    chmodSync(directory, 0o777);
    const { status, stderr } = run(
      'setpriv',
      [
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--clear-groups',
        process.execPath,
        ZNIP,
        'pack',
        'closed',
        '-o',
        'closed.znip',
      ],
      here,
    );
    expect(stderr).toContain('closed/f: permission denied');
    expect(stderr).toContain('closed/d: cannot read the directory: permission denied');
    expect(status).toBe(3);
    expect(znip(['ls', 'closed.znip'], here).stdout).toBe('closed\nclosed/d\nclosed/open\n');
  },
);

describe('odd trees', () => {
  test('sockets and FIFOs are named and left out; loops of links end', async () => {
    mkdirSync(at('odd/sub'), { recursive: true });
    run('mkfifo', [at('odd/fifo')]);
    symlinkSync('..', at('odd/sub/up'));
    symlinkSync('self', at('odd/self'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at('odd/socket'), resolve));
    try {
      const plain = znip(['pack', 'odd', '-o', 'odd.znip'], here);
      expect(plain.status).toBe(3);
      expect(plain.stderr).toContain('odd/fifo: left out: it is a FIFO');
      expect(plain.stderr).toContain('odd/socket: left out: it is a socket');
      const followed = znip(['pack', '-h', 'odd', '-o', 'odd-h.znip'], here);
      expect(followed.status).toBe(3);
      expect(followed.stderr).toContain('odd/sub/up: left out: the link leads back');
      expect(followed.stderr).toContain('odd/self: the link cannot be followed: it leads back to itself');
    } finally {
      server.close();
    }
  });

  test('the archive itself, within the tree, is left out, the new one and the old', () => {
    mkdirSync(at('self'));
    writeFileSync(at('self/f'), 'f');
    for (let i = 0; i < 2; i++) {
      expect(znip(['pack', 'self', '-o', 'self/self.znip'], here).status).toBe(0);
      expect(znip(['ls', 'self/self.znip'], here).stdout).toBe('self\nself/f\n');
    }
  });

  test('another hard link to the old archive is a file like any other', () => {
    mkdirSync(at('kept'));
    writeFileSync(at('kept/k.znip'), 'what was there');
    linkSync(at('kept/k.znip'), at('kept/copy'));
    expect(znip(['pack', 'kept', '-o', 'kept/k.znip'], here).status).toBe(0);
    expect(znip(['cat', 'kept/k.znip', 'kept/copy'], here).stdout).toBe('what was there');
    expect(znip(['ls', 'kept/k.znip'], here).stdout).toBe('kept\nkept/copy\n');
  });

  test.each(['f', './f', 'soft', 'hard'])(
    'the output named as input, as %s, is refused and stays',
    (name) => {
      mkdirSync(at('same'), { recursive: true });
      writeFileSync(at('same/f'), 'the only copy');
      rmSync(at('same/soft'), { force: true });
      rmSync(at('same/hard'), { force: true });
      symlinkSync('f', at('same/soft'));
      linkSync(at('same/f'), at('same/hard'));
      for (const [input, output] of [
        [name, 'f'],
        ['f', name],
      ] as const) {
        const { status, stderr } = znip(['pack', input, '-o', output], { cwd: at('same') });
        expect({ status, stderr }).toEqual({
          status: 2,
          stderr: `znip: '${input}' is the archive that is to be written: give the archive a name that is not packed\n`,
        });
        expect(readFileSync(at('same/f'), 'utf8')).toBe('the only copy');
      }
      expect(
        run('sh', ['-c', '"$0" "$1" pack f >>f', process.execPath, ZNIP], { cwd: at('same') }).status,
      ).toBe(2);
      expect(readdirSync(at('same'))).toEqual(['f', 'hard', 'soft']);
    },
  );

  test.each([
    ['80 of three bytes', '語'.repeat(80)],
    ['63 of four bytes', '𝒜'.repeat(63)],
    ['as long as one can be', 'n'.repeat(255)],
    ['short', 'a'],
  ])('an output whose name has characters, %s, can be written', (_, name) => {
    mkdirSync(at('named'), { recursive: true });
    writeFileSync(at('f'), 'f');
    expect(znip(['pack', '-q', 'f', '-o', `named/${name}`], here)).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(at('named'))).toEqual([name]);
    rmSync(at('named'), { recursive: true });
  });
});
