/**
 * Paths as a user names them: where they are, and their names in the archive. Main thread.
 */
import { ioError, ZnipError } from '../../errors.ts';
import { type ByteString, toText } from '../../format/values/byte-string.ts';
import { isOwnFile, type OwnOutput } from '../../io/own-output.ts';
import { type FileStat, lstat, stat } from '../../posix/stat.ts';
import type { SpooledContent } from './content-spool.ts';

/** A path as the user named it, split into its place and its name in the archive. */
export interface Root {
  prefix: ByteString;
  path: ByteString;
  /** Also take what a directory holds. */
  recurse: boolean;
  /** The run fails if it does not exist; otherwise that is a warning. */
  required: boolean;
  /** What it is, where it is no file; then `prefix` is ''. */
  made?: MadeFile;
}

/** A file of the caller's making. */
export interface MadeFile {
  content: SpooledContent;
  /** Permission bits. */
  mode: number;
  /** Nanoseconds since 1970. */
  mtime: bigint;
}

/**
 * Splits an argument. Members are named relative to `directory`, without a leading `/` or `./` and without anything up
 * to the last `..`, as in tar. `directory` is '' for the working directory.
 */
export function splitRoot(
  directory: ByteString,
  argument: ByteString,
): { prefix: ByteString; path: ByteString } {
  const whole = argument.startsWith('/') || directory === '' ? argument : `${directory}/${argument}`;
  const argumentStart = whole.length - argument.length;
  const trimmed = whole.replace(/\/+$/, '');
  const components = [...trimmed.slice(argumentStart).matchAll(/[^/]+/g)];
  const lastUp = components.findLastIndex((component) => component[0] === '..');
  const kept = components.slice(lastUp + 1).findIndex((component) => component[0] !== '.');
  const first = kept < 0 ? undefined : components[lastUp + 1 + kept];
  if (first === undefined) {
    // '.', '..', '/' and the like: the directory itself has no name, but what it holds has.
    return { prefix: trimmed === '' ? '/' : `${trimmed}/`, path: '' };
  }
  const start = argumentStart + first.index;
  return { prefix: whole.slice(0, start), path: normalise(trimmed.slice(start)) };
}

function normalise(path: ByteString): ByteString {
  return path
    .split('/')
    .filter((component) => component !== '' && component !== '.')
    .join('/');
}

/** The place of a root that has a name: the directory that was named with it, and that directory's name for members. */
export function baseOf({ prefix, path }: Root): { path: ByteString; members: ByteString; name: ByteString } {
  const slash = path.lastIndexOf('/') + 1;
  const members = path.slice(0, slash);
  return { path: `${prefix}${members}`, members, name: path.slice(slash) };
}

/** Throws `source-unreadable` when a root does not exist that must. */
export function requireRoot({ prefix, path, required, made }: Root): void {
  if (!required || path === '' || made !== undefined) return;
  try {
    lstat(`${prefix}${path}`);
  } catch (error) {
    throw sourceError(`${prefix}${path}`, error);
  }
}

/** Whether a root is the archive that is to be written, under whatever name. */
export function isOwnRoot({ prefix, path, made }: Root, own: OwnOutput): boolean {
  if (path === '' || made !== undefined) return false;
  try {
    return isOwnFile(own, stat(`${prefix}${path}`));
  } catch {
    // A link to nothing is a member like any other.
    return false;
  }
}

/** The error for a run that has nothing to pack. What is in the archive that it would replace would be lost. */
export function onlyItself({ prefix, path }: Root): ZnipError {
  const name = toText(`${prefix}${path}`);
  return new ZnipError(
    'usage',
    `'${name}' is the archive that is to be written: give the archive a name that is not packed`,
    { path: name },
  );
}

/** Opens a named directory. Throws `source-unreadable` if it is not a directory. */
export function requireDirectory<T>(source: ByteString, open: () => T): T {
  let stats: FileStat;
  try {
    stats = stat(source);
    if (stats.isDirectory()) return open();
  } catch (error) {
    throw sourceError(source, error);
  }
  throw new ZnipError('source-unreadable', `'${toText(source)}' is not a directory`, {
    path: toText(source),
  });
}

function sourceError(source: ByteString, error: unknown): ZnipError {
  const { message, context } = ioError('pack', toText(source), error);
  return new ZnipError('source-unreadable', message, context, error);
}
