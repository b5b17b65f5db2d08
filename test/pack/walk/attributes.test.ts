/**
 * Without `--xattrs`, extended attributes are not recorded: members that lose one are named, or counted.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ATTRIBUTES, meaningOf } from '../../../src/format/values/attributes.ts';
import { run, lacks, znip } from '../../support/run.ts';
import { core } from '../../../src/core/core.ts';
import { noise, temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const here = { cwd: directory };
const at = (name: string): string => join(directory, name);
const can = (command: string, ...args: string[]): boolean =>
  !lacks(command) && run(command, args, here).status === 0;

writeFileSync(at('probe'), '');
const HAS_USER = can('setfattr', '-n', 'user.probe', '-v', '1', 'probe');
// Node.js cannot tell which attributes a file has; only the core can.
const HAS_ACL = core() !== undefined && can('setfacl', '-m', 'u:12345:r', 'probe');
const HAS_CAPABILITY = core() !== undefined && can('setcap', 'cap_net_raw+ep', 'probe');

beforeAll(() => {
  mkdirSync(at('t/d'), { recursive: true });
  for (const name of ['a', 'b', 'c', 'd/e']) writeFileSync(at(`t/${name}`), name);
  writeFileSync(at('t/large'), noise(3_000_000));
});

const pack = (...args: string[]): ReturnType<typeof znip> =>
  znip(['pack', 't', '-o', 't.znip', '--chunk-size', '1M', ...args], here);

test('attributes by their names', () => {
  expect(meaningOf('user.note')).toBe(ATTRIBUTES.plain);
  expect(meaningOf('trusted.note')).toBe(ATTRIBUTES.plain);
  expect(meaningOf('system.posix_acl_default')).toBe(ATTRIBUTES.acl);
  expect(meaningOf('security.capability')).toBe(ATTRIBUTES.capability);
  for (const name of ['security.selinux', 'security.ima', 'system.nfs4_acl', 'trusted.overlay.origin'])
    expect(meaningOf(name)).toBe(ATTRIBUTES.none);
});

test('a tree without attributes is packed without a word', () => {
  const { status, stderr } = pack();
  expect(stderr).toMatch(/^packed 7 members[^\n]*\n$/);
  expect(status).toBe(0);
});

describe.skipIf(!HAS_USER)('of the user', () => {
  test.each([[[]], [['-j2']]])('are counted in one line, and the status is 0: %j', (args) => {
    for (const name of ['b', 'large', 'd', 'd/e'])
      expect(can('setfattr', '-n', 'user.note', '-v', '1', `t/${name}`)).toBe(true);
    const { status, stderr } = pack(...args);
    expect(stderr).toMatch(
      /^znip: t\/b: packed without its extended attributes, which --xattrs records, like 3 more\npacked /,
    );
    expect(status).toBe(0);
    expect(pack('--dry-run').stderr).toMatch(/^would pack/);
  });
});

test.skipIf(!HAS_ACL)('access control lists are named, with status 3', () => {
  expect(can('setfacl', '-m', 'u:12345:r', 't/a')).toBe(true);
  expect(can('setfacl', '-d', '-m', 'u:12345:r', 't/d')).toBe(true);
  const { status, stderr } = pack();
  for (const name of ['t/a', 't/d']) {
    expect(stderr).toContain(
      `znip: ${name}: packed without its access control list (ACL), which --xattrs records\n`,
    );
  }
  expect(status).toBe(3);
});

test.skipIf(!HAS_CAPABILITY)('capabilities are named, with status 3, of large files too', () => {
  for (const name of ['c', 'large']) expect(can('setcap', 'cap_net_raw+ep', `t/${name}`)).toBe(true);
  const { status, stderr } = pack();
  for (const name of ['t/c', 't/large']) {
    expect(stderr).toContain(`znip: ${name}: packed without its capabilities, which --xattrs records\n`);
  }
  expect(status).toBe(3);
});
