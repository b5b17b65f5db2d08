/**
 * What git's own files say about ignoring: which file `core.excludesFile` is, and which files are tracked. The files
 * are read here; git itself is not run. Main thread.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { type ByteString, fromText, toFsPath } from '../../format/values/byte-string.ts';
import { type GitVariable, parseGitConfig } from '../../select/git-config.ts';

/** As in git: more files that include each other are an error. */
const MAX_INCLUDES = 10;
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/** The content of a file. For a FIFO or a device with this name it is empty, and nothing waits. */
export function readRegular(file: ByteString, followed: boolean): Buffer {
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (followed ? 0 : NO_FOLLOW);
  const fd = openSync(toFsPath(file), flags);
  try {
    return fstatSync(fd).isFile() ? readFileSync(fd) : Buffer.alloc(0);
  } finally {
    closeSync(fd);
  }
}

/** Variables of a file and of the files that it includes, later ones last. A missing file has none. */
function readConfig(file: ByteString, depth = 0): GitVariable[] {
  let content: ByteString;
  try {
    content = readRegular(file, true).toString('latin1');
  } catch {
    return [];
  }
  const directory = file.slice(0, file.lastIndexOf('/') + 1);
  return parseGitConfig(content).flatMap((variable) =>
    variable.key === 'include.path' && depth < MAX_INCLUDES
      ? readConfig(fromConfig(variable.value, directory), depth + 1)
      : [variable],
  );
}

/** A path as it is written in configuration files. */
function fromConfig(path: ByteString, base: ByteString): ByteString {
  if (path.startsWith('~/')) return `${home()}${path.slice(1)}`;
  return path.startsWith('/') ? path : `${base}${path}`;
}

function home(): ByteString {
  return fromText(process.env['HOME'] ?? homedir());
}

/** Where a user's own files are: `$XDG_CONFIG_HOME/git`, or `~/.config/git` (git-config(1), "FILES"). */
function userDirectory(): ByteString {
  const given = process.env['XDG_CONFIG_HOME'];
  return `${given === undefined || given === '' ? `${home()}/.config` : fromText(given)}/git`;
}

/** The variables that apply in a repository whose shared directory is `git`: the system's, the user's, its own. */
export function gitVariables(git: ByteString): Map<string, ByteString> {
  const { GIT_CONFIG_NOSYSTEM: noSystem, GIT_CONFIG_SYSTEM: system, GIT_CONFIG_GLOBAL: global } = process.env;
  const files: ByteString[] = [];
  if (noSystem === undefined || /^(?:|0|no|false|off)$/i.test(noSystem)) {
    files.push(fromText(system ?? '/etc/gitconfig'));
  }
  if (global === undefined) files.push(`${userDirectory()}/config`, `${home()}/.gitconfig`);
  else files.push(fromText(global));
  files.push(`${git}/config`);
  return new Map(files.flatMap((file) => readConfig(file)).map(({ key, value }) => [key, value]));
}

/** The file that `core.excludesFile` names, or else git's default. `workTree` has a slash at its end. */
export function excludesFile(variables: ReadonlyMap<string, ByteString>, workTree: ByteString): ByteString {
  const given = variables.get('core.excludesfile');
  if (given === undefined) return `${userDirectory()}/ignore`;
  return given === '' ? '/dev/null' : fromConfig(given, workTree);
}

/** Length in bytes of the hashes of a repository. */
export function hashLengthOf(variables: ReadonlyMap<string, ByteString>): number {
  return variables.get('extensions.objectformat')?.toLowerCase() === 'sha256' ? 32 : 20;
}
