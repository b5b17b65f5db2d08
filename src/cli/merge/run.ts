/**
 * `znip merge`.
 */
import { ZnipError } from '../../errors.ts';
import { merge, type MergeOptions } from '../../grow/merge.ts';
import { defined } from '../args/defined.ts';
import type { Context } from '../ui/context.ts';
import { type GrowCommandOptions, runGrow } from './grow.ts';

export interface MergeCommandOptions extends GrowCommandOptions {
  onConflict?: NonNullable<MergeOptions['onConflict']>;
}

export async function runMerge(
  context: Context,
  archives: readonly string[],
  options: MergeCommandOptions,
): Promise<void> {
  if (archives.includes('-')) {
    throw new ZnipError('usage', 'merge needs files that it can read at any place, not standard input');
  }
  await runGrow(context, options, 'merged', (shared) =>
    merge(archives, { ...shared, ...defined({ onConflict: options.onConflict }) }),
  );
}
