/**
 * What is packed can be read, however long its names are: tables are cut by bytes as well as by rows.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openArchive, packTar, verify, type Warning } from 'znip/internal';
import { MAX_PATH_LENGTH } from '../../../src/format/values/constants.ts';
import { END_OF_TAR, type HandmadeMember, tarMember } from '../../support/tar.ts';
import { temporaryDirectory } from '../../support/tree.ts';

const directory = temporaryDirectory();
const MIB = 1024 * 1024;

/** A name of the greatest length whose every byte is shown as three, but for its number and slashes. */
function longName(number: number, first = ''): Buffer {
  const name = Buffer.alloc(MAX_PATH_LENGTH, 0xff);
  for (let at = 250; at < name.length; at += 251) name[at] = 0x2f;
  name.write(`${first}${String(number).padStart(8, '0')}`);
  return name;
}

async function* stream(count: number, member: (i: number) => HandmadeMember): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield tarMember({ gnuLong: true, ...member(i) });
  yield END_OF_TAR;
}

async function packed(
  name: string,
  count: number,
  member: (i: number) => HandmadeMember,
  repoFromDirectory = false,
): Promise<{ output: string; warnings: Warning[] }> {
  const output = join(directory, `${name}.znip`);
  const warnings: Warning[] = [];
  await packTar(stream(count, member), {
    output,
    repoFromDirectory,
    onWarning: (warning) => warnings.push(warning),
  });
  return { output, warnings };
}

test('names that come to more than one table may hold are in several', async () => {
  const count = 18_000;
  const { output } = await packed('names', count, (i) => ({ name: longName(i) }));
  const archive = await openArchive(output);
  const parts = archive.manifest.rows.filter(({ section }) => section === 'members');
  expect(parts.length).toBeGreaterThan(2);
  // A part ends with the row that reaches the limit.
  for (const { uncompressedBytes } of parts) expect(uncompressedBytes).toBeLessThan(66 * MIB);
  // More than a reader would take for so many rows if their sections were any shorter.
  expect(parts.reduce((sum, part) => sum + part.uncompressedBytes, 0)).toBeGreaterThan(274 * MIB);
  const entries = await archive.entries();
  expect(entries.length).toBe(count);
  let row = 0;
  for (const { batch, row: at } of entries) {
    if (batch.path(at) !== longName(row).toString('latin1')) throw new Error(`row ${row} has another name`);
    row += 1;
  }
  archive.close();
});

test('remarks that come to more than one table may hold are in several', async () => {
  const count = 18_000;
  const { output, warnings } = await packed('remarks', count, (i) => ({ name: longName(i), typeFlag: '6' }));
  expect(warnings.length).toBe(count);
  const archive = await openArchive(output);
  expect(archive.manifest.rows.filter(({ section }) => section === 'remarks').length).toBeGreaterThan(2);
  expect(await archive.remarks()).toHaveLength(count);
  archive.close();
});

test('groups with long names of their own', async () => {
  const count = 3_000;
  const { output } = await packed('groups', count, (i) => ({ name: longName(i) }), true);
  const archive = await openArchive(output);
  expect(archive.groups()).toHaveLength(count);
  expect(await archive.entries()).toHaveLength(count);
  archive.close();
  expect((await verify(output)).damage).toEqual([]);
});
