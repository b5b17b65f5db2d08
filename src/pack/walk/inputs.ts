/**
 * Turns what a caller names, and the options for it, into the input of the walk. Main thread.
 */
import { ZnipError } from '../../errors.ts';
import { type ByteString, fromText } from '../../format/values/byte-string.ts';
import { unsafePathReason } from '../../format/values/member-path.ts';
import type { OwnOutput } from '../../io/own-output.ts';
import { requireXattrs } from '../../posix/xattrs.ts';
import { chooseXattrs, patternsOf, type XattrChoice, type XattrPatterns } from '../../select/xattr-choice.ts';
import type { OnAttributes } from './attribute-notes.ts';
import { isAsFound, metadataOf, type MetadataOptions } from './metadata.ts';
import { type NameOptions, withRecordedNames } from './recorded-names.ts';
import { type MadeFile, type Root, splitRoot } from './root.ts';
import type { MemberSource } from './source-member.ts';
import type { SpecialContents } from './special-contents.ts';
import { compileFilter, type FilterOptions } from './walk-filter.ts';
import { Walk } from './walk.ts';
import type { Warning } from './warning.ts';

/** Something to pack: a path, or a path with its own options. */
export type PackPath = string | NamedPath;

/** A path, and how to take it. */
export interface NamedPath {
  /** A name as text, or its bytes. */
  path: string | Uint8Array;
  /** Directory that it is relative to. Default: the `directory` of all. */
  directory?: string | undefined;
  /** Also pack what a directory holds. Default: true. */
  recurse?: boolean | undefined;
  /** Fail if it does not exist; otherwise that is a warning. Default: true. */
  required?: boolean | undefined;
}

/** A file that is in no file system, under the name that it gets. */
export interface NamedFile extends MadeFile {
  path: string;
}

export interface InputOptions extends FilterOptions, MetadataOptions, NameOptions {
  /** Directory that paths are relative to. Default: the working directory. */
  directory?: string | undefined;
  /** Pack what symlinks point to instead of the symlinks. */
  dereference?: boolean | undefined;
  /** Read named FIFOs, devices and files of /proc and the like to their end, and pack the bytes as files. */
  readSpecial?: boolean | undefined;
  /** If a directory is on another file system than the named path, pack the directory, but not what it holds. */
  oneFileSystem?: boolean | undefined;
  /**
   * Record extended attributes (xattr(7)), ACLs and capabilities: all but labels of security modules, or those that the
   * patterns name. `false`: do not even say that there are some. Needs the native core. Default: none is recorded, and what
   * is lost is told.
   */
  xattrs?: boolean | XattrPatterns | undefined;
}

/** What the run tells the walk, and not the caller. */
export interface WalkContext {
  own: OwnOutput;
  special?: Pick<SpecialContents, 'get'> | undefined;
  onWarning: (warning: Warning) => void;
  /** Files may be given in runs. Default: one by one. */
  runs?: boolean | undefined;
  /** Needed only for packing. For listing, attributes are not read. */
  onAttributes?: OnAttributes | undefined;
}

/** Finds the members that `paths` and the options mean; see `Walk`. */
export function findMembers(
  paths: Iterable<PackPath | NamedFile>,
  options: InputOptions,
  { own, special, runs = false, onWarning, onAttributes }: WalkContext,
): MemberSource {
  const choice = xattrsOf(options);
  const members = new Walk(rootsOf(paths, options), {
    metadata: metadataOf(options),
    own,
    runs: runs && choice === undefined && isAsFound(options),
    filter: compileFilter(options, onWarning),
    dereference: options.dereference ?? false,
    oneFileSystem: options.oneFileSystem ?? false,
    special,
    onWarning,
    onAttributes,
    xattrs: choice,
  });
  return withRecordedNames(members, options);
}

/** Throws `codec-unavailable` if attributes are wanted and cannot be read. */
function xattrsOf({ xattrs }: InputOptions): XattrChoice | undefined {
  const patterns = patternsOf(xattrs);
  if (patterns === undefined) return undefined;
  requireXattrs();
  return chooseXattrs(patterns);
}

/** What paths mean; of an array an array. */
export function rootsOf(
  paths: Iterable<PackPath | NamedFile>,
  { directory = '' }: InputOptions,
): Iterable<Root> {
  const named = typeof paths === 'string' ? [paths] : paths;
  const base = fromText(directory);
  return Array.isArray(named) ? named.map((path) => toRoot(path, base)) : toRoots(named, base);
}

/** One by one: a list of names may be long. */
function* toRoots(
  paths: Iterable<PackPath | NamedFile>,
  directory: ByteString,
): Generator<Root, void, undefined> {
  for (const path of paths) yield toRoot(path, directory);
}

function toRoot(given: PackPath | NamedFile, directory: ByteString): Root {
  if (typeof given === 'object' && 'content' in given) {
    return { prefix: '', path: memberName(given.path), recurse: false, required: true, made: given };
  }
  const named: NamedPath = typeof given === 'string' ? { path: given } : given;
  const path =
    typeof named.path === 'string' ? fromText(named.path) : Buffer.from(named.path).toString('latin1');
  if (path === '' || path.includes('\0')) {
    throw new ZnipError('usage', path === '' ? 'an empty path names nothing' : 'a path has a NUL byte in it');
  }
  const base = named.directory === undefined ? directory : fromText(named.directory);
  return { ...splitRoot(base, path), recurse: named.recurse ?? true, required: named.required ?? true };
}

/** The name that a caller gives to a member. Throws `usage` for one that no member may have. */
export function memberName(name: string): ByteString {
  const path = fromText(name);
  const reason = unsafePathReason(path);
  if (reason === undefined) return path;
  throw new ZnipError('usage', `'${name}' cannot be the name of a member: ${reason}`);
}
