/**
 * `znip repack`.
 */
import { ZnipError } from '../../errors.ts';
import { repack } from '../../grow/repack.ts';
import { defined } from '../args/defined.ts';
import { type GrowCommandOptions, runGrow } from '../merge/grow.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';
import { printable } from '../ui/text.ts';

export interface RepackCommandOptions extends GrowCommandOptions {
  exclude?: string[];
}

export async function runRepack(
  context: Context,
  archive: string,
  patterns: readonly string[],
  options: RepackCommandOptions,
): Promise<void> {
  if (archive === '-') {
    throw new ZnipError('usage', 'repack needs a file that it can read at any place, not standard input');
  }
  const { reporter, outcome } = context;
  await runGrow(context, options, 'repacked', (shared) =>
    repack(archive, {
      ...shared,
      patterns,
      ...defined({ exclude: options.exclude }),
      onUnmatched: (pattern) => {
        reporter.unmatched(pattern, `'${archive}'`);
        outcome.atLeast(EXIT.incomplete);
      },
      ...(options.verbose === true ? { onLeftOut: (path: string) => reporter.detail(printable(path)) } : {}),
    }),
  );
}
