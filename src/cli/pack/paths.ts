/**
 * What `pack` packs, in the order of the command line: paths, each relative to the `-C` before it, and lists of names.
 */
import { ZnipError } from '../../errors.ts';
import type { NamedPath } from '../../pack/walk/inputs.ts';
import { readNameList, splitNames } from '../args/name-lists.ts';
import type { Token } from '../args/read.ts';

interface Source {
  directory: string | undefined;
  path?: string;
  list?: Buffer;
}

/** Puts paths and lists of names in order. `stdin` is read for a list that is called `-`. */
export function packPaths(line: readonly Token[], nul: boolean, stdin: number): Iterable<NamedPath> {
  const sources: Source[] = [];
  let directory: string | undefined;
  let lastChange: string | undefined;
  for (const token of line) {
    if (token.kind === 'unknown' || token.value === undefined) continue;
    const { value } = token;
    const option = token.kind === 'option' ? token.option.attributeName() : undefined;
    if (option === 'directory') {
      directory = directory === undefined || value.startsWith('/') ? value : `${directory}/${value}`;
      lastChange = value;
    } else if (option === undefined || option === 'filesFrom') {
      sources.push(
        option === undefined
          ? { directory, path: value }
          : { directory, list: readNameList(value, nul, stdin) },
      );
      lastChange = undefined;
    }
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
    // A list has all names: find, for example, prints a directory and then what it holds.
    for (const name of splitNames(list, nul))
      yield { path: name, directory, recurse: false, required: false };
  }
}
