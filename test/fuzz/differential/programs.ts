/**
 * GNU tar and bsdtar on the same bytes, by a shell that stays: a small process forks quickly, and they work while
 * znip does.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { Program } from './model.ts';
import type { Tree } from './snapshot.ts';
import type { Case, Policy } from './stream.ts';

const POLICY: Record<Program, Record<Policy, string>> = {
  tar: {
    fail: '--skip-old-files',
    keep: '--skip-old-files',
    'keep-newer': '--keep-newer-files',
    overwrite: '',
  },
  bsdtar: { fail: '-k', keep: '-k', 'keep-newer': '--keep-newer-files', overwrite: '' },
};

/** Programs of these names that are what they should be: elsewhere, `tar` may be bsdtar. */
export const PROGRAMS: readonly Program[] = (['tar', 'bsdtar'] as const).filter((program) => {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return program === 'tar' ? stdout?.includes('GNU tar') : stdout?.includes('libarchive');
});

export class Shell {
  private readonly child: ChildProcess;
  private heard = '';
  private readonly waiting: (() => void)[] = [];

  constructor() {
    this.child = spawn('sh', ['-c', 'umask 0; while read -r line; do eval "$line"; echo; done'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.child.unref();
    this.child.stdout?.on('data', (piece: Buffer) => {
      this.heard += piece.toString();
      for (let end = this.heard.indexOf('\n'); end >= 0; end = this.heard.indexOf('\n')) {
        this.heard = this.heard.slice(end + 1);
        this.waiting.shift()?.();
      }
    });
    for (const pipe of [this.child.stdin, this.child.stdout]) {
      (pipe as unknown as { unref?: () => void } | null)?.unref?.();
    }
  }

  /** Runs one line to its end. What it says of members it does not like is not heard. */
  run(line: string): Promise<void> {
    return new Promise((resolve) => {
      // The shell must not keep the process, but what waits for it must.
      const hold = setInterval(() => {}, 60_000);
      this.waiting.push(() => {
        clearInterval(hold);
        resolve();
      });
      this.child.stdin?.write(`${line}\n`);
    });
  }
}

/**
 * The model's tree as far as a program goes by it: bsdtar leaves the mode of a directory that is there already, and so
 * does GNU tar where it is told to keep files, even of one that it has made itself.
 */
export function comparable(program: Program, tree: Tree, { policy, standing }: Case): Tree {
  if (program === 'tar' && (policy === 'overwrite' || standing.length === 0)) return tree;
  const mode = undefined;
  return new Map(
    [...tree].map(([path, seen]) => [path, seen.kind === 'directory' ? { ...seen, mode } : seen]),
  );
}

/**
 * Unpacks a file with each program into the directory of its name below `scratch`, which is there. In an empty target,
 * what the policy says is about the stream's own repeated names for them, and is left away.
 */
export function lineOf(
  scratch: string,
  file: string,
  { policy, standing }: Case,
  programs: readonly Program[],
): string {
  return programs
    .map((program) => {
      const flag = POLICY[program][standing.length === 0 ? 'overwrite' : policy];
      return `${program} --no-same-owner -p ${flag} -xf '${file}' -C '${scratch}/${program}' >/dev/null 2>&1`;
    })
    .join('; ');
}
