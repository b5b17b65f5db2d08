/**
 * Damage of every kind at random places, several at once, in an archive that holds another: verify, recover and
 * repair end, say so, and what they give is as it was packed. The same damage in every run.
 */
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openArchive, pack, recover, repair, unpack, verify } from 'znip/internal';
import { expectOriginals } from '../support/damage.ts';
import { type Described, describeTree, noise, prose, temporaryDirectory } from '../support/tree.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory, name);
const ROUNDS = 40;

/** Numbers below `limit`, the same in every run (a linear congruential generator). */
let state = 20_261;
function below(limit: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return Math.floor((state / 0x80000000) * limit);
}

function damage(archive: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(archive);
  for (let faults = 1 + below(3); faults > 0; faults--) {
    const place = below(bytes.length);
    const length = 1 + below([8, 100, 5000, 60_000][below(4)] ?? 8);
    const before = bytes.subarray(0, place);
    const kinds: (() => Buffer)[] = [
      () =>
        Buffer.concat([
          before,
          Buffer.from([(bytes[place] ?? 0) ^ (1 << below(8))]),
          bytes.subarray(place + 1),
        ]),
      () =>
        Buffer.concat([
          before,
          Buffer.alloc(Math.min(length, bytes.length - place)),
          bytes.subarray(place + length),
        ]),
      () => Buffer.concat([before, bytes.subarray(place + length)]),
      () => Buffer.concat([before, noise(length, place), bytes.subarray(place)]),
      () =>
        Buffer.concat([
          before,
          bytes.subarray(below(bytes.length)).subarray(0, length),
          bytes.subarray(place),
        ]),
      () => Buffer.from(before),
    ];
    bytes = (kinds[below(below(4) === 0 ? kinds.length : kinds.length - 1)] ?? ((): Buffer => bytes))();
  }
  return bytes;
}

/** How many members there are; all of them are as they were packed. */
function countOriginals(root: string, source: Map<string, Described>): number {
  if (!existsSync(root)) return 0;
  const tree = describeTree(root);
  expectOriginals(tree, source);
  return tree.size;
}

/** How many members `recover` gives of the archive that was damaged. */
async function check(source: Map<string, Described>): Promise<number> {
  const report = await verify(at('x.znip'), { threads: 1 });
  expect(report.ok).toBe(false);
  rmSync(at('out'), { recursive: true, force: true });
  await recover(at('x.znip'), { directory: at('out'), threads: 1 });
  const count = countOriginals(at('out/t'), source);
  await repair(at('x.znip'), { output: at('new.znip'), threads: 1 });
  rmSync(at('out'), { recursive: true, force: true });
  const opened = await openArchive(at('new.znip'));
  await unpack(opened, { directory: at('out'), threads: 1 });
  opened.close();
  // Repair has what recover finds by blocks; by an index that is whole, recover may find a little more.
  expect(countOriginals(at('out/t'), source)).toBeLessThanOrEqual(count + 1);
  return count;
}

test('never gives anything that was not packed', async () => {
  mkdirSync(at('t/d'), { recursive: true });
  writeFileSync(at('t/a'), 'first');
  writeFileSync(at('t/b'), noise(40_000, 3));
  writeFileSync(at('t/c'), prose(150_000));
  writeFileSync(at('t/large'), noise(140_000, 5));
  for (let i = 0; i < 20; i++) writeFileSync(at(`t/d/${i}`), noise(i * 100, i + 7));
  linkSync(at('t/a'), at('t/hard'));
  symlinkSync('a', at('t/soft'));
  const options = { directory, output: at('t.znip'), chunkSize: 65536, threads: 1 };
  await pack(['t'], options);
  writeFileSync(
    at('t/nested'),
    Buffer.concat([noise(70_000, 11), readFileSync(at('t.znip')), noise(70_000, 13)]),
  );
  await pack(['t'], options);
  const archive = readFileSync(at('t.znip'));
  const source = describeTree(at('t'));
  let recovered = 0;
  for (let round = 0; round < ROUNDS; round++) {
    writeFileSync(at('x.znip'), damage(archive));
    try {
      recovered += await check(source);
    } catch (cause) {
      throw new Error(`round ${round}: ${String(cause)}`, { cause });
    }
  }
  // Most of what was packed is there in most rounds, or else this shows nothing.
  expect(recovered).toBeGreaterThan((ROUNDS * source.size) / 2);
});
