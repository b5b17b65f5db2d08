/**
 * Reads one tar stream in every way, by processes, as a user does: the stream from a file and from a pipe, and the
 * archive that `pack --tar` makes of it by its index, from a pipe, by `recover` and by `verify`.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type RunResult, znip } from '../support/run.ts';
import { describeTree, type Described } from '../support/tree.ts';

/** Path to kind and content: `directory`, `symlink a`, `file hello\n`, `file 9500000 bytes`; then other names of the same. */
export type Shown = Record<string, string>;

export interface Outcome {
  way: string;
  /** Whether it reads the archive, and not the stream itself. */
  ofArchive: boolean;
  status: number | null;
  stderr: string;
  tree: Shown;
  described: Map<string, Described>;
  directory: string;
}

export interface Reading {
  /** Of the stream, and by `verify` and the others of the archive. */
  outcomes: Outcome[];
  pack: RunResult;
  verify: RunResult | undefined;
}

export interface Settings {
  threads?: number;
  chunkSize?: string;
  flags?: readonly string[];
}

/** Both numbers of threads with small chunks and with those that are the default. */
export const MANY_SETTINGS: readonly Settings[] = [
  { threads: 1, chunkSize: '64K' },
  { threads: 3, chunkSize: '64K' },
  { threads: 1, chunkSize: '1M' },
  { threads: 3, chunkSize: '1M' },
];

/** Contents longer than this are shown by their length: the test looks at them itself. */
const SHOWN = 40;

function shownTree(root: string, described: Map<string, Described>): Shown {
  const shown: Shown = {};
  for (const [path, { kind, content, links }] of described) {
    shown[path] = kind;
    if (kind === 'symlink') shown[path] += ` ${content}`;
    if (kind !== 'file') continue;
    const bytes = readFileSync(Buffer.from(join(root, path), 'latin1'));
    shown[path] += bytes.length > SHOWN ? ` ${bytes.length} bytes` : ` ${bytes.toString('latin1')}`;
    if (links.length > 1) shown[path] += ` = ${links.filter((other) => other !== path).join(' ')}`;
  }
  return shown;
}

/** Reads into a directory of its own, at every call. */
function reader(place: string, threads: number, flags: readonly string[]) {
  return (way: string, ofArchive: boolean, args: string[], input?: Buffer): Outcome => {
    const directory = mkdtempSync(join(place, 'out-'));
    const options = [...flags, `-j${threads}`, '-C', directory];
    const { status, stderr } = znip([...args, ...options], input === undefined ? {} : { input });
    const described = describeTree(directory);
    return { way, ofArchive, status, stderr, tree: shownTree(directory, described), described, directory };
  };
}

/** The stream alone, from a file and from a pipe: no archive is made of it. */
export function readStream(
  place: string,
  stream: Buffer,
  { threads = 1, flags = [] }: Settings = {},
  name = 'stream.tar',
): Outcome[] {
  const old = readdirSync(place).filter((name) => name.startsWith('out-'));
  for (const directory of old) rmSync(join(place, directory), { recursive: true, force: true });
  const file = join(place, name);
  writeFileSync(file, stream);
  const read = reader(place, threads, flags);
  return [
    read('unpack FILE', false, ['unpack', '-q', file]),
    read('unpack - <FILE', false, ['unpack', '-q', '-'], stream),
  ];
}

/** `place`: a directory of the test's own. What is unpacked stays there until it is asked to read again. */
export function readEveryWay(
  place: string,
  stream: Buffer,
  settings: Settings = {},
  name = 'stream.tar',
): Reading {
  const { threads = 1, chunkSize = '64K', flags = [] } = settings;
  const outcomes = readStream(place, stream, settings, name);
  const archive = join(place, 'stream.znip');
  rmSync(archive, { force: true });
  const from = ['--tar', join(place, name), '-o', archive];
  const pack = znip(['pack', '-q', '--chunk-size', chunkSize, `-j${threads}`, ...from]);
  if (!existsSync(archive)) return { outcomes, pack, verify: undefined };
  const packed = readFileSync(archive);
  const read = reader(place, threads, flags);
  outcomes.push(
    read('unpack by index', true, ['unpack', '-q', archive]),
    read('unpack from a pipe', true, ['unpack', '-q', '-'], packed),
    reader(place, threads, [])('recover', true, ['recover', '-q', archive]),
  );
  return { outcomes, pack, verify: znip(['verify', '-q', `-j${threads}`, archive]) };
}

export interface Right {
  tree: Shown;
  /** Statuses that say so; default: 0 alone, with nothing on standard error. */
  status?: readonly number[];
  /** What standard error must speak of. */
  said?: RegExp;
  /**
   * What an archive cannot say may be left out of it, when `pack --tar` names it with status 3 and so does whoever
   * unpacks what it made.
   */
  orNamed?: string;
}

/** Whether the archive has said that it does not hold this member. */
function isNamedInstead({ pack, outcomes }: Reading, name: string): boolean {
  return pack.status === 3 && pack.stderr.includes(name) && outcomes.some(({ ofArchive }) => ofArchive);
}

/** All ways give this tree, this status and these words. */
export function expectEveryWay(reading: Reading, { tree, status = [0], said, orNamed }: Right): void {
  const instead = orNamed !== undefined && isNamedInstead(reading, orNamed);
  for (const found of reading.outcomes) {
    const { way, ofArchive, stderr } = found;
    if (ofArchive && instead) {
      const { [orNamed]: leftOut, ...rest } = found.tree;
      const { [orNamed]: wanted, ...others } = tree;
      expect({ way, status: found.status, rest }).toEqual({ way, status: 3, rest: others });
      expect([undefined, wanted], way).toContain(leftOut);
      expect(stderr, way).toContain(orNamed);
      continue;
    }
    expect({ way, stderr, tree: found.tree }).toEqual({ way, stderr, tree });
    expect(status, `${way}: ${stderr}`).toContain(found.status);
    if (said !== undefined && found.status !== 0) expect(stderr, way).toMatch(said);
    if (status.length === 1 && status[0] === 0 && said === undefined) {
      expect({ way, stderr }).toEqual({ way, stderr: '' });
    }
  }
  // What is named where it is unpacked, because programs read it differently, `verify` counts apart.
  if (status.includes(3)) expect([0, 3]).toContain(reading.verify?.status);
  else expect(reading.verify).toMatchObject({ status: 0, stderr: '' });
  if (said === undefined && !instead) {
    expect({ status: reading.pack.status, stderr: reading.pack.stderr }).toEqual({ status: 0, stderr: '' });
  }
}
