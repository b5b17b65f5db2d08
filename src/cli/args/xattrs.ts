/**
 * The options about extended attributes.
 */
import { ZnipError } from '../../errors.ts';
import type { XattrPatterns } from '../../select/xattr-choice.ts';
import { defined } from './defined.ts';

export interface XattrFlags {
  xattrs?: boolean;
  xattrsInclude?: string[];
  xattrsExclude?: string[];
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
