/**
 * The ways of reading as a user has them: processes, with their status.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ZnipError } from 'znip/internal';
import type { Expected } from './model.ts';
import type { Case, Policy } from './stream.ts';
import type { Way } from './ways.ts';

const ZNIP = join(process.env['ZNIP_FUZZ_ROOT'] ?? '.', 'bin/znip.cjs');

const FLAGS: Record<Policy, string[]> = {
  fail: [],
  overwrite: ['--overwrite'],
  keep: ['-k'],
  'keep-newer': ['--keep-newer'],
};

interface Outcome {
  status: number | null;
  stderr: string;
}

function znip(args: readonly string[], input?: string): Outcome {
  const fd = input === undefined ? undefined : openSync(input, 'r');
  try {
    const { status, stderr } = spawnSync(process.execPath, [ZNIP, ...args], {
      stdio: [fd ?? 'ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, stderr };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The statuses that say what happened: names that were kept, members left out, members refused. */
function allowed({ contested, tolerated, settled, taken }: Expected, { policy }: Case): readonly number[] {
  if (contested.size > 0) return [3, 4, 1];
  const kept = policy === 'fail' && taken.size > 0;
  if (tolerated.size + settled.size > 0) return kept ? [1, 3, 4] : [0, 3, 4];
  return kept ? [1] : [0];
}

export function commandWays(tar: string, archive: string, input: Case, expected: Expected): Way[] {
  const good = allowed(expected, input);
  const flags = FLAGS[input.policy];
  const way = (name: string, args: (directory: string) => string[], stdin?: string): Way => ({
    name,
    run: async (directory, heard) => {
      const { status, stderr } = znip(args(directory), stdin);
      heard.said.push(...stderr.split('\n').filter((line) => line.startsWith('znip: ')));
      if (status === null || !good.includes(status)) {
        throw new ZnipError('internal', `status ${status}, expected ${good.join(' or ')}: ${stderr}`);
      }
      if (status === 1) throw new ZnipError('exists', stderr);
      if (status === 4) throw new ZnipError('unsafe-path', stderr);
    },
  });
  return [
    way('command: unpack FILE.tar', (directory) => ['unpack', ...flags, '-C', directory, tar]),
    way('command: unpack - <FILE.tar', (directory) => ['unpack', ...flags, '-C', directory, '-'], tar),
    way('command: unpack FILE.znip', (directory) => ['unpack', ...flags, '-C', directory, archive]),
    way('command: unpack - <FILE.znip', (directory) => ['unpack', ...flags, '-C', directory, '-'], archive),
  ];
}
