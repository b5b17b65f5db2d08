/**
 * Paths as a user names them: where they are, and what they are called in the archive. Main thread.
 */
import type { ByteString } from '../format/byte-string.ts';

/** A path as the user named it, taken apart into where it is and what it is called in the archive. */
export interface Root {
  prefix: ByteString;
  path: ByteString;
  /** Take what a directory holds as well. */
  recurse: boolean;
  /** The run fails when it does not exist; otherwise that is a warning. */
  required: boolean;
}

/**
 * Splits an argument: members are named relative to `directory`, without leading `/`, `./` and anything
 * up to the last `..`, as tar does. `directory` is '' for the working directory.
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
    // '.', '..', '/' and the like: the directory itself has no name, what it holds has.
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
