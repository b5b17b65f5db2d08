/**
 * `znip completion`.
 */
import type { Command } from 'commander';
import { outlineOf } from '../args/outline.ts';
import type { Context } from '../ui/context.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

export async function runCompletion({ streams }: Context, shell: Shell, program: Command): Promise<void> {
  const outline = outlineOf(program);
  if (shell === 'bash') streams.write((await import('./bash.ts')).bashCompletion(outline));
  else if (shell === 'zsh') streams.write((await import('./zsh.ts')).zshCompletion(outline));
  else streams.write((await import('./fish.ts')).fishCompletion(outline));
}
