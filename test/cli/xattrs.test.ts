/**
 * Extended attributes, access control lists and capabilities: recorded by `pack --xattrs`, and restored by every way of
 * unpacking, and by GNU tar.
 */
import { chmodSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { codec } from '../../src/codec/codec.ts';
import { core } from '../../src/core/core.ts';
import { extract, open, pack as packTree } from '../../src/index.ts';
import { lacks, run, znip } from '../support/run.ts';
import { tarStream } from '../support/tar.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };
const at = (name: string): string => join(directory, name);
const can = (command: string, ...args: string[]): boolean =>
  !lacks(command) && run(command, args, here).status === 0;

writeFileSync(at('probe'), '');
const HAS_USER =
  core() !== undefined && !lacks('getfattr') && can('setfattr', '-n', 'user.probe', '-v', '1', 'probe');
const HAS_ALL =
  HAS_USER && can('setfacl', '-m', 'u:12345:r', 'probe') && can('setcap', 'cap_net_raw+ep', 'probe');

/** What getfattr(1) says of a tree. */
function shown(tree: string): string {
  return run(
    'bash',
    ['-c', `cd ${tree} && find . -print0 | sort -z | xargs -0 getfattr -h -d -m - -e hex`],
    here,
  ).stdout;
}

/** The same of attributes that every user may set. */
const ORDINARY = "-m '^user\\.|posix_acl'";
function shownOrdinary(tree: string): string {
  const command = `cd ${tree} && find . -print0 | sort -z | xargs -0 getfattr -h -d ${ORDINARY} -e hex`;
  return run('bash', ['-c', command], here).stdout;
}

function set(name: string, attribute: string, value: string): void {
  expect(can('setfattr', '-n', attribute, '-v', value, `t/${name}`)).toBe(true);
}

/** Little-endian. */
function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntLE(value, 0, Math.min(length, 6));
  return bytes;
}

function namesIn(archive: string): string[] {
  const lines = znip(['ls', '--json', archive], here).stdout.trim().split('\n');
  return lines.flatMap((line) => Object.keys((JSON.parse(line) as { xattrs?: object }).xattrs ?? {})).sort();
}

beforeAll(() => {
  if (!HAS_USER) return;
  mkdirSync(at('t/d'), { recursive: true });
  for (const name of ['note', 'empty', 'odd', 'none', 'list', 'able', 'd/inner'])
    writeFileSync(at(`t/${name}`), name);
  writeFileSync(at('t/large'), noise(300_000));
  linkSync(at('t/note'), at('t/other'));
  symlinkSync('note', at('t/link'));
  set('note', 'user.mime_type', 'text/plain');
  set('empty', 'user.empty', '');
  // What ends a keyword, escapes and line breaks; and a value that has all bytes.
  set('odd', 'user.a=b%3D', '1\n2');
  set(
    'odd',
    'user.all',
    `0x${Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join('')}`,
  );
  chmodSync(at('t/odd'), 0o444);
  set('large', 'user.large', 'x'.repeat(1500));
  set('d', 'user.directory', 'd');
  if (HAS_ALL) {
    expect(can('setfacl', '-m', 'u:12345:rw', 't/list')).toBe(true);
    expect(can('setfacl', '-d', '-m', 'u:12345:rwx', 't/d')).toBe(true);
    expect(can('setcap', 'cap_net_raw+ep', 't/able')).toBe(true);
  }
  chmodSync(at('t/d'), 0o555);
  const packed = znip(['pack', 't', '-o', 't.znip', '--xattrs', '--chunk-size', '64K'], here);
  expect(packed).toMatchObject({ status: 0, stderr: expect.stringMatching(/^packed/) as string });
});

const OWNER = process.geteuid?.() === 0 ? ['--same-owner'] : [];

describe.skipIf(!HAS_USER)('every way restores them', () => {
  test.each([
    ['by the index', 'znip unpack t.znip -C OUT --xattrs OWNER'],
    ['by the index, on threads', 'znip unpack t.znip -C OUT --xattrs -j 2 OWNER'],
    ['by the index, some', "znip unpack t.znip -C OUT --xattrs OWNER 't/**' t"],
    ['from a stream', 'znip unpack - -C OUT --xattrs OWNER < t.znip'],
    ['a tar file', 'zstd -dc t.znip > t.tar; znip unpack t.tar -C OUT --xattrs OWNER'],
    [
      'of an archive of a tar',
      'zstd -dc t.znip | znip pack --tar - -o p.znip; znip unpack p.znip -C OUT --xattrs OWNER',
    ],
    [
      'recover',
      'head -c -1 t.znip > cut.znip; znip recover cut.znip -C OUT --xattrs OWNER 2>&1 || test $? = 4',
    ],
    [
      'repaired',
      'head -c -1 t.znip > cut.znip; znip repair cut.znip -o r.znip 2>&1 || true; znip unpack r.znip -C OUT --xattrs OWNER',
    ],
    ['repacked', 'znip repack t.znip -o q.znip -9; znip unpack q.znip -C OUT --xattrs OWNER'],
    [
      'with a base',
      'znip pack t -o b.znip --base t.znip --chunk-size 64K --xattrs; cmp b.znip t.znip && znip unpack b.znip -C OUT --xattrs OWNER',
    ],
    ['GNU tar', "tar -xf t.znip --zstd -C OUT --xattrs --xattrs-include='*'"],
  ])('%s', (name, command) => {
    const out = `out-${name.replaceAll(' ', '-')}`;
    mkdirSync(at(out));
    const line = command.replaceAll('OUT', out).replaceAll('OWNER', OWNER.join(' '));
    const program = join(import.meta.dirname, '../../bin/znip.cjs');
    const done = run('bash', ['-c', `set -eo pipefail; znip() { node ${program} "$@" -q; }; ${line}`], here);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    const show = OWNER.length > 0 ? shown : shownOrdinary;
    expect(show(`${out}/t`)).toBe(show('t'));
    expect(show('t')).toContain('user.mime_type');
  });
});

describe.skipIf(!HAS_USER)('a choice of names', () => {
  test('when they are recorded', () => {
    znip(
      ['pack', 't', '-o', 'some.znip', '--xattrs-include', 'user.[em]*', '--xattrs-exclude', '*.mime*'],
      here,
    );
    expect(namesIn('some.znip')).toEqual(['user.empty']);
    expect(znip(['pack', '-q', 't', '-o', 'none.znip', '--no-xattrs'], here)).toMatchObject({
      status: 0,
      stderr: '',
    });
    expect(namesIn('none.znip')).toEqual([]);
  });

  test('when they are restored', () => {
    const { status } = znip(
      ['unpack', '-q', 't.znip', '-C', 'chosen', '--xattrs-include', 'user.mime_type'],
      here,
    );
    expect(status).toBe(0);
    expect(shown('chosen/t').match(/^\w.*=/gm)).toEqual(['user.mime_type=', 'user.mime_type=']);
  });

  test('that contradicts itself is refused', () => {
    const { status, stderr } = znip(
      ['pack', 't', '-o', 'x.znip', '--no-xattrs', '--xattrs-include', 'user.*'],
      here,
    );
    expect(status).toBe(2);
    expect(stderr).toContain('--no-xattrs contradicts');
  });
});

test.skipIf(!HAS_ALL)('capabilities take --same-owner; without it they are named, with status 3', () => {
  const { status, stderr } = znip(['unpack', '-q', 't.znip', '-C', 'plain', '--xattrs'], here);
  expect({ status, stderr }).toEqual({
    status: 3,
    stderr: 'znip: t/able: not restored: security.capability: that takes root and --same-owner\n',
  });
  expect(shown('plain/t')).toContain('system.posix_acl_default');
  expect(run('getcap', ['plain/t/able'], here).stdout).toBe('');
});

test.skipIf(!HAS_ALL)('without --xattrs, what is lost is named, and --no-xattrs says nothing', () => {
  const asked = znip(['unpack', '-q', 't.znip', '-C', 'unasked'], here);
  expect(asked.status).toBe(3);
  expect(asked.stderr).toContain(
    'znip: t/able: unpacked without its capabilities, which --xattrs restores\n',
  );
  expect(shown('unasked/t')).toBe('');
  const silent = znip(['unpack', '-q', 't.znip', '-C', 'silent', '--no-xattrs'], here);
  expect(silent).toMatchObject({ status: 0, stderr: '' });
});

describe.skipIf(!HAS_USER)('what is said about them', () => {
  test('diff, verify and the content root', () => {
    run('cp', ['-a', 't', 't2'], here);
    expect(znip(['diff', 't.znip', 't'], here)).toMatchObject({ status: 0, stdout: '' });
    expect(can('setfattr', '-n', 'user.mime_type', '-v', 'text/html', 't2/note')).toBe(true);
    expect(znip(['diff', 't.znip', 't2', '--strip-components', '1'], here).stdout).toBe('X note\nX other\n');
    znip(['pack', '-C', '.', 't2', '-o', 't2.znip', '--xattrs', '--transform', 's,^t2,t,'], here);
    expect(znip(['diff', 't.znip', 't2.znip'], here).stdout).toBe('X t/note\nX t/other\n');
    const root = (archive: string): string => znip(['info', '--content-root', archive], here).stdout;
    expect(root('t2.znip')).not.toBe(root('t.znip'));
    znip(['pack', 't', '-o', 'again.znip', '--xattrs', '--level', '1'], here);
    expect(root('again.znip')).toBe(root('t.znip'));
    expect(znip(['verify', 't.znip', '--content-root', root('t.znip').trim()], here).status).toBe(0);
  });

  test('the library', async () => {
    await packTree([at('t')], { output: at('library.znip'), xattrs: { include: ['user.*'] } });
    const archive = await open(at('library.znip'));
    const found = new Map<string, string[]>();
    for await (const { path, xattrs } of archive.entries()) {
      if (xattrs !== null) found.set(path.slice(path.lastIndexOf('/t') + 1), [...xattrs.keys()]);
    }
    await archive.close();
    expect(found.get('t/odd')).toEqual(['user.a=b%3D', 'user.all']);
    expect(found.has('t/other')).toBe(false);
    await extract(at('library.znip'), at('from-library'), { xattrs: true });
  });
});

function update(...more: string[]): ReturnType<typeof znip> {
  return znip(
    ['unpack', 't.znip', '-C', 'live', '--xattrs', ...OWNER, '--changed', '-i', '-q', ...more],
    here,
  );
}

test.skipIf(!HAS_ALL || process.geteuid?.() !== 0)(
  'with owners, and capabilities only of files that nobody else may write to',
  () => {
    mkdirSync(at('given/t'), { recursive: true });
    for (const name of ['mine', 'theirs', 'open']) {
      writeFileSync(at(`given/t/${name}`), name, { mode: 0o755 });
      expect(can('setfattr', '-n', 'user.note', '-v', name, `given/t/${name}`)).toBe(true);
    }
    expect(can('chown', '12345:12345', 'given/t/theirs')).toBe(true);
    chmodSync(at('given/t/open'), 0o777);
    for (const name of ['mine', 'theirs', 'open']) {
      expect(can('setcap', 'cap_net_raw+ep', `given/t/${name}`)).toBe(true);
    }
    znip(['pack', '-C', 'given', 't', '-o', 'given.znip', '--xattrs', '--owner'], here);
    for (const way of ['given.znip', '-']) {
      const out = `given-${way}`;
      const input = way === '-' ? { input: readFileSync(at('given.znip')) } : {};
      const args = ['unpack', '-q', way, '-C', out, '--xattrs', '--same-owner'];
      const { status, stderr } = znip(args, { ...here, ...input });
      const lost = 'not restored: security.capability: others than root may write to the file';
      expect(stderr.split('\n').sort()).toEqual(['', `znip: t/open: ${lost}`, `znip: t/theirs: ${lost}`]);
      expect(status).toBe(3);
      expect(run('getcap', [`${out}/t/mine`], here).stdout).toContain('cap_net_raw');
      expect(run('getcap', [`${out}/t/theirs`, `${out}/t/open`], here).stdout).toBe('');
      expect(run('stat', ['-c', '%u', `${out}/t/theirs`], here).stdout).toBe('12345\n');
      for (const name of ['mine', 'theirs', 'open']) {
        expect(run('getfattr', ['-d', `${out}/t/${name}`], here).stdout).toContain(`user.note="${name}"`);
      }
    }
  },
);

describe.skipIf(!HAS_USER)('--changed', () => {
  test('mends what differs, removes what the archive does not have, and itemises it as rsync does', () => {
    expect(update().status).toBe(0);
    const show = OWNER.length > 0 ? shown : shownOrdinary;
    expect(show('live/t')).toBe(show('t'));
    expect(update()).toMatchObject({ status: 0, stdout: '', stderr: '' });
    chmodSync(at('live/t/d'), 0o755);
    expect(can('setfattr', '-n', 'user.mime_type', '-v', 'other', 'live/t/note')).toBe(true);
    expect(can('setfattr', '-n', 'user.stray', '-v', 'x', 'live/t/none')).toBe(true);
    expect(can('setfattr', '-x', 'user.directory', 'live/t/d')).toBe(true);
    expect(can('setfattr', '-n', 'user.more', '-v', 'x', 'live/t/d')).toBe(true);
    expect(can('bash', '-c', 'echo longer than before > live/t/empty')).toBe(true);
    const asked = update('-n');
    expect(asked.stdout.trim().split('\n')).toHaveLength(4);
    const done = update();
    expect(done.stdout).toBe(asked.stdout);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toContain('.f........x t/none\n');
    expect(done.stdout).toContain('.f........x t/note\n');
    expect(done.stdout).toContain('.d...p....x t/d/\n');
    expect(show('live/t')).toBe(show('t'));
    expect(update()).toMatchObject({ status: 0, stdout: '' });
  });

  test.skipIf(!HAS_ALL)('names each time what takes --same-owner', () => {
    for (let i = 0; i < 2; i++) {
      const { status, stderr } = znip(
        ['unpack', '-q', 't.znip', '-C', 'owned', '--xattrs', '--changed'],
        here,
      );
      expect({ status, stderr }).toEqual({
        status: 3,
        stderr: 'znip: t/able: not restored: security.capability: that takes root and --same-owner\n',
      });
    }
  });
});

test.skipIf(!HAS_USER)('header and content root are those of docs/format.md', () => {
  mkdirSync(at('one'));
  writeFileSync(at('one/f'), 'content', { mode: 0o644 });
  chmodSync(at('one/f'), 0o644);
  expect(can('setfattr', '-n', 'user.b', '-v', '2', 'one/f')).toBe(true);
  expect(can('setfattr', '-n', 'user.a%', '-v', '1', 'one/f')).toBe(true);
  znip(['pack', '-C', 'one', 'f', '-o', 'one.znip', '--xattrs', '--mtime', '@7'], here);
  const records = '28 SCHILY.xattr.user.a%25=1\n25 SCHILY.xattr.user.b=2\n';
  expect(run('zstd', ['-dc', 'one.znip'], here).stdout).toContain(`\0${records}\0`);
  const fixed = [number(128, 1), number(0o644, 2), number(7_000_000_000, 8), number(7, 8)];
  const owners = [number(0xffffffff, 4), number(0xffffffff, 4)];
  const record = Buffer.concat([
    number(1, 4),
    Buffer.from('f'),
    ...fixed,
    ...owners,
    number(0, 4),
    codec().hash(Buffer.from('content')),
    number(records.length, 4),
    Buffer.from(records),
  ]);
  const root = Buffer.from(codec().hash(record)).toString('hex');
  expect(znip(['info', '--content-root', 'one.znip'], here).stdout).toBe(`${root}\n`);
});

test.skipIf(!HAS_USER)('more than a chunk has room for is left out, named, with status 3', () => {
  mkdirSync(at('many'));
  writeFileSync(at('many/a'), 'a');
  for (let i = 0; i < 20; i++) {
    const value = String(i).repeat(1000);
    if (!can('setfattr', '-n', `user.n${i}`, '-v', value.slice(0, 2000), 'many/a')) return;
  }
  const { status, stderr } = znip(
    ['pack', 'many', '-o', 'many.znip', '--xattrs', '--chunk-size', '64K'],
    here,
  );
  expect({ status, stderr }).toMatchObject({
    status: 3,
    stderr: expect.stringContaining('many/a: packed without its extended attributes: they have ') as string,
  });
  expect(znip(['pack', 'many', '-o', 'many.znip', '--xattrs', '--chunk-size', '1M'], here).status).toBe(0);
});

describe('streams of others', () => {
  const able = { 'SCHILY.xattr.security.capability': '\x01', 'SCHILY.xattr.user.note': 'n' };

  test.skipIf(!HAS_USER)('a member that a later one replaces has no say', () => {
    const tar = tarStream(
      { name: 'a', content: 'old', pax: { 'SCHILY.xattr.user.old': 'o' } },
      { name: 'link', typeFlag: '1', linkName: 'a' },
      { name: 'a', content: 'new' },
    );
    writeFileSync(at('twice.tar'), tar);
    znip(['pack', '-q', '--tar', 'twice.tar', '-o', 'twice.znip'], here);
    for (const file of ['twice.tar', 'twice.znip']) {
      expect(znip(['unpack', '-q', file, '-C', `from-${file}`, '--xattrs'], here).status).toBe(0);
      expect(shown(`from-${file}`).trim()).toBe('# file: link\nuser.old=0x6f');
      expect(readFileSync(at(`from-${file}/a`), 'utf8')).toBe('new');
    }
  });

  test.skipIf(!HAS_USER)(
    'what the file system refuses is named, with status 3, and the file is there',
    () => {
      writeFileSync(
        at('bad.tar'),
        tarStream({ name: 'a', content: 'a', pax: { 'SCHILY.xattr.user.': 'x', ...able } }),
      );
      const { status, stderr } = znip(['unpack', '-q', 'bad.tar', '-C', 'bad', '--xattrs'], here);
      expect(status).toBe(3);
      expect(stderr).toContain('znip: a: not restored: security.capability');
      expect(shown('bad')).toContain('user.note');
    },
  );

  test.skipIf(core() === undefined)('a file that exists and is kept keeps its own', () => {
    mkdirSync(at('kept'));
    writeFileSync(at('kept/a'), 'x');
    writeFileSync(at('kept.tar'), tarStream({ name: 'a', content: 'a', pax: able }));
    expect(znip(['unpack', 'kept.tar', '-C', 'kept', '--xattrs', '-k'], here).status).toBe(0);
    expect(shown('kept')).toBe('');
  });
});
