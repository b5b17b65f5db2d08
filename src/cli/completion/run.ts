/**
 * `znip completion`.
 */
import type { Command } from 'commander';
import { outlineOf } from '../args/outline.ts';
import { writeOutput } from '../process/standard-streams.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

export async function runCompletion(shell: Shell, program: Command): Promise<void> {
  const outline = outlineOf(program);
  if (shell === 'bash') writeOutput((await import('./bash.ts')).bashCompletion(outline));
  else if (shell === 'zsh') writeOutput((await import('./zsh.ts')).zshCompletion(outline));
  else writeOutput((await import('./fish.ts')).fishCompletion(outline));
}
