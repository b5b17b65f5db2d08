/**
 * Extended attributes in tar streams of others: the index has them, but for lists as text and labels, which stay in the stream.
 * Whoever unpacks hears what is not restored. What changes what a tree does is named, with status 3; one line tells of the others.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ATTRIBUTES } from '../../src/format/values/attributes.ts';
import { remarkColumns } from '../../src/format/remarks.ts';
import { encodeTable } from '../../src/format/tables/table-writer.ts';
import { attributeName, recordedAttributes } from '../../src/format/tar/pax-attributes.ts';
import { lacks, run, znip } from '../support/run.ts';
import { type HandmadeMember, tarStream } from '../support/tar.ts';
import { noise, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };
const at = (name: string): string => join(directory, name);

const { none, plain, acl } = ATTRIBUTES;

test.each([
  ['SCHILY.xattr.user.note', 'user.note', false],
  ['SCHILY.xattr.user.a%3Db', 'user.a=b', false],
  ['SCHILY.xattr.user.a%253D', 'user.a%3D', false],
  [`SCHILY.xattr.user.${'%25'.repeat(250)}`, `user.${'%'.repeat(250)}`, false],
  ['LIBARCHIVE.xattr.security%2Ecapability', 'security.capability', true],
  ['LIBARCHIVE.xattr.com.apple.quarantine', 'com.apple.quarantine', true],
])('the attribute of a pax record %s', (keyword, name, encoded) => {
  expect(attributeName(keyword)).toEqual({ name, encoded });
});

test.each([
  ['SCHILY.xattr.', none],
  ['SCHILY.xattr', none],
  ['LIBARCHIVE.creationtime', none],
  ['SCHILY.acl.access', acl],
  ['SCHILY.acl.default', acl],
  ['SCHILY.acl.ace', acl],
  ['SCHILY.acl.accessory', none],
  ['SCHILY.dev', none],
  ['RHT.security.selinux', plain],
])('a pax record %s, which is no attribute', (keyword, meaning) => {
  expect(attributeName(keyword)).toBeUndefined();
  expect(recordedAttributes(keyword, false)).toBe(meaning);
  // A list or a label without a value is deleted.
  expect(recordedAttributes(keyword, true)).toBe(none);
});

const NOTES = tarStream(
  { name: 'a', content: 'a' },
  { name: 'c', content: 'c', pax: { 'SCHILY.xattr.user.note': 'x=\n1' } },
  { name: 'b', content: 'b', pax: { 'LIBARCHIVE.xattr.user.note': 'eD0KMQ' } },
  { name: 'd/', typeFlag: '5', pax: { 'RHT.security.selinux': 'system_u:object_r:usr_t:s0' } },
);
const WEIGHTY: HandmadeMember[] = [
  { name: 'before', content: 'b' },
  { name: 'able', content: 'a', pax: { 'SCHILY.xattr.security.capability': '\x01' } },
  { name: 'listed', content: 'l', pax: { 'SCHILY.acl.access': 'user::rw-,user:12345:r--' } },
  {
    name: 'both',
    content: noise(100_000),
    pax: {
      'LIBARCHIVE.xattr.security.capability': 'AQ',
      'SCHILY.acl.access': 'user::rw-',
      'SCHILY.xattr.user.x': '',
    },
  },
  { name: 'd/', typeFlag: '5', pax: { 'SCHILY.acl.default': 'user::rw-' } },
  { name: 'empty', content: 'e', pax: { 'SCHILY.acl.access': '' } },
];
const LOST = `\
znip: both: in the tar stream only: its access control list (ACL), which znip unpack does not restore
znip: d: in the tar stream only: its access control list (ACL), which znip unpack does not restore
znip: listed: in the tar stream only: its access control list (ACL), which znip unpack does not restore
`;
const UNASKED = `\
znip: able: unpacked without its capabilities, which --xattrs restores
znip: both: unpacked without its capabilities, which --xattrs restores
`;
const LOST_NOTES =
  'znip: d: in the tar stream only: its extended attributes, which znip unpack does not restore\n';
const UNASKED_NOTES =
  'znip: b: unpacked without its extended attributes, which --xattrs restores, like 1 more\n';
const sorted = (text: string): string[] => text.split('\n').sort();

beforeAll(() => {
  for (const [name, tar] of Object.entries({ notes: NOTES, weighty: tarStream(...WEIGHTY) })) {
    writeFileSync(at(`${name}.tar`), tar);
    // Chunks that are split, and headers in several of them.
    znip(['pack', '-q', '--tar', `${name}.tar`, '-o', `${name}.znip`, '--chunk-size', '64K'], here);
    writeFileSync(at(`${name}-cut.znip`), readFileSync(at(`${name}.znip`)).subarray(0, -1));
  }
});

const WAYS: [way: string, args: (name: string) => string[], input?: (name: string) => string][] = [
  ['pack --tar', (name) => ['pack', '--tar', `${name}.tar`, '-o', 'again.znip']],
  ['unpack a tar file', (name) => ['unpack', `${name}.tar`, '-C', 'out']],
  ['unpack a tar stream', () => ['unpack', '-', '-C', 'out'], (name) => `${name}.tar`],
  ['unpack by the index', (name) => ['unpack', `${name}.znip`, '-C', 'out']],
  [
    'unpack by the index, whatever is damaged',
    (name) => ['unpack', '--keep-going', `${name}.znip`, '-C', 'out'],
  ],
  ['unpack from a pipe', () => ['unpack', '-', '-C', 'out'], (name) => `${name}.znip`],
  ['recover', (name) => ['recover', `${name}.znip`, '-C', 'out']],
  ['unpack --dry-run', (name) => ['unpack', '-n', `${name}.znip`, '-C', 'out']],
];

describe.each(WAYS)('%s', (way, args, input) => {
  const isPack = way.startsWith('pack');
  const said = (name: string, ...more: string[]): { status: number | null; stderr: string } => {
    rmSync(at('out'), { recursive: true, force: true });
    const from = input === undefined ? {} : { input: readFileSync(at(input(name))) };
    const { status, stderr } = znip([...args(name), ...more], { ...here, ...from });
    return { status, stderr: stderr.replace(/^(?:(?:un)?packed \d|recovered|would \w+ ).*\n$/m, '') };
  };

  test('names capabilities and access control lists, with -q too, and the status is 3', () => {
    for (const more of [[], ['-q']]) {
      const { status, stderr } = said('weighty', ...more);
      expect(sorted(stderr)).toEqual(sorted(LOST + (isPack ? '' : UNASKED)));
      expect(status).toBe(3);
    }
  });

  test('counts other attributes in a line, a note, and the status is 0', () => {
    const { status, stderr } = said('notes');
    expect(sorted(stderr)).toEqual(sorted(LOST_NOTES + (isPack ? '' : UNASKED_NOTES)));
    expect(status).toBe(0);
    expect(said('notes', '-q')).toEqual({ status: 0, stderr: '' });
  });
});

test('an archive without its index tells the same', () => {
  const { status, stderr } = znip(['recover', '-q', 'weighty-cut.znip', '-C', 'cut'], here);
  expect(status).toBe(4);
  for (const line of sorted(LOST + UNASKED)) expect(stderr).toContain(line);
});

test('members that nobody chose have lost nothing', () => {
  for (const [i, file] of ['weighty.tar', 'weighty.znip'].entries()) {
    const { status, stderr } = znip(['unpack', '-q', file, 'before', 'empty', '-C', `chosen-${i}`], here);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  }
});

test('a global header counts for all members to come, with what an earlier one said', () => {
  const input = tarStream(
    { name: 'a', content: 'a' },
    { name: 'b', content: 'b', globalPax: { 'SCHILY.acl.access': 'user::rw-' } },
    { name: 'c', content: 'c', globalPax: { 'SCHILY.xattr.security.capability': '\x01' } },
  );
  for (const args of [
    ['unpack', '-q', '-', '-C', 'global'],
    ['pack', '-q', '--tar', '-', '-o', 'global.znip'],
  ]) {
    const { status, stderr } = znip(args, { ...here, input });
    expect({ status, lines: stderr.split('\n') }).toEqual({
      status: 3,
      lines: [
        'znip: b: in the tar stream only: its access control list (ACL), which znip unpack does not restore',
        'znip: c: in the tar stream only: its capabilities and access control list (ACL), which znip unpack does not restore',
        '',
      ],
    });
  }
});

test('a repaired archive tells the same, and verify calls one whole that has lost only notes', () => {
  for (const [name, status] of [
    ['notes', 0],
    ['weighty', 3],
  ] as const) {
    znip(['repair', '-q', `${name}-cut.znip`, '-o', `${name}-mended.znip`], here);
    const remarks = (file: string): string =>
      znip(['unpack', '-n', file], here).stderr.replace(/would unpack.*/, '');
    expect(remarks(`${name}-mended.znip`)).toBe(remarks(`${name}.znip`));
    expect(remarks(`${name}.znip`)).toContain('in the tar stream only');
    for (const more of [[], ['--quick']])
      expect(znip(['verify', `${name}.znip`, ...more], here).status).toBe(status);
  }
});

test('with doubts about its owner, a member has two remarks', () => {
  const pax = { uid: '-2', 'RHT.security.selinux': '1' };
  writeFileSync(at('owner.tar'), tarStream({ name: 'a', content: 'a', pax }));
  expect(znip(['pack', '-q', '--tar', 'owner.tar', '-o', 'owner.znip'], here).status).toBe(3);
  const { status, stderr } = znip(['unpack', 'owner.znip', '-C', 'owner'], here);
  expect(status).toBe(0);
  expect(stderr).toContain('its extended attributes');
});

test('a table without such remarks has no word for them: its bytes are those of before', () => {
  const remark = { path: 'a', headerOffset: 0, reason: 'r' };
  const has = (...abouts: ('absent' | 'attributes')[]): boolean =>
    Buffer.from(
      encodeTable(remarkColumns(abouts.map((about) => ({ about, ...remark }))), new Map()),
    ).includes('attributes');
  expect(has('absent')).toBe(false);
  expect(has('absent', 'attributes')).toBe(true);
});

writeFileSync(at('probe'), '');
const HAS_CAPABILITY =
  !lacks('setcap', 'tar') && run('setcap', ['cap_net_raw+ep', 'probe'], here).status === 0;

test.skipIf(!HAS_CAPABILITY).each([
  ['tar', ['--xattrs', '--xattrs-include=*', '--format=posix']],
  ['bsdtar', ['--xattrs', '--format=pax']],
])(
  '%s of a program with capabilities: znip names it, and tar restores it of the archive',
  (program, options) => {
    if (lacks(program)) return;
    run(program, [...options, '-cf', 'real.tar', 'probe'], here);
    rmSync(at('real'), { recursive: true, force: true });
    expect(znip(['unpack', 'real.tar', '-C', 'real'], here)).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('znip: probe: unpacked without its capabilities, ') as string,
    });
    expect(znip(['pack', '-q', '--tar', 'real.tar', '-o', 'real.znip'], here).status).toBe(0);
    expect(
      run(
        'bash',
        ['-c', 'rm -rf t; mkdir t; zstd -dc real.znip | tar --xattrs --xattrs-include=* -xf - -C t'],
        here,
      ).status,
    ).toBe(0);
    expect(run('getcap', ['t/probe'], here).stdout).toContain('cap_net_raw');
  },
);
