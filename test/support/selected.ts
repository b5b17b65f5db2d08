/**
 * `znip pack` up to the members that its arguments mean, in this process: starting one for each case would take a
 * quarter of a second.
 */
import { Command } from 'commander';
import { expect } from 'vitest';
import type { OrderedCommand } from '../../src/cli/args/argument-order.ts';
import { definePack } from '../../src/cli/pack/command.ts';
import type { PackCommandOptions } from '../../src/cli/pack/options.ts';
import { inputOptions, inputPaths } from '../../src/cli/pack/inputs.ts';
import type { SourceMember } from '../../src/pack/walk/source-member.ts';
import { findMembers } from '../../src/pack/walk/inputs.ts';
import { NO_OUTPUT } from '../../src/io/own-output.ts';

/** The members that these arguments mean in a working directory, which must go without a warning. */
export function selectedMembers(args: readonly string[], directory: string): SourceMember[] {
  const program = new Command();
  definePack(program);
  const pack = program.commands[0] as OrderedCommand;
  const members: SourceMember[] = [];
  const warnings: string[] = [];
  pack.exitOverride().action((paths: string[], options: PackCommandOptions) => {
    const named = inputPaths(paths, pack.order, options);
    const found = findMembers(named, inputOptions(options), {
      own: NO_OUTPUT,
      onWarning: ({ path, reason }) => warnings.push(`${path}: ${reason}`),
    });
    members.push(...found);
  });
  const before = process.cwd();
  process.chdir(directory);
  try {
    program.parse(['pack', ...args], { from: 'user' });
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
