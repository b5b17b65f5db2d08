/**
 * `znip pack` up to the members that its arguments mean, in this process: starting one for each case would take a
 * quarter of a second.
 */
import { expect } from 'vitest';
import { CliCommand } from '../../src/cli/args/cli-command.ts';
import { definePack } from '../../src/cli/pack/command.ts';
import type { PackCommandOptions } from '../../src/cli/pack/options.ts';
import { inputOptions, inputPaths } from '../../src/cli/pack/inputs.ts';
import { Streams } from '../../src/cli/process/streams.ts';
import type { SourceMember } from '../../src/pack/walk/source-member.ts';
import { findMembers } from '../../src/pack/walk/inputs.ts';
import { testWorld } from './world.ts';
import { NO_OUTPUT } from '../../src/io/own-output.ts';

/** The members that these arguments mean in a working directory, which must go without a warning. */
export function selectedMembers(args: readonly string[], directory: string): SourceMember[] {
  const program = new CliCommand();
  definePack(program);
  const pack = program.named('pack') as CliCommand;
  const world = testWorld();
  const streams = new Streams(world);
  const members: SourceMember[] = [];
  const warnings: string[] = [];
  pack.exitOverride().action((_: string[], options: PackCommandOptions) => {
    const named = inputPaths(pack.line, options, streams.stdin);
    const found = findMembers(named, inputOptions(options, { world, streams }), {
      own: NO_OUTPUT,
      onWarning: ({ path, reason }) => warnings.push(`${path}: ${reason}`),
    });
    members.push(...found);
  });
  const before = process.cwd();
  process.chdir(directory);
  try {
    pack.read(args);
    pack.parse([], { from: 'user' });
  } finally {
    process.chdir(before);
  }
  expect(warnings).toEqual([]);
  return members;
}

/** Their names, a character for each byte. */
export function selectedNames(args: readonly string[], directory: string): string[] {
  return selectedMembers(args, directory).map(({ path }) => path);
}
