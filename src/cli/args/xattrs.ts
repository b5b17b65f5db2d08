/**
 * The options about extended attributes.
 */
import { ZnipError } from '../../errors.ts';
import type { XattrPatterns } from '../../select/xattr-choice.ts';
import type { CliCommand } from './cli-command.ts';
import { defined } from './defined.ts';
import { collect } from './options.ts';

export interface XattrFlags {
  xattrs?: boolean;
  xattrsInclude?: string[];
  xattrsExclude?: string[];
}

/** For commands that unpack. */
export const RESTORE_XATTRS = 'restore recorded extended attributes and ACLs';

/** `what` says what `--xattrs` does. */
export function addXattrOptions(command: CliCommand, what: string): CliCommand {
  return command
    .option('--xattrs', what)
    .option('--xattrs-include <pattern>', "only attributes with such names, like 'user.*'", collect)
    .option('--xattrs-exclude <pattern>', 'no attributes with such names', collect)
    .option('--no-xattrs', 'without extended attributes, and without a word about them');
}

/** What they ask for: patterns alone ask for attributes, too, as in tar. undefined: nothing was said. Throws `usage`. */
export function xattrsOf({
  xattrs,
  xattrsInclude,
  xattrsExclude,
}: XattrFlags): boolean | XattrPatterns | undefined {
  if (xattrsInclude === undefined && xattrsExclude === undefined) return xattrs;
  if (xattrs === false) {
    throw new ZnipError('usage', '--no-xattrs contradicts --xattrs-include and --xattrs-exclude');
  }
  return defined({ include: xattrsInclude, exclude: xattrsExclude });
}
