/**
 * A second process that may write in the target and acts between two system calls of `unpack`. Whatever it does: no
 * file outside is written, nor gets another mode, owner, time or a name by znip; no set-user-id file of root has a
 * content that is not the archive's; nothing waits at a FIFO; what somebody made under a member's name is kept.
 *
 * A few moments of every attack here; `npm run faults -- --races 2000` tries so many of all of them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../../fuzz/random.ts';
import { type Attack, ATTACKS } from './attacks.ts';
import { CANNOT_TRACE, type Moment, runStopped } from './stopped-run.ts';
import {
  at,
  attempt,
  isRoot,
  label,
  makeArchive,
  moments,
  prepare,
  runOf,
  type Trial,
  type Way,
  WAYS,
} from './trial.ts';

const RACES = Number(process.env['ZNIP_RACES'] ?? 0);

beforeAll(makeArchive);

/** The next call at the moments that matter for an attack: the last word before a name is used. */
const BEFORE: Record<Attack['act'], readonly RegExp[]> = {
  'swap-files': [
    /^rename/,
    /^link/,
    /^openat\(\d+, "[^"]*", O_WRONLY\|O_NOFOLLOW/,
    /^utimensat\(\d+, "/,
    /^openat.*O_RDONLY/,
  ],
  'swap-directories': [/^openat.*O_CREAT/, /^rename/, /^symlink/, /^link/, /^openat.*O_RDONLY/],
  take: [/^openat.*O_CREAT/, /^rename/, /^symlink/, /^link/, /^mkdir/],
};

describe.skipIf(CANNOT_TRACE)('between two system calls', { timeout: 300_000 }, () => {
  test('the moments of a run are found', async () => {
    for (const way of WAYS.slice(0, 2)) {
      const all = await moments(way);
      expect(all.length, way.name).toBeGreaterThan(15);
      expect(all.filter(({ next }) => /^(?:rename|link)/.test(next)).length, way.name).toBeGreaterThan(0);
    }
  });

  test('a run that is stopped and left alone gives what it should', async () => {
    const way = WAYS[0] as Way;
    const moment = (await moments(way))[8] as Moment;
    prepare(way.user);
    const outcome = await runStopped(runOf(way), moment, () => {});
    expect(outcome).toMatchObject({ status: 0, stderr: '', hangs: false, stopped: true });
    expect(readFileSync(at('place/target/s/d/f1'), 'utf8')).toBe('one');
  });

  test.each(ATTACKS)('$act: $bait', async (how) => {
    const wrong: string[] = [];
    const { length } = WAYS;
    let turn = ATTACKS.indexOf(how);
    for (const [row, before] of BEFORE[how.act].entries()) {
      // Every way has its turn: all moments of all ways are for the long run.
      const way = WAYS[turn++ % length] as Way;
      const all = await moments(way);
      // Where a run makes no such call, some other moment will do.
      const other = all[Math.floor(((row + 1) * all.length) / 6)] as Moment;
      const moment = all.find(({ next }) => before.test(next)) ?? other;
      const trial = { way, how, moment };
      wrong.push(...(await attempt(trial)).map((what) => `${label(trial)}: ${what}`));
    }
    expect(wrong).toEqual([]);
  });
});

/** Whether others' files may be linked to (proc(5)): the kernel's own guard, which is not everywhere. */
const PROTECTED = '/proc/sys/fs/protected_hardlinks';

function setProtected(value: string): boolean {
  try {
    writeFileSync(PROTECTED, value);
    return readFileSync(PROTECTED, 'utf8').trim() === value;
  } catch {
    return false;
  }
}

const wasProtected = isRoot ? readFileSync(PROTECTED, 'utf8').trim() : '1';
const canSet = isRoot && setProtected(wasProtected);
if (!canSet) process.stderr.write(`${PROTECTED} cannot be set here: tried with what it is\n`);

describe.skipIf(CANNOT_TRACE).each(canSet ? ['0', '1'] : [wasProtected])(
  'hard links to what was swapped, with protected_hardlinks %s',
  { timeout: 300_000 },
  (value) => {
    beforeAll(() => {
      if (canSet) setProtected(value);
    });
    afterAll(() => {
      if (canSet) setProtected(wasProtected);
    });

    test.each(WAYS.filter(({ policy }) => policy.length === 0))('$name', async (way) => {
      const all = await moments(way);
      const wrong: string[] = [];
      for (const bait of ['hardlink', 'symlink', 'file'] as const) {
        const moment = all.findLast(({ next }) => next.startsWith('link'));
        if (moment === undefined) throw new Error('no link is made');
        const trial: Trial = { way, how: { act: 'swap-files', bait }, moment };
        wrong.push(...(await attempt(trial)).map((what) => `${label(trial)}: ${what}`));
      }
      expect(wrong).toEqual([]);
    });
  },
);

describe.skipIf(CANNOT_TRACE || RACES === 0)('the sweep', () => {
  test(`${RACES} attacks at any moment`, { timeout: RACES * 30_000 }, async () => {
    const seed = Number(process.env['ZNIP_RACES_SEED'] ?? 1);
    const random = new Random(seed);
    const wrong: string[] = [];
    for (let i = 0; i < RACES; i++) {
      const way = random.pick(WAYS);
      const trial = { way, how: random.pick(ATTACKS), moment: random.pick(await moments(way)) };
      wrong.push(...(await attempt(trial)).map((what) => `${i} ${label(trial)}: ${what}`));
    }
    expect(wrong, `seed ${seed}`).toEqual([]);
  });
});
