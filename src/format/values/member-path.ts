/**
 * Which names an archive's members may have. Implements docs/format.md, "Entries".
 */
import type { ByteString } from './byte-string.ts';
import { MAX_PATH_LENGTH } from './constants.ts';

/** NAME_MAX of Linux file systems. */
const MAX_COMPONENT_LENGTH = 255;

const WINDOWS = process.platform === 'win32';

/** The directory that a path is in; '' for one at the top. */
export function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The name of a path in its directory. */
export function lastComponent(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Turns a name of a tar header into the form of entries, in the same way as GNU tar and bsdtar unpack it: without
 * leading and trailing `/`, empty components and `.`. '' is the top directory itself. `..` stays, because readers do
 * not agree how to remove it.
 */
export function normalPath(path: ByteString): ByteString {
  // Nearly all names are already right and cost only three searches.
  const first = path.charCodeAt(0);
  const plain =
    first !== 0x2f &&
    !(first === 0x2e && (path.length === 1 || path.charCodeAt(1) === 0x2f)) &&
    !path.endsWith('/') &&
    !path.includes('//') &&
    !path.includes('/./') &&
    !path.endsWith('/.');
  if (plain) return path;
  return path
    .split('/')
    .filter((component) => component !== '' && component !== '.')
    .join('/');
}

/** Why a member with this name must not be written; undefined if it may be. */
export function unsafePathReason(path: ByteString): string | undefined {
  if (path === '') return 'it is empty';
  if (path.length > MAX_PATH_LENGTH) return `it is longer than ${MAX_PATH_LENGTH} bytes`;
  if (path.includes('\0')) return 'it contains a NUL byte';
  if (path.startsWith('/')) return 'it is absolute';
  if (WINDOWS && /[\\:]/.test(path)) return 'it contains a backslash or a colon';
  let start = 0;
  for (;;) {
    const slash = path.indexOf('/', start);
    const end = slash < 0 ? path.length : slash;
    const length = end - start;
    if (length === 0) return 'it has an empty component';
    if (length > MAX_COMPONENT_LENGTH) return `it has a component of more than ${MAX_COMPONENT_LENGTH} bytes`;
    if (path.charCodeAt(start) === 0x2e) {
      if (length === 1) return "it has a component '.'";
      if (length === 2 && path.charCodeAt(start + 1) === 0x2e) return "it has a component '..'";
    }
    if (slash < 0) return undefined;
    start = slash + 1;
  }
}

const SLASH = 0x2f;
const DOT = 0x2e;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * Whether the bytes from `start` to `end` are one component that may be behind a safe directory. `false` also where a member
 * with this name might be allowed: `unsafePathReason` knows.
 */
export function isSafeComponent(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length <= 0 || length > MAX_COMPONENT_LENGTH) return false;
  if (bytes[start] === DOT && (length === 1 || (length === 2 && bytes[start + 1] === DOT))) return false;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === SLASH || byte === 0) return false;
    if (WINDOWS && (byte === BACKSLASH || byte === COLON)) return false;
  }
  return true;
}

/**
 * Whether the bytes from `start` to `end` are a name directly in a directory: the one whose path, with the slash at its end,
 * is the `length` bytes at `directory`; with `length` 0, the top.
 */
export function liesDirectlyIn(
  bytes: Uint8Array,
  directory: number,
  length: number,
  start: number,
  end: number,
): boolean {
  if (end - start <= length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== bytes[directory + i]) return false;
  for (let i = start + length; i < end; i++) if (bytes[i] === SLASH) return false;
  return true;
}

/** The length of the directory, with its slash, of the name from `start` to `end`. */
export function directoryLength(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && bytes[at - 1] !== SLASH) at--;
  return at - start;
}

/** A name without the slashes at its end. Goes by characters: a pattern would look at n slashes n times. */
export function withoutTrailingSlashes(name: string): string {
  let end = name.length;
  while (end > 0 && name.charCodeAt(end - 1) === SLASH) end -= 1;
  return name.slice(0, end);
}

/** A name without any leading `./` and `/`. */
export function withoutLeadingSlashes(name: string): string {
  let start = 0;
  for (;;) {
    const slash = name.charCodeAt(start) === DOT ? start + 1 : start;
    if (name.charCodeAt(slash) !== SLASH) return name.slice(start);
    start = slash + 1;
  }
}
