/**
 * What `pack` is to pack, in the order of the command line: paths, each relative to the `-C` before it, and
 * lists of names.
 */
import { ZnipError } from '../../errors.ts';
import type { NamedPath } from '../../pack/walk/inputs.ts';
import type { ArgumentOrder } from '../args/argument-order.ts';
import { readNameList, splitNames } from '../args/name-lists.ts';

interface Source {
  directory: string | undefined;
  path?: string;
  list?: Buffer;
}

/** Puts paths and options in order. `operands` are all paths; `order` tells where options stood among the last. */
export function packPaths(
  operands: readonly string[],
  order: ArgumentOrder,
  nul: boolean,
): Iterable<NamedPath> {
  const sources: Source[] = [];
  const before = operands.length - order.operandCount;
  const placed = order.options.filter(({ name }) => name === 'directory' || name === 'filesFrom');
  let directory: string | undefined;
  let lastChange: string | undefined;
  for (let at = 0; at <= operands.length; at++) {
    for (const { name, value } of placed.filter(({ operandsBefore }) => before + operandsBefore === at)) {
      if (name === 'directory') {
        directory = directory === undefined || value.startsWith('/') ? value : `${directory}/${value}`;
        lastChange = value;
      } else {
        sources.push({ directory, list: readNameList(value, nul) });
        lastChange = undefined;
      }
    }
    const path = operands[at];
    if (path === undefined) continue;
    sources.push({ directory, path });
    lastChange = undefined;
  }
  if (sources.length === 0) {
    throw new ZnipError('usage', 'nothing to pack: name at least one file or directory');
  }
  if (lastChange !== undefined) {
    throw new ZnipError('usage', `-C '${lastChange}' has no effect: put it before the paths that it is for`);
  }
  const only = sources.length === 1 ? sources[0] : undefined;
  if (only?.path !== undefined) return [{ path: only.path, directory: only.directory }];
  return namedPaths(sources, nul);
}

function* namedPaths(sources: readonly Source[], nul: boolean): Generator<NamedPath, void, undefined> {
  for (const { directory, path, list } of sources) {
    if (path !== undefined) yield { path, directory };
    if (list === undefined) continue;
    // Whoever lists names lists all of them: find prints a directory and then what it holds.
    for (const name of splitNames(list, nul))
      yield { path: name, directory, recurse: false, required: false };
  }
}
