/**
 * Target `differential`: tar streams with repeated names, links in any order and kinds that replace each other, read
 * in every way of znip's and by GNU tar and bsdtar, and each held against the model. What fails is made smaller.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ZnipError } from 'znip/internal';
import type { Random } from '../random.ts';
import { PropertyError, type Target } from '../target.ts';
import { commandWays } from './commands.ts';
import { judge } from './judge.ts';
import { expectedOf, LINK_TO_ITSELF, type Program } from './model.ts';
import { comparable, lineOf, PROGRAMS, Shell } from './programs.ts';
import { difference, plant, snapshot } from './snapshot.ts';
import { type Case, describeCase, encodeStream, randomCase } from './stream.ts';
import { archiveWays, type Heard, packStream, streamWays, verifyBoth, type Way } from './ways.ts';

/** By way of reading, how often what it gave was compared. */
export type Counts = Map<string, number>;

export const COMPARED: Counts = new Map();

function count(counts: Counts, way: string): void {
  counts.set(way, (counts.get(way) ?? 0) + 1);
}

let shell: Shell | undefined;

/** Unpacks in one way and judges what came of it. */
async function tryWay(
  input: Case,
  expected: ReturnType<typeof expectedOf>,
  way: Way,
  directory: string,
  counts: Counts,
  before: readonly string[] = [],
): Promise<string[]> {
  plant(directory, input.standing);
  const heard: Heard = { said: [], error: undefined };
  try {
    await way.run(directory, heard);
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    heard.error = error;
  }
  const wrong = judge(input, expected, snapshot(directory), heard, before);
  rmSync(directory, { recursive: true, force: true });
  count(counts, way.name.replace(/, (?:-j|pieces).*/, ''));
  return wrong.map((what) => `${way.name}: ${what}`);
}

/** The model against programs that have it as the model does. */
function comparePrograms(
  scratch: string,
  input: Case,
  expected: ReturnType<typeof expectedOf>,
  programs: readonly Program[],
  counts: Counts,
): string[] {
  return programs.flatMap((program) => {
    const directory = join(scratch, program);
    const found = snapshot(directory);
    rmSync(directory, { recursive: true, force: true });
    const tree = comparable(program, expected.tree, input);
    count(counts, program);
    return [...new Set([...tree.keys(), ...found.keys()])]
      .map((path) => difference(path, tree.get(path), found.get(path)))
      .filter((what) => what !== undefined)
      .map((what) => `${program} beside the model: ${what}`);
  });
}

/** Programs beside the model alone: what is wrong is the model, or a difference that it does not know yet. */
export async function tryPrograms(input: Case, scratch: string): Promise<string[]> {
  const expected = expectedOf(input);
  const tar = join(scratch, 'stream.tar');
  writeFileSync(tar, encodeStream(input.pieces));
  const programs = plantPrograms(input, expected, scratch);
  shell ??= new Shell();
  await shell.run(lineOf(scratch, tar, input, programs) || ':');
  return comparePrograms(scratch, input, expected, programs, new Map());
}

/** Where a program is known to have it otherwise there is nothing to compare, and bsdtar waits at a FIFO for ever. */
function plantPrograms(
  { standing }: Case,
  { apart }: ReturnType<typeof expectedOf>,
  scratch: string,
): readonly Program[] {
  const programs = PROGRAMS.filter((program) => apart[program].size === 0);
  for (const program of programs) plant(join(scratch, program), standing);
  return programs;
}

/** Everything that is wrong with how a stream is read. */
export async function tryCase(
  input: Case,
  scratch: string,
  withCommands: boolean,
  counts: Counts = new Map(),
): Promise<string[]> {
  const expected = expectedOf(input);
  const [tar, archive, target] = [
    join(scratch, 'stream.tar'),
    join(scratch, 'stream.znip'),
    join(scratch, 'target'),
  ];
  writeFileSync(tar, encodeStream(input.pieces));
  const programs = plantPrograms(input, expected, scratch);
  shell ??= new Shell();
  const unpacked = shell.run(lineOf(scratch, tar, input, programs) || ':');
  const wrong: string[] = [];
  // Threads are started for much content alone.
  const size = input.pieces.reduce((sum, piece) => sum + piece.size, 0);
  for (const threads of size > WORTH_THREADS ? [1, 3] : [1]) {
    for (const way of streamWays(tar, input, threads))
      wrong.push(...(await tryWay(input, expected, way, target, counts)));
    const { said, error } = await packStream(tar, archive, input, threads);
    if (error !== undefined) wrong.push(`pack --tar: ${error.code}: ${error.message}`);
    else {
      for (const way of archiveWays(archive, input, threads)) {
        wrong.push(...(await tryWay(input, expected, way, target, counts, said)));
      }
      // What is refused or left out, and a link to nothing but itself, may be called damage.
      const alone = expectedOf({ ...input, standing: [] });
      const { contested, tolerated, settled, apart } = alone;
      const isWhole = contested.size + tolerated.size + settled.size === 0 && !apart.tar.has(LINK_TO_ITSELF);
      if (isWhole) {
        wrong.push(...(await verifyBoth(archive, threads)));
        count(counts, 'verify');
      }
    }
  }
  if (withCommands) {
    for (const way of commandWays(tar, archive, input, expected)) {
      wrong.push(...(await tryWay(input, expected, way, target, counts)));
    }
  }
  await unpacked;
  wrong.push(...comparePrograms(scratch, input, expected, programs, counts));
  rmSync(archive, { force: true });
  return wrong;
}

/** As `INLINE_BYTES` of the readers. */
const WORTH_THREADS = 8 << 20;

/** One stream in so many is read by the commands, too, which takes processes. */
const COMMANDS_ONE_IN = 500;

/** Takes members and settings away as long as something stays wrong. */
export async function minimise(input: Case, fails: (smaller: Case) => Promise<boolean>): Promise<Case> {
  let smallest = input;
  for (let went = true; went;) {
    went = false;
    const without = (key: 'pieces' | 'standing', row: number): Case => ({
      ...smallest,
      [key]: smallest[key].filter((_, i) => i !== row),
    });
    const candidates = [
      ...smallest.pieces.map((_, row) => () => without('pieces', row)),
      ...smallest.standing.map((_, row) => () => without('standing', row)),
      ...smallest.pieces.map((_, row) => () => ({ ...smallest, pieces: simpler(smallest.pieces, row) })),
    ];
    for (const candidate of candidates) {
      const smaller = candidate();
      if (smaller.pieces.length === 0 || JSON.stringify(smaller) === JSON.stringify(smallest)) continue;
      if (!(await fails(smaller))) continue;
      smallest = smaller;
      went = true;
      break;
    }
  }
  return smallest;
}

function simpler(pieces: Case['pieces'], row: number): Case['pieces'] {
  return pieces.map((piece, i) =>
    i === row ? { ...piece, form: 'ustar', size: Math.min(piece.size, 5) } : piece,
  );
}

async function run(random: Random, scratch: string): Promise<void> {
  // Modes are as the archive has them, whoever unpacks.
  const umask = process.umask(0);
  try {
    const input = randomCase(random);
    const withCommands = random.chance(COMMANDS_ONE_IN);
    const wrong = await tryCase(input, scratch, withCommands, COMPARED);
    if (wrong.length === 0) return;
    // The same way must fail: what is smaller and fails otherwise is another finding.
    const way = wrong[0]?.split(':')[0] ?? '';
    const smallest = await minimise(input, async (smaller) =>
      (await tryCase(smaller, scratch, withCommands)).some((what) => what.startsWith(way)),
    );
    const again = await tryCase(smallest, scratch, withCommands);
    throw new PropertyError(`${(again.length > 0 ? again : wrong).join('\n  ')}\n${describeCase(smallest)}`);
  } finally {
    process.umask(umask);
  }
}

export const differential: Target = { name: 'differential', sliceMs: 1000, run };
