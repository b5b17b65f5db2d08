/**
 * Hostile and odd archives, each unpacked by its index and from a stream, with one thread and with three, by
 * root and by a plain user. Nothing outside the target is ever touched.
 */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { exitStatusOf } from '../../src/cli/process/exit-status.ts';
import { ZnipError, type ZnipErrorCode } from '../../src/errors.ts';
import { type ForgedMember, forgeArchive } from '../support/forge.ts';
import { temporaryDirectory } from '../support/tree.ts';

const ATTEMPTS = fileURLToPath(new URL('attempts.js', import.meta.url));
const NOBODY = 65534;

const file = (path: string, content = 'content'): ForgedMember => ({ path, content });
const folder = (path: string, mode = 0o755): ForgedMember => ({ path, kind: 'directory', mode });
const symlink = (path: string, linkTarget: string): ForgedMember => ({ path, kind: 'symlink', linkTarget });
const hardlink = (path: string, linkTarget: string): ForgedMember => ({ path, kind: 'hardlink', linkTarget });

type Standing =
  | ['file', string, string]
  | ['directory', string, number?]
  | ['symlink', string, string]
  | ['link', string, string]
  | ['fifo', string];

interface Case {
  name: string;
  members: ForgedMember[];
  /** What stands in the target before. */
  prepare?: Standing[];
  options?: Record<string, unknown>;
}

interface Result {
  name: string;
  way: 'index' | 'stream' | 'changed';
  threads: number;
  user: number;
  code: ZnipErrorCode | 'done' | 'no ZnipError';
  message: string;
  /** What was said to be refused by the file system. */
  refused: string[];
  /** What is in the target: `kind mode content` by path. */
  target: Record<string, string>;
  /** What has changed beside the target. */
  outside: string[];
  /** Nothing has changed in the target either. */
  unchanged: boolean;
}

/** Refused by the index before anything is written; from a stream, at the latest when the member comes. */
const REFUSED: Case[] = [
  ...[
    '../escape',
    'a/../../escape',
    'a/..',
    '..',
    '../target-not/x',
    '/tmp/znip-absolute',
    '//znip-absolute',
    './a',
    'a/./b',
    '.',
    'a//b',
    'a/',
    'a\0b',
    'x'.repeat(256),
    `${'y/'.repeat(2047)}yyy`,
  ].map((path) => ({ name: `the name ${JSON.stringify(path).slice(0, 24)}`, members: [file(path)] })),
  { name: 'a file below a symlink', members: [symlink('link', '..'), file('link/escape')] },
  { name: 'a file below a symlink that comes later', members: [file('link/inside'), symlink('link', '..')] },
  {
    name: 'a directory below a symlink',
    members: [symlink('link', '../elsewhere'), folder('link/d', 0o777)],
  },
  { name: 'a symlink below a symlink', members: [symlink('link', '..'), symlink('link/escape', 'x')] },
  {
    name: 'a hard link below a symlink',
    members: [file('f'), symlink('link', '..'), hardlink('link/h', 'f')],
  },
  { name: 'a file below a file', members: [file('plain'), file('plain/below')] },
  {
    name: 'a file below a hard link',
    members: [file('plain'), hardlink('hard', 'plain'), file('hard/below')],
  },
  {
    name: 'symlinks that leave the target step by step',
    members: [symlink('a', '.'), symlink('a/b', '..'), file('a/b/escape')],
  },
  {
    name: 'a directory that becomes a symlink (CVE-2021-32803)',
    members: [folder('d'), symlink('d', '../elsewhere'), file('d/escape')],
  },
  {
    name: 'a file that becomes a symlink with a file below it',
    members: [file('d'), symlink('d', '../elsewhere'), file('d/escape')],
  },
  {
    name: 'a directory with a member and a file of one name',
    members: [folder('same'), file('same/f'), file('same')],
  },
  { name: 'a hard link to a path outside', members: [hardlink('h', '../elsewhere/victim')] },
  { name: 'a hard link to an absolute path', members: [hardlink('h', '/etc/passwd')] },
  { name: 'a hard link to itself', members: [hardlink('h', 'h')] },
  { name: 'a hard link to nothing', members: [hardlink('h', 'nothing')] },
  {
    name: 'a hard link through a symlink',
    members: [symlink('s', '../elsewhere'), hardlink('h', 's/victim')],
  },
  { name: 'a hard link to a directory', members: [folder('d'), hardlink('h', 'd')] },
  {
    name: 'a hard link to a hard link that refers to itself',
    members: [hardlink('a', 'b'), hardlink('b', 'a')],
  },
  {
    name: 'a symlink on the way that stands there',
    members: [file('d/escape')],
    prepare: [['symlink', 'd', '../elsewhere']],
  },
  {
    name: 'a symlink of an earlier archive (CVE-2025-45582)',
    members: [folder('d', 0o777), file('d/victim', 'overwritten')],
    prepare: [['symlink', 'd', '../elsewhere']],
    options: { existing: 'overwrite' },
  },
  {
    name: 'a symlink where a directory goes: its mode and time stay',
    members: [folder('d', 0o777)],
    prepare: [['symlink', 'd', '../elsewhere']],
    options: { existing: 'overwrite' },
  },
  {
    name: 'more directories than members may be',
    members: Array.from({ length: 10 }, (_, i) => file(`${i}/${'d/'.repeat(200)}f`)),
    options: { maxMembers: 1000 },
  },
  { name: 'a name that is too deep', members: [file('a/b/c/d')], options: { maxDepth: 3 } },
];

/** What stands in the way stays, and is told. */
const KEPT: Case[] = [
  { name: 'a file where a file goes', members: [file('f')], prepare: [['file', 'f', 'mine']] },
  { name: 'a file where a directory goes', members: [file('d/f')], prepare: [['file', 'd', 'mine']] },
  { name: 'a FIFO where a file goes', members: [file('f')], prepare: [['fifo', 'f']] },
  { name: 'a FIFO where a directory goes', members: [file('d/f')], prepare: [['fifo', 'd']] },
  {
    name: 'a symlink where a file goes',
    members: [file('f')],
    prepare: [['symlink', 'f', '../elsewhere/victim']],
  },
  {
    name: 'a dangling symlink where a file goes',
    members: [file('f')],
    prepare: [['symlink', 'f', '../new']],
  },
  {
    name: 'a symlink where a symlink goes',
    members: [symlink('s', 'x')],
    prepare: [['symlink', 's', '../new']],
  },
  {
    name: 'a directory that holds something where a file goes, even to be replaced',
    members: [file('f')],
    prepare: [
      ['directory', 'f'],
      ['file', 'f/mine', 'mine'],
    ],
    options: { existing: 'overwrite' },
  },
];

/** What stands there is replaced, and never written through. */
const REPLACED: Case[] = (
  [
    ['symlink', 'f', '../elsewhere/victim'],
    ['symlink', 'f', '../new'],
    ['link', 'f', '../elsewhere/victim'],
    ['fifo', 'f'],
    ['file', 'f', 'mine'],
  ] as Standing[]
).map((standing) => ({
  name: `${standing[0]} ${standing[2] ?? ''}`.trim(),
  members: [file('f')],
  prepare: [standing],
  options: { existing: 'overwrite' },
}));

const ODDITIES: ForgedMember[] = [
  file('acorn/bin/acorn'),
  symlink('.bin/acorn', '../acorn/bin/acorn'),
  symlink('absolute', '/etc/hostname'),
  symlink('dangling', 'nowhere'),
  symlink('loop', 'loop'),
  symlink('up', '../../..'),
  ...[
    'new\nline',
    '-rf',
    '...',
    '..hidden',
    'a b',
    'back\\slash',
    '..\\up',
    'C:',
    'C:\\x',
    '\\\\host\\share',
  ].map((name) => file(name)),
  ...[
    'CON',
    'NUL',
    'aux.txt',
    'dev/null',
    'proc/self/mem',
    'trailing.',
    'trailing ',
    '~',
    '$HOME',
    '*',
    '"quotes\'',
  ].map((name) => file(name)),
  ...['README', 'readme', 'caf\u00e9', 'cafe\u0301', 'stra\u00dfe', 'strasse'].map((name) => file(name)),
  file('z'.repeat(255)),
  file(`${'deep/'.repeat(300)}down`),
];

const HARMLESS: Case[] = [
  { name: 'oddities', members: ODDITIES },
  {
    name: 'a symlink and a directory that differ by normalisation (CVE-2021-37712)',
    members: [symlink('cafe\u0301', '..'), file('caf\u00e9/escape')],
  },
  {
    name: 'a symlink and a directory that differ by case',
    members: [symlink('D', '../elsewhere'), file('d/escape')],
  },
  {
    name: 'set-user-id, set-group-id and sticky bits',
    members: [{ ...file('f'), mode: 0o6755 }, folder('d', 0o3777)],
  },
  { name: 'a hard link to a symlink', members: [symlink('s', '../elsewhere/victim'), hardlink('h', 's')] },
  { name: 'a directory and a file of one name', members: [folder('same'), file('same')] },
  { name: 'a directory that nobody may write', members: [folder('d', 0o555), file('d/f')] },
];

const READ_ONLY: Case = {
  name: 'a read-only directory in the target',
  members: [file('d/f')],
  prepare: [['directory', 'd', 0o555]],
};

const CASES = [READ_ONLY, ...REFUSED, ...KEPT, ...REPLACED, ...HARMLESS];

const directory = temporaryDirectory();
const results: Result[] = [];
/** Why no plain user took part. */
let withoutUser: string | undefined;

beforeAll(async () => {
  chmodSync(directory, 0o755);
  const cases = CASES.map(({ name, members, prepare, options }, number) => {
    const archive = join(directory, `${number}.znip`);
    // With this much content, both ways of unpacking start threads.
    const ballast = { path: 'zz-ballast', content: Buffer.alloc(8 * 1024 * 1024 + 1) };
    writeFileSync(archive, forgeArchive([...members, ballast]));
    return { name, archive, prepare, options };
  });
  writeFileSync(join(directory, 'cases.json'), JSON.stringify(cases));
  const root = process.getuid?.() === 0;
  if (!root) withoutUser = 'the tests do not run as root: nothing was tried as another user';
  const runs = [attempts(process.getuid?.() ?? 0)];
  if (root) {
    const other = attempts(NOBODY).catch((error: unknown) => {
      // The project may lie where nobody else can read it.
      withoutUser = `no plain user could run the program: ${String(error)}`;
    });
    runs.push(other);
  }
  await Promise.all(runs);
  if (withoutUser !== undefined) process.stderr.write(`${withoutUser}\n`);
}, 300_000);

async function attempts(user: number): Promise<void> {
  const place = join(directory, `user-${user}`);
  mkdirSync(place);
  chownSync(place, user, user);
  const identity = user === process.getuid?.() ? {} : { uid: user, gid: user };
  const child = spawn(process.execPath, [ATTEMPTS, join(directory, 'cases.json'), place], {
    ...identity,
    cwd: '/',
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (errors += piece.toString()));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`${status}: ${errors.slice(0, 500)}`);
  results.push(...(JSON.parse(output) as Result[]));
}

/** The results of a case: by both ways, with one thread and three, by every user; or those of an update. */
function resultsOf({ name }: Case, ofUpdate = false): Result[] {
  const found = results.filter((result) => result.name === name);
  expect(found).toHaveLength(withoutUser === undefined && process.getuid?.() === 0 ? 10 : 5);
  for (const { outside, way, threads, user, code } of found) {
    expect(outside, `${way}, ${threads} threads, user ${user}: changed beside the target`).toEqual([]);
    expect(code).not.toBe('no ZnipError');
    expect(code).not.toBe('internal');
  }
  expect(existsSync('/tmp/znip-escape') || existsSync('/znip-escape')).toBe(false);
  return found.filter(({ way }) => (way === 'changed') === ofUpdate);
}

const label = ({ way, threads, user, message }: Result): string =>
  `${way}, ${threads} threads, user ${user}: ${message}`;

describe('refused with status 4, and nothing outside the target', () => {
  test.each(REFUSED)('$name', (one) => {
    for (const result of resultsOf(one)) {
      expect(result.code, label(result)).not.toBe('done');
      const status = exitStatusOf(new ZnipError(result.code as ZnipErrorCode, ''));
      expect(status, label(result)).toBe(4);
      // By the index, all is known before anything is written; but what stands in the way is met later.
      if (result.way === 'index' && one.prepare === undefined)
        expect(result.unchanged, label(result)).toBe(true);
      for (const path of Object.keys(result.target)) expect(path).not.toMatch(/escape|\.part$/);
    }
  });
});

describe('what stands in the way stays', () => {
  test.each(KEPT)('$name', (one) => {
    for (const result of resultsOf(one)) {
      expect(['exists', 'io'], label(result)).toContain(result.code);
      const [kind, path] = one.prepare?.[0] ?? ['', ''];
      expect(result.target[path], label(result)).toMatch(new RegExp(`^${kind}`));
      if (kind === 'file') expect(result.target[path]).toMatch(/mine$/);
    }
  });
});

describe('what is replaced is not written through', () => {
  test.each(REPLACED)('$name', (one) => {
    for (const result of resultsOf(one)) {
      expect(result.code, label(result)).toBe('done');
      expect(result.target['f'], label(result)).toMatch(/^file 644 .* content$/);
    }
  });
});

describe('harmless', () => {
  test('oddities extract', () => {
    for (const result of resultsOf(HARMLESS[0] as Case)) {
      expect(result.code, label(result)).toBe('done');
      for (const { path, kind = 'file', linkTarget } of ODDITIES) {
        const found = result.target[path];
        expect(found, `${label(result)}: ${path}`).toBe(
          kind === 'file' ? 'file 644 new content' : `symlink ${linkTarget}`,
        );
      }
    }
  });

  test.each(HARMLESS.slice(1))('$name', (one) => {
    for (const result of resultsOf(one)) {
      expect(result.code, label(result)).toBe('done');
      for (const description of Object.values(result.target)) {
        expect(description, 'special permission bits').not.toMatch(/^(?:file|directory) [1-7]\d{3}/);
      }
    }
  });
});

test('a directory that nobody may write gets its mode last', () => {
  for (const result of resultsOf(HARMLESS.find(({ name }) => name.includes('nobody may write')) as Case)) {
    expect(result.target['d'], label(result)).toBe('directory 555');
    expect(result.target['d/f'], label(result)).toMatch(/content$/);
  }
});

test('a read-only directory in the target: a plain user gets all but what belongs in it, with the reason', () => {
  for (const result of resultsOf(READ_ONLY)) {
    expect(result.code, label(result)).toBe('done');
    expect(result.target['zz-ballast'], label(result)).toBeDefined();
    const isRefused = result.user !== 0;
    expect(result.target['d/f'] === undefined, label(result)).toBe(isRefused);
    expect(result.refused).toEqual(
      isRefused ? ['d/f: left out: it cannot be created: permission denied'] : [],
    );
  }
});

describe('an update that may replace and remove', () => {
  test.each(REFUSED)('$name', (one) => {
    for (const result of resultsOf(one, true)) {
      // Symlinks that stood in the way are gone, and limits were not set.
      if (one.prepare !== undefined || one.options !== undefined) continue;
      expect(result.code, label(result)).not.toBe('done');
      expect(result.unchanged, label(result)).toBe(true);
    }
  });

  test.each([...KEPT, ...REPLACED])('$name', (one) => {
    for (const result of resultsOf(one, true)) {
      // What stood in the way is gone, whatever it was, unless the system refuses that to a user.
      const isDone = result.code === 'done' && result.refused.length === 0;
      expect(isDone || result.user !== 0, label(result)).toBe(true);
    }
  });
});
