/**
 * Makes the library's messages useful on the command line. Where they name options of the library, it puts flags. Where
 * they say that a file is not a znip archive, it adds the commands that make an archive of it.
 */
import type { ForeignFile, ZnipError } from '../../errors.ts';

/** The names that messages have in backquotes, and the flags of the command line for them. */
export const FLAGS: ReadonlyMap<string, string> = new Map([
  ['base', '--base'],
  ['baseAny', '--base-any'],
  ['baseOptional', '--base-optional'],
  ['changed', '--changed'],
  ['checksum', '--checksum'],
  ['chunkSize', '--chunk-size'],
  ['delete', '--delete'],
  ['deleteTop', '--delete-top'],
  ['ignoreZeros', '--ignore-zeros'],
  ['include', '--include'],
  ['keep', '--keep-old'],
  ['keepGoing', '--keep-going'],
  ['long', '--long'],
  ['maxDelete', '--max-delete'],
  ['maxDepth', '--max-depth'],
  ['maxMembers', '--max-members'],
  ['maxRatio', '--max-ratio'],
  ['maxSize', '--max-size'],
  ['memory', '--memory'],
  ['onConflict', '--on-conflict'],
  ['overwrite', '--overwrite'],
  ['prefix', '--prefix'],
  ['readSpecial', '--read-special'],
  ['readTar', 'unpack --tar -'],
  ['repoFromDirectory', '--repo-from-dir'],
  ['sameOwner', '--same-owner'],
  ['stripComponents', '--strip-components'],
  ['threads', '-j'],
  ['transform', '--transform'],
  ['trustMtime', '--trust-mtime'],
  ['xattrs', '--xattrs'],
]);

/** A message with flags instead of the library's option names. Names of files, in quotes, stay as they are. */
export function withFlags(message: string): string {
  return message.replace(
    /'[^']*'|`([A-Za-z]+)`/g,
    (text, option: string | undefined) => (option === undefined ? undefined : FLAGS.get(option)) ?? text,
  );
}

/** The message of an error for the command line, with advice. */
export function messageOf({
  code,
  message,
  context,
}: Pick<ZnipError, 'code' | 'message' | 'context'>): string {
  const { foreign, path = '-' } = context;
  if (foreign === undefined) return withFlags(message);
  // The frame has a larger window than zstd accepts by default.
  const command = `${foreign.command ?? ''}${code === 'limit' ? ' --long=31' : ''}`;
  return `${withFlags(message)}: ${foreignAdvice({ ...foreign, command }, path)}`;
}

function foreignAdvice({ kind, command, expected }: ForeignFile & { command: string }, path: string): string {
  const [from, to] = commandNames(path);
  if (kind === 'tar') {
    return `make one of it with \`znip pack --tar ${from} -o ${to}\` first (unpack reads it as it is)`;
  }
  if (kind === 'archive') return `unpack it with ${command}, then \`znip pack DIR -o ${to}\``;
  if (expected === 'archive') {
    return `if a tar is in it, make one of it with \`${command} ${from} | znip pack --tar - -o ${to}\` first`;
  }
  return `${command} ${path === '-' ? 'FILE' : from} | znip unpack -, or | znip pack --tar -`;
}

/** The file and the archive to make of it, as they can be typed in a shell. */
function commandNames(path: string): [from: string, to: string] {
  if (path === '-') return ['-', 'NEW.znip'];
  if (!/^[\w./@%+=:,-]{1,200}$/.test(path) || path.startsWith('-')) return ['FILE', 'NEW.znip'];
  const stem = path.replace(
    /\.(?:t(?:ar\.)?(?:gz|zst|xz|bz2|lz4|lz)|tar|zip|7z|rar|deb|rpm|cpio|zst|gz|xz)$/,
    '',
  );
  return [path, `${stem}.znip`];
}
