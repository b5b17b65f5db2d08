/**
 * `znip completion`.
 */
import type { Command } from 'commander';
import { outlineOf } from '../outline.ts';
import { writeOutput } from '../standard-streams.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

export async function runCompletion(shell: Shell, program: Command): Promise<void> {
  const outline = outlineOf(program);
  if (shell === 'bash') writeOutput((await import('../completion/bash.ts')).bashCompletion(outline));
  else if (shell === 'zsh') writeOutput((await import('../completion/zsh.ts')).zshCompletion(outline));
  else writeOutput((await import('../completion/fish.ts')).fishCompletion(outline));
}
