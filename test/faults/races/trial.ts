/**
 * One trial of the races: the target and what is beside it, a run of znip that is stopped once, an attack, and what must
 * hold afterwards.
 */
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { znip } from '../../support/run.ts';
import { noise, temporaryDirectory } from '../../support/tree.ts';
import { attack, type Attack, ATTACKER, MINE, standing } from './attacks.ts';
import { type Moment, momentsOf, type Outcome, runStopped, type TracedRun } from './stopped-run.ts';

export const isRoot = process.getuid?.() === 0;

const directory = temporaryDirectory();
export const at = (...names: string[]): string => join(directory, ...names);

const FILES = ['s/d/f1', 's/d/f2', 's/d/large', 's/setuid'];
const DIRECTORIES = ['s', 's/d', 's/e'];
const MEMBERS = [...DIRECTORIES, ...FILES, 's/d/hard', 's/d/soft', 's/e/g'];
const contents = new Set<string>();

export interface Way {
  name: string;
  input: boolean;
  policy: readonly string[];
  user: number | undefined;
}

export const WAYS: readonly Way[] = (isRoot ? [undefined, ATTACKER] : [undefined]).flatMap((user) =>
  [[], ['--overwrite'], ['-k']].flatMap((policy) =>
    [false, true].map((input) => ({
      name: `${input ? 'from a pipe' : 'by index'} ${policy.join('')} as ${user ?? 'whoever tests'}`,
      input,
      policy,
      user,
    })),
  ),
);

/** What is unpacked in every trial. */
export function makeArchive(): void {
  // A plain user has to come here, too.
  chmodSync(directory, 0o755);
  mkdirSync(at('s/d'), { recursive: true });
  mkdirSync(at('s/e'));
  writeFileSync(at('s/d/f1'), 'one');
  writeFileSync(at('s/d/f2'), 'two');
  // Longer than a chunk: put together from parts.
  writeFileSync(at('s/d/large'), noise(200_000));
  writeFileSync(at('s/e/g'), 'three');
  writeFileSync(at('s/setuid'), 'four');
  chmodSync(at('s/setuid'), 0o4755);
  linkSync(at('s/d/f1'), at('s/d/hard'));
  symlinkSync('f2', at('s/d/soft'));
  for (const name of [...FILES, 's/e/g']) contents.add(readFileSync(at(name), 'latin1'));
  const packed = znip(['pack', '-q', '--owner', '--chunk-size', '64K', 's', '-o', 's.znip'], {
    cwd: directory,
  });
  if (packed.status !== 0) throw new Error(packed.stderr);
}

export function runOf({ input, policy, user }: Way): TracedRun {
  // With --same-owner, root sets owners and set-user-id bits, too.
  const owners = isRoot && user === undefined ? ['--same-owner'] : [];
  return {
    cwd: directory,
    args: ['unpack', '-q', '-j1', ...policy, ...owners, '-C', 'place/target', input ? '-' : 's.znip'],
    ...(input ? { input: at('s.znip') } : {}),
    ...(user === undefined ? {} : { user }),
  };
}

/** The target and, beside it, what nobody may touch. */
export function prepare(user: number | undefined): void {
  rmSync(at('place'), { recursive: true, force: true });
  for (const name of ['target', 'grave', 'outside/d', 'outside/e'])
    mkdirSync(at('place', name), { recursive: true });
  if (user !== undefined) chownSync(at('place/target'), user, user);
  // As the members are called, so that a way through a symlink leads somewhere.
  for (const name of ['secret', 'f1', 'f2', 'large', 'g', 'setuid', 'd/f1', 'd/f2', 'd/large', 'e/g']) {
    writeFileSync(at('place/outside', name), `secret of ${name}`);
    chmodSync(at('place/outside', name), 0o640);
    // A plain user's own: whoever unpacks could change it.
    if (user !== undefined) chownSync(at('place/outside', name), user, user);
    utimesSync(at('place/outside', name), 1_000_000_000, 1_000_000_000);
  }
  for (const name of ['', 'd', 'e']) {
    if (user !== undefined) chownSync(at('place/outside', name), user, user);
    utimesSync(at('place/outside', name), 1_000_000_000, 1_000_000_000);
  }
}

/** Everything outside, with all that may be changed of it. */
function outside(): string[] {
  const names = ['', ...(readdirSync(at('place/outside'), { recursive: true }) as string[])].sort();
  return names.map((name) => {
    const path = at('place/outside', name);
    const { mode, uid, gid, mtimeMs } = lstatSync(path);
    const content = lstatSync(path).isFile() ? shortened(readFileSync(path, 'latin1')) : '';
    return `${name} ${mode.toString(8)} ${uid}:${gid} ${mtimeMs} ${content}`;
  });
}

function shortened(content: string): string {
  return content.length > 30 ? `${content.length} bytes` : content;
}

/** Every name of the secret: those that the attacker made are in the target or the grave. */
function namesOfSecret(): number {
  return lstatSync(at('place/outside/secret')).nlink;
}

export interface Trial {
  way: Way;
  how: Attack;
  moment: Moment;
}

/** What went wrong, in words. */
export async function attempt({ way, how, moment }: Trial): Promise<string[]> {
  prepare(way.user);
  const before = outside();
  let taken: string[] = [];
  let links = 0;
  const scene = {
    target: at('place/target'),
    outside: at('place/outside'),
    grave: at('place/grave'),
    members: MEMBERS,
  };
  const outcome = await runStopped(runOf(way), moment, () => {
    taken = attack(how, scene);
    links = namesOfSecret();
  });
  const wrong: string[] = [];
  const after = outside();
  if (after.join('\n') !== before.join('\n')) {
    const changed = after.filter((line) => !before.includes(line));
    wrong.push(`outside is changed: ${changed.join('; ') || 'something is gone'}`);
  }
  if (links > 0 && namesOfSecret() > links) wrong.push('a file outside has got another name');
  if (outcome.hangs) wrong.push(outcome.deaf ? 'it hangs and hears no signal' : 'it hangs');
  if (/defect in znip|\n {4}at /.test(outcome.stderr)) wrong.push(`a defect: ${outcome.stderr}`);
  wrong.push(...setUserIdOf(scene.target), ...lostOf(taken, way, how, outcome));
  return wrong.map((what) => `${what} (status ${outcome.status}: ${outcome.stderr.trim()})`);
}

function setUserIdOf(target: string): string[] {
  return readdirSync(target, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const stats = lstatSync(path);
    const isRoots = stats.isFile() && stats.uid === 0 && (stats.mode & 0o6000) !== 0;
    return isRoots && !contents.has(readFileSync(path, 'latin1'))
      ? [`${path} is a set-user-id file of root that the archive does not have`]
      : [];
  });
}

/** Names that somebody took and that were replaced, or kept without a word. */
function lostOf(
  taken: readonly string[],
  { policy }: Way,
  { bait }: Attack,
  { status, stderr }: Outcome,
): string[] {
  if (policy.includes('--overwrite')) return [];
  const wrong: string[] = [];
  for (const name of taken) {
    const path = at('place/target', name);
    const stats = standing(path);
    const stands =
      (bait === 'file' && stats?.isFile() === true && readFileSync(path, 'utf8') === MINE) ||
      (bait === 'symlink' && stats?.isSymbolicLink() === true) ||
      (bait === 'fifo' && stats?.isFIFO() === true) ||
      (bait === 'directory' && stats?.isDirectory() === true);
    if (!stands) wrong.push(`${name}, a ${bait} of somebody else, is replaced`);
    // A directory that is there already is what the archive has.
    const isWanted = bait === 'directory' && DIRECTORIES.includes(name);
    if (!isWanted && !policy.includes('-k') && status === 0) wrong.push(`${name} is kept without a word`);
  }
  const files = taken.filter((name) => !DIRECTORIES.includes(name));
  // Hard links to what is kept may be left out, which is 3.
  if (
    policy.includes('-k') &&
    files.length > 0 &&
    files.length === taken.length &&
    status !== 0 &&
    status !== 3
  ) {
    wrong.push(`what -k keeps is no failure`);
  }
  const [first] = files;
  if (first !== undefined && taken.length === 1 && !policy.includes('-k') && !stderr.includes(first)) {
    wrong.push(`${first} is not named`);
  }
  return wrong;
}

/** Moments of a way, which are the same in every run of it. */
const known = new Map<string, Moment[]>();

export async function moments(way: Way): Promise<Moment[]> {
  const found = known.get(way.name);
  if (found !== undefined) return found;
  prepare(way.user);
  const all = await momentsOf(runOf(way), at('place/target'));
  known.set(way.name, all);
  return all;
}

export function label({ way, how, moment }: Trial): string {
  return `${way.name}: ${how.act} ${how.bait} after ${moment.call} ${moment.nth}, before ${moment.next.slice(0, 90)}`;
}
