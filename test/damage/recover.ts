/** What recover makes of a damaged archive: every member that is whole, no other, and a name for what is lost. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type LostMember, recover, ZnipError } from 'znip/internal';
import { blobAt, expectOriginals, type Property } from '../support/damage.ts';
import { describeTree } from '../support/tree.ts';

/** By a dry run, which is fast. */
export const recoverNames: Property = async ({ kind, offset, path }, sample) => {
  const { blocks, lastBlob, directory } = sample;
  const names: string[] = [];
  const lost: LostMember[] = [];
  const rehearsal = recover(path, {
    directory: join(directory, 'nowhere'),
    threads: 1,
    dryRun: ({ path }) => names.push(path),
    onDamaged: (one) => lost.push(one),
  });
  if (kind === 'cut') {
    if (offset < (blocks[0]?.blobOffset ?? 0)) {
      await expect(rehearsal).rejects.toMatchObject({ code: 'not-an-archive' });
      return 'refused';
    }
    await rehearsal;
    const complete = blocks.findLastIndex(({ end }) => end <= offset);
    expect(names).toEqual([...lastBlob].flatMap(([path, blob]) => (blob <= complete ? [path] : [])));
    expect(lost.length).toBeGreaterThan(0);
    return 'cut';
  }
  await rehearsal;
  const gone = [...lastBlob.keys()].filter((path) => !names.includes(path));
  if (gone.length === 0) return 'whole';
  expect(names.length + lost.filter(({ member }) => member !== null).length).toBeGreaterThan(0);
  // The frame table leads to blobs whose headers are damaged: only blobs cost members.
  expect(blobAt(sample, offset)).toBeGreaterThanOrEqual(0);
  expect(new Set(lost.map(({ member }) => member))).toEqual(new Set(gone));
  return 'lost';
};

/** What it writes, whatever the damage is. */
export const recoverGives: Property = async ({ kind, offset, path }, sample) => {
  const target = join(sample.directory, 'recovered');
  rmSync(target, { recursive: true, force: true });
  const lost: LostMember[] = [];
  try {
    await recover(path, { directory: target, threads: 1, onDamaged: (one) => lost.push(one) });
  } catch (error) {
    expect(error).toBeInstanceOf(ZnipError);
    expect(kind).not.toBe('changed');
    return 'refused';
  }
  const tree = existsSync(join(target, 't')) ? describeTree(join(target, 't')) : new Map();
  expectOriginals(tree, sample.source);
  const gone = [...sample.source.keys()].filter((path) => !tree.has(path));
  if (kind === 'changed') {
    if (blobAt(sample, offset) < 0) expect(gone).toEqual([]);
    for (const path of gone) expect(lost.map(({ member }) => member)).toContain(`t/${path}`);
  }
  return gone.length === 0 ? 'whole' : 'lost';
};
