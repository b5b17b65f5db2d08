/**
 * What a caller names and the options for it, as the walk takes them. Main thread.
 */
import { ZnipError } from '../errors.ts';
import { type ByteString, fromText } from '../format/byte-string.ts';
import type { SourceMember } from './chunk-plan.ts';
import { metadataOf, type MetadataOptions } from './metadata.ts';
import type { OwnOutput } from './own-output.ts';
import { type Root, splitRoot } from './root.ts';
import { compileFilter, type FilterOptions } from './walk-filter.ts';
import { walk } from './walk.ts';
import type { Warning } from './warning.ts';

/** Something to pack: a path, or a path with how to take it. */
export type PackPath = string | NamedPath;

export interface NamedPath {
  /** A name as text, or its bytes. */
  path: string | Uint8Array;
  /** Directory that it is relative to. Default: the `directory` of all. */
  directory?: string | undefined;
  /** Pack what a directory holds as well. Default: true. */
  recurse?: boolean | undefined;
  /** Fail when it does not exist; otherwise that is a warning. Default: true. */
  required?: boolean | undefined;
}

export interface InputOptions extends FilterOptions, MetadataOptions {
  /** Directory that paths are relative to. Default: the working directory. */
  directory?: string | undefined;
  /** Pack what symlinks point to in their place. */
  dereference?: boolean | undefined;
  /** Directories on another file system than the path that was named are packed, but not what they hold. */
  oneFileSystem?: boolean | undefined;
}

/** Finds the members that `paths` and the options mean; see `walk`. */
export function findMembers(
  paths: Iterable<PackPath>,
  options: InputOptions,
  own: OwnOutput,
  onWarning: (warning: Warning) => void,
): Generator<SourceMember, void, undefined> {
  const named = typeof paths === 'string' ? [paths] : paths;
  const directory = fromText(options.directory ?? '');
  return walk(
    Array.isArray(named) ? named.map((path) => toRoot(path, directory)) : toRoots(named, directory),
    {
      metadata: metadataOf(options),
      own,
      filter: compileFilter(options, onWarning),
      dereference: options.dereference ?? false,
      oneFileSystem: options.oneFileSystem ?? false,
      onWarning,
    },
  );
}

/** One by one: a list of names may be long. */
function* toRoots(paths: Iterable<PackPath>, directory: ByteString): Generator<Root, void, undefined> {
  for (const path of paths) yield toRoot(path, directory);
}

function toRoot(given: PackPath, directory: ByteString): Root {
  const named: NamedPath = typeof given === 'string' ? { path: given } : given;
  const path =
    typeof named.path === 'string' ? fromText(named.path) : Buffer.from(named.path).toString('latin1');
  if (path === '' || path.includes('\0')) {
    throw new ZnipError('usage', path === '' ? 'an empty path names nothing' : 'a path has a NUL byte in it');
  }
  const base = named.directory === undefined ? directory : fromText(named.directory);
  return { ...splitRoot(base, path), recurse: named.recurse ?? true, required: named.required ?? true };
}
