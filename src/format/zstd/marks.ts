/**
 * Marks that only archives of znip have. A stream with any mark is never read as a stream of others, because those have
 * fewer hashes: damage to one mark must not turn off all later checks.
 */
import { equalBytes } from '../values/bytes.ts';
import { PROLOGUE, SKIPPABLE_HEADER_LENGTH, TAG } from '../values/constants.ts';
import { readTag } from './skippable-frame.ts';

const TAGS: ReadonlySet<string> = new Set(Object.values(TAG));
const TAG_LENGTH = TAG.blockHeader.length;

/** How many bytes at the start of a stream are searched for marks. */
export const MARKS_LENGTH = PROLOGUE.byteLength + SKIPPABLE_HEADER_LENGTH + TAG_LENGTH;

/**
 * Whether a stream with this start has a mark: the prologue, a skippable frame of znip at the start or after a
 * prologue, or the tag of the first block header in its place.
 */
export function startsAsArchive(start: Uint8Array): boolean {
  if (equalBytes(start.subarray(0, PROLOGUE.byteLength), PROLOGUE)) return true;
  if (isArchiveFrame(start) || isArchiveFrame(start.subarray(PROLOGUE.byteLength))) return true;
  return latin1(start.subarray(MARKS_LENGTH - TAG_LENGTH, MARKS_LENGTH)) === TAG.blockHeader;
}

/** Whether these bytes begin with a skippable frame of znip. */
export function isArchiveFrame(bytes: Uint8Array): boolean {
  return TAGS.has(readTag(bytes));
}

/** Whether the name of this file says that it is an archive of znip. */
export function isArchiveName(name: string): boolean {
  return /\.znip$/i.test(name);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
