/**
 * Tries inputs one after the other: the process that `run.js` watches. It tells which input it is at before
 * it tries it, so that one which hangs or kills it is known.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARCHIVE_TARGETS } from './archives.ts';
import { COMPARED, differential } from './differential/differential.ts';
import { growth } from './growth.ts';
import { patterns } from './patterns.ts';
import { Random } from './random.ts';
import { STRUCTURE_TARGETS } from './structures.ts';
import { TABLE_TARGETS } from './tables.ts';
import type { Target } from './target.ts';

export const TARGETS: readonly Target[] = [
  ...STRUCTURE_TARGETS,
  ...TABLE_TARGETS,
  patterns,
  growth,
  ...ARCHIVE_TARGETS,
  differential,
];

export interface Finding {
  target: string;
  seed: number;
  input: number;
  error: string;
}

/** Resident memory that no input may bring the process to. */
const MOST_MEMORY = 1 << 30;

/** The randomness of one input: any of them can be made again alone. */
function randomOf(target: Target, seed: number, input: number): Random {
  let state = seed;
  for (const character of target.name) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193);
  return new Random(Math.imul(state, 0x85ebca6b) ^ input);
}

const BUDGET_MS = 2000;

/** CPU time of this process, in milliseconds: what else the machine does is no matter. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Tries one input; undefined when all properties hold. `hasBudget`: it takes no more CPU time than its target grants. */
export async function tryInput(
  target: Target,
  seed: number,
  input: number,
  scratch: string,
  hasBudget = false,
): Promise<Finding | undefined> {
  const budget = target.budgetMs ?? BUDGET_MS;
  const before = cpuMs();
  try {
    await target.run(randomOf(target, seed, input), scratch);
    const taken = cpuMs() - before;
    if (hasBudget && taken > budget) {
      throw new Error(`${Math.round(taken)} ms of CPU time, expected at most ${budget}`);
    }
    const memory = process.memoryUsage.rss();
    if (memory > MOST_MEMORY) throw new Error(`${Math.round(memory / (1 << 20))} MiB of memory`);
    return undefined;
  } catch (error) {
    return {
      target: target.name,
      seed,
      input,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
  }
}

interface Order {
  /** Targets; all of them when there are none. */
  names: string[];
  seed: number;
  /** By target, the number of the input to begin with. */
  next: Record<string, number>;
  /** How long to go on; undefined: one input of each. */
  ms: number | undefined;
}

/** Tells `run.js`. When that is gone, so is this process, by `disconnect`. */
function tell(message: object): void {
  process.send?.(message, undefined, undefined, () => {});
}

async function main({ names, seed, next, ms }: Order): Promise<void> {
  const unknown = names.filter((name) => !TARGETS.some((target) => target.name === name));
  if (unknown.length > 0) {
    const known = TARGETS.map(({ name }) => name).join(', ');
    process.stderr.write(`There is no target ${unknown.join(', ')}: expected some of ${known}\n`);
    process.exitCode = 2;
    return;
  }
  const chosen = TARGETS.filter(({ name }) => names.length === 0 || names.includes(name));
  const scratch = mkdtempSync(join(process.env['ZNIP_FUZZ_SCRATCH'] ?? tmpdir(), 'znip-fuzz-'));
  process.on('disconnect', () => process.exit());
  const end = performance.now() + (ms ?? 0);
  do {
    for (const target of chosen) {
      const turn = performance.now() + (ms === undefined ? 0 : target.sliceMs);
      do {
        const input = next[target.name] ?? 0;
        next[target.name] = input + 1;
        tell({ at: { target: target.name, seed, input } });
        const finding = await tryInput(target, seed, input, scratch, true);
        if (finding !== undefined) tell({ finding });
      } while (performance.now() < turn);
      // Messages leave when the event loop turns.
      await new Promise((resolve) => setImmediate(resolve));
    }
  } while (performance.now() < end);
  tell({ compared: Object.fromEntries(COMPARED) });
  rmSync(scratch, { recursive: true, force: true });
  process.disconnect?.();
}

if (process.send !== undefined && process.argv[2] !== undefined) {
  await main(JSON.parse(process.argv[2]) as Order);
}
