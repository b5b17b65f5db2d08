/**
 * `znip merge`.
 */
import { existsSync } from 'node:fs';
import { ZnipError } from '../../errors.ts';
import { merge, type MergeOptions } from '../../grow/merge.ts';
import { defined } from '../args/defined.ts';
import { quoted } from '../args/other-tools.ts';
import type { Context } from '../ui/context.ts';
import { type GrowCommandOptions, runGrow } from './grow.ts';

export interface MergeCommandOptions extends GrowCommandOptions {
  onConflict?: NonNullable<MergeOptions['onConflict']>;
}

/** For `merge a.znip b.znip all.znip`: a last name that does not exist was meant as the output. Throws `usage`. */
function refuseOutputAsInput(archives: readonly string[]): void {
  const last = archives.at(-1);
  if (last === undefined || archives.length < 2 || existsSync(last)) return;
  const others = archives.slice(0, -1).map(quoted);
  throw new ZnipError(
    'usage',
    `'${last}' does not exist: to write an archive with this name, use \`znip merge ${others.join(' ')} -o ${quoted(last)}\``,
  );
}

export async function runMerge(
  context: Context,
  archives: readonly string[],
  options: MergeCommandOptions,
): Promise<void> {
  if (archives.includes('-')) {
    throw new ZnipError('usage', 'merge needs files that it can read at any place, not standard input');
  }
  if (options.output === undefined) refuseOutputAsInput(archives);
  await runGrow(context, options, 'merged', (shared) =>
    merge(archives, { ...shared, ...defined({ onConflict: options.onConflict }) }),
  );
}
