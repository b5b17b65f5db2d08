/**
 * Recognises files of other programs by their first bytes. Used only for messages.
 */
import { type ErrorContext, type ForeignFile, ZnipError } from '../errors.ts';
import { commandFor } from './foreign-kinds.ts';
import { isHeader } from './tar/record.ts';
import { TAR_RECORD, ZSTD_MAGIC } from './values/constants.ts';

/** How many bytes of a file's start are looked at. */
export const FOREIGN_LENGTH = TAR_RECORD;

/** Kinds that are read as tar streams. */
const TAR_KINDS = [
  { what: 'a .tar', is: (start: Buffer) => start.byteLength >= TAR_RECORD && isHeader(start, 0) },
  { what: 'a .tar.gz', is: (start: Buffer) => start.toString('latin1', 0, 2) === '\x1f\x8b' },
  {
    what: 'a .tar.zst',
    is: (start: Buffer) => start.byteLength >= 4 && start.readUInt32LE(0) === ZSTD_MAGIC,
  },
];

/** Archives that are not tar, by magic numbers. */
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

/** What a file is that is not an archive of znip; undefined if that is unknown. */
export function foreignFile(bytes: Uint8Array): ForeignFile | undefined {
  const expected = 'archive';
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tar = TAR_KINDS.find(({ is }) => is(start));
  if (tar !== undefined) return { what: tar.what, kind: 'tar', expected };
  const packed = commandFor(start);
  if (packed !== undefined) {
    return { what: packed.what, kind: 'compressed', command: packed.command, expected };
  }
  const archive = ARCHIVES.find(([, magic]) => start.toString('latin1', 0, magic.length) === magic);
  if (archive === undefined) return undefined;
  const [what, , command] = archive;
  return { what, kind: 'archive', command, expected };
}

/** The error for a file that is not an archive of znip. `name`: for the message. */
export function notAnArchive(name: string, start: Uint8Array, context: ErrorContext = {}): ZnipError {
  const foreign = foreignFile(start);
  return foreign === undefined
    ? new ZnipError('not-an-archive', `${name} is not a znip archive`, context)
    : new ZnipError('not-an-archive', `${name} is not a znip archive, but ${foreign.what}`, {
        ...context,
        foreign,
      });
}
