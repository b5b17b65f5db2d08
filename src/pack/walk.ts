/**
 * Finds what is to be packed: walks trees in a fixed order and describes each member. Main thread.
 *
 * Order: roots as given, each directory before what it holds, names within a directory by their bytes.
 * It does not depend on how the file system lists names, so equal trees give equal archives.
 */
import {
  accessSync,
  type BigIntStats,
  constants,
  lstatSync,
  readdirSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { ioError, systemReason, ZnipError } from '../errors.ts';
import { compareBytes, toFsPath, toText, type ByteString } from '../format/byte-string.ts';
import { MAX_PATH_LENGTH } from '../format/constants.ts';
import { KIND, MODE_MASK } from '../format/entry.ts';
import type { SourceMember } from './chunk-plan.ts';

/** Something that the run went on without; `failed` when the user asked for it and did not get it. */
export interface Warning {
  path: string;
  reason: string;
  failed: boolean;
}

export interface WalkOptions {
  /** Record numeric owners. */
  owner: boolean;
  /** Files that must not be packed, by device and inode: the archive itself. */
  avoid: readonly { dev: bigint; ino: bigint }[];
  onWarning: (warning: Warning) => void;
}

/** A path as the user named it, taken apart into where it is and what it is called in the archive. */
export interface Root {
  prefix: ByteString;
  path: ByteString;
}

/**
 * Splits an argument: members are named relative to `directory`, without leading `/`, `./` and anything
 * up to the last `..`, as tar does. `directory` is '' for the working directory.
 */
export function splitRoot(directory: ByteString, argument: ByteString): Root {
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

interface Level {
  /** Member path of the directory with a trailing slash; '' for a root without a name. */
  base: ByteString;
  names: ByteString[];
  next: number;
}

/** Names of a directory as byte strings, in byte order. */
function readNames(directory: ByteString): ByteString[] {
  return readdirSync(toFsPath(directory), { encoding: 'latin1' }).sort(compareBytes);
}

/**
 * Yields every member below the roots. Throws `source-unreadable` when a root does not exist; what
 * goes wrong below a root is a warning.
 */
export function* walk(
  roots: readonly Root[],
  options: WalkOptions,
): Generator<SourceMember, void, undefined> {
  const seen = roots.length > 1 ? new Set<ByteString>() : undefined;
  const hardLinks = new Map<string, ByteString>();

  for (const { prefix, path: rootPath } of roots) {
    const warn = (path: ByteString, reason: string, failed: boolean): void => {
      options.onWarning({ path: toText(`${prefix}${path}`), reason, failed });
    };
    const levels: Level[] = [];
    const enter = (path: ByteString): void => {
      try {
        const names = readNames(path === '' ? prefix : `${prefix}${path}`);
        levels.push({ base: path === '' ? '' : `${path}/`, names, next: 0 });
      } catch (error) {
        warn(path, `cannot read the directory: ${systemReason(error)}`, true);
      }
    };

    if (rootPath === '') {
      requireDirectory(prefix);
      enter('');
    } else {
      const names = [rootPath];
      levels.push({ base: '', names, next: 0 });
      requireRoot(`${prefix}${rootPath}`);
    }

    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const name = level.names[level.next++];
      if (name === undefined) {
        levels.pop();
        continue;
      }
      const path = `${level.base}${name}`;
      if (path.length > MAX_PATH_LENGTH) {
        warn(path, `its name is longer than ${MAX_PATH_LENGTH} bytes`, true);
        continue;
      }
      if (seen !== undefined) {
        if (seen.has(path)) continue;
        seen.add(path);
      }
      const source = `${prefix}${path}`;
      let stats: BigIntStats;
      try {
        stats = lstatSync(toFsPath(source), { bigint: true });
      } catch (error) {
        warn(path, systemReason(error), true);
        continue;
      }
      const member: SourceMember = {
        prefix,
        path,
        kind: KIND.file,
        mode: Number(stats.mode) & MODE_MASK,
        mtime: stats.mtimeNs,
        size: 0,
        linkTarget: '',
        uid: options.owner ? Number(stats.uid) : null,
        gid: options.owner ? Number(stats.gid) : null,
      };
      if (stats.isFile()) {
        if (options.avoid.some(({ dev, ino }) => dev === stats.dev && ino === stats.ino)) {
          warn(path, 'it is the archive itself, left out', false);
          continue;
        }
        let first: ByteString | undefined;
        if (stats.nlink > 1n) {
          // Later names will point to this one: be sure that it gets into the archive.
          try {
            accessSync(toFsPath(source), constants.R_OK);
          } catch (error) {
            warn(path, systemReason(error), true);
            continue;
          }
          first = registerHardLink(hardLinks, stats, path);
        }
        if (first !== undefined) {
          member.kind = KIND.hardlink;
          member.linkTarget = first;
        } else {
          member.size = Number(stats.size);
        }
        yield member;
      } else if (stats.isDirectory()) {
        member.kind = KIND.directory;
        yield member;
        enter(path);
      } else if (stats.isSymbolicLink()) {
        member.kind = KIND.symlink;
        try {
          member.linkTarget = readlinkSync(toFsPath(source), { encoding: 'latin1' });
        } catch (error) {
          warn(path, systemReason(error), true);
          continue;
        }
        yield member;
      } else {
        warn(path, `${kindName(stats)} skipped: an archive holds files, directories and links`, false);
      }
    }
  }
}

/** Path of the first member with this inode; undefined, and remembered, when this is the first. */
function registerHardLink(
  hardLinks: Map<string, ByteString>,
  stats: BigIntStats,
  path: ByteString,
): ByteString | undefined {
  const inode = `${stats.dev}:${stats.ino}`;
  const first = hardLinks.get(inode);
  if (first === undefined) hardLinks.set(inode, path);
  return first;
}

function kindName(stats: BigIntStats): string {
  if (stats.isSocket()) return 'socket';
  if (stats.isFIFO()) return 'FIFO';
  return 'device';
}

function requireRoot(source: ByteString): void {
  try {
    lstatSync(toFsPath(source));
  } catch (error) {
    throw sourceError(source, error);
  }
}

function requireDirectory(source: ByteString): void {
  try {
    if (statSync(toFsPath(source)).isDirectory()) return;
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
