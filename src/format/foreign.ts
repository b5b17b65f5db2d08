/**
 * Files of other programs, by their first bytes, and what to do with them: for messages alone.
 */
import { commandFor } from './foreign-kinds.ts';
import { isHeader } from './tar/record.ts';
import { TAR_RECORD, ZSTD_MAGIC } from './values/constants.ts';

/** Bytes of a file's start that are looked at. */
export const FOREIGN_LENGTH = TAR_RECORD;

/** Kinds that `pack --tar` reads as they are. */
const TAR_KINDS = [
  { what: 'a .tar', is: (start: Buffer) => start.byteLength >= TAR_RECORD && isHeader(start, 0) },
  { what: 'a .tar.gz', is: (start: Buffer) => start.toString('latin1', 0, 2) === '\x1f\x8b' },
  {
    what: 'a .tar.zst',
    is: (start: Buffer) => start.byteLength >= 4 && start.readUInt32LE(0) === ZSTD_MAGIC,
  },
];

/** Archives that are no tar, by magic numbers. */
const ARCHIVES: readonly [what: string, magic: string, program: string][] = [
  ['a .zip', 'PK\x03\x04', 'unzip'],
  ['a .zip', 'PK\x05\x06', 'unzip'],
  ['a .7z', "7z\xbc\xaf'\x1c", '7z x'],
  ['a .rar', 'Rar!\x1a\x07', 'unrar x'],
  ['an archive of ar or a .deb', '!<arch>\n', 'ar x'],
  ['a cpio archive', '070701', 'cpio -i'],
  ['an .rpm', '\xed\xab\xee\xdb', 'rpm2cpio'],
  ['a squashfs image', 'hsqs', 'unsquashfs'],
];

/**
 * What a file is that is no archive of znip, and the command that makes one of it: `, but a .tar: …`. Empty where nobody
 * can tell.
 */
export function foreignAdvice(bytes: Uint8Array, name: string): string {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [from, to] = commandNames(name);
  const tar = TAR_KINDS.find(({ is }) => is(start))?.what;
  if (tar !== undefined) {
    return `, but ${tar}: make one of it with \`znip pack --tar ${from} -o ${to}\` first (unpack reads it as it is)`;
  }
  const begins = (magic: string): boolean => start.toString('latin1', 0, magic.length) === magic;
  const packed = commandFor(start);
  if (packed !== undefined) {
    const { what, command } = packed;
    return `, but ${what}: if a tar is in it, make one of it with \`${command} ${from} | znip pack --tar - -o ${to}\` first`;
  }
  const archive = ARCHIVES.find(([, magic]) => begins(magic));
  if (archive === undefined) return '';
  const [what, , program] = archive;
  return `, but ${what}: unpack it with ${program}, then \`znip pack DIR -o ${to}\``;
}

/** The file and the archive to make of it, as a shell takes them. */
function commandNames(name: string): [from: string, to: string] {
  if (name === '-') return ['-', 'NEW.znip'];
  if (!/^[\w./@%+=:,-]{1,200}$/.test(name) || name.startsWith('-')) return ['FILE', 'NEW.znip'];
  const stem = name.replace(
    /\.(?:t(?:ar\.)?(?:gz|zst|xz|bz2|lz4|lz)|tar|zip|7z|rar|deb|rpm|cpio|zst|gz|xz)$/,
    '',
  );
  return [name, `${stem}.znip`];
}
