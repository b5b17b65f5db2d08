/**
 * What only archives of znip have. A stream with any of it is never read as one that others made, which has fewer
 * hashes: damage to one mark must not turn off the checks of all that follows.
 */
import { equalBytes } from '../values/bytes.ts';
import { PROLOGUE, SKIPPABLE_HEADER_LENGTH, TAG } from '../values/constants.ts';
import { readTag } from './skippable-frame.ts';

const TAGS: ReadonlySet<string> = new Set(Object.values(TAG));
const TAG_LENGTH = TAG.blockHeader.length;

/** Bytes of a stream's start in which marks are looked for. */
export const MARKS_LENGTH = PROLOGUE.byteLength + SKIPPABLE_HEADER_LENGTH + TAG_LENGTH;

/**
 * Whether a stream that starts with these bytes has a mark: the prologue, a skippable frame of znip at the start or
 * behind a prologue, or the tag of the first block header in its place.
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

/** Whether somebody named this file as an archive of znip. */
export function isArchiveName(name: string): boolean {
  return /\.znip$/i.test(name);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
