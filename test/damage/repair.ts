/** What repair makes of a damaged archive: one that is whole, with what is whole of the other. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openArchive, repair, type RepairResult, unpack, ZnipError } from 'znip/internal';
import { type Property } from '../support/damage.ts';
import { type Described, describeTree, inSeconds } from '../support/tree.ts';

export const repairMakes: Property = async ({ kind, path }, { directory, source }) => {
  const output = join(directory, 'repaired.znip');
  const target = join(directory, 'repaired');
  let result: RepairResult;
  try {
    result = await repair(path, { output, threads: 1 });
  } catch (error) {
    expect(error).toBeInstanceOf(ZnipError);
    expect(kind).not.toBe('changed');
    return 'refused';
  }
  const { copied, byIndex, members, refused, report } = result;
  if (copied) expect(kind).toBe('changed');
  // repair verifies it; what came out is checked here.
  rmSync(target, { recursive: true, force: true });
  const opened = await openArchive(output);
  await unpack(opened, { directory: target, threads: 1 });
  opened.close();
  const unpacked = existsSync(join(target, 't'))
    ? describeTree(join(target, 't'))
    : new Map<string, Described>();
  const expected = byIndex ? source : inSeconds(source);
  for (const [path, { links: _, ...entry }] of byIndex ? unpacked : inSeconds(unpacked)) {
    // A directory whose own member is lost has its time from now.
    if (entry.kind !== 'directory') expect({ path, ...expected.get(path) }).toMatchObject({ path, ...entry });
  }
  if (kind === 'changed') {
    const hit = new Set(report.damage.flatMap(({ members }) => members));
    expect(members + refused + hit.size).toBeGreaterThanOrEqual(byIndex ? source.size + 1 : 1);
  }
  return members === source.size + 1 ? 'whole' : 'lost';
};
