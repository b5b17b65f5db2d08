/**
 * Some random tar streams, the same each time: every way of reading has them as the model says, and so do GNU tar and
 * bsdtar.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { lacks } from '../../support/run.ts';
import { temporaryDirectory } from '../../support/tree.ts';
import { tryInput } from '../main.ts';
import { Random } from '../random.ts';
import { differential, tryPrograms } from './differential.ts';
import { randomCase } from './stream.ts';

type Inputs = readonly [from: number, to: number];

export function readAlike({ streams, programs }: { streams: Inputs; programs: Inputs }): void {
  const scratch = join(temporaryDirectory(), 'scratch');

  beforeAll(() => {
    mkdirSync(scratch);
    process.umask(0o022);
  });

  test('no stream is read otherwise than the model says', { timeout: 240_000 }, async () => {
    const findings: string[] = [];
    // Three are enough to go on with: each is made smaller, which takes its time.
    for (let input = streams[0]; input < streams[1] && findings.length < 3; input++) {
      const finding = await tryInput(differential, 1, input, scratch);
      if (finding !== undefined) findings.push(`input ${input}: ${finding.error}`);
    }
    expect(findings).toEqual([]);
  });

  test.skipIf(lacks('tar', 'bsdtar'))('GNU tar and bsdtar have it as the model says', async () => {
    const umask = process.umask(0);
    try {
      for (let input = programs[0]; input < programs[1]; input++) {
        const wrong = await tryPrograms(randomCase(new Random(Math.imul(input, 0x85ebca6b))), scratch);
        expect(wrong, `stream ${input}`).toEqual([]);
      }
    } finally {
      process.umask(umask);
    }
  });
}
