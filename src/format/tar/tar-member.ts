/**
 * A member as it stands in a tar stream, with what is in doubt about it, and what stands before its header.
 */
import { ZnipError } from '../../errors.ts';
import type { ByteString } from '../values/byte-string.ts';
import type { Member } from '../values/entry.ts';
import type { Doubts, PaxHeader } from './pax-records.ts';
import type { SparseMap, SparseRecords } from './sparse.ts';

/** A member, or something that stands in a tar stream but is none. */
export interface TarMember {
  /**
   * null for kinds that an index does not know (devices, FIFOs, sparse files, …), for what has no name or no
   * target, and for a global header that ends the stream.
   */
  member: Member | null;
  /** Path and type flag, for the report of what is skipped. '' is the top itself, `./`. */
  path: ByteString;
  typeFlag: string;
  /** Stream bytes before the data. */
  headerLength: number;
  /** Bytes of data in the stream. Only that of a file is its content. */
  size: number;
  /** A `/` in front of its name, or of its hard link's target, was taken away. */
  absolute: boolean;
  /** What a sparse file would be, for whoever can make one. */
  sparse?: SparseFile | undefined;
  /** What tar programs read differently, a short sentence each. */
  doubts: readonly string[];
  /** The same about its owner, for whoever restores it. */
  ownerDoubts: readonly string[];
  /** What its extended attributes mean, see ATTRIBUTES: znip restores none. */
  attributes: number;
}

export interface SparseFile {
  /** Its size is not known before its map is. */
  file: Member;
  /** null: the map is in the header. */
  records: SparseRecords | null;
  /** The map, or what is wrong with it; undefined where nobody has read it. */
  map?: SparseMap | string;
}

/** What the extended headers in front of a member say. */
export interface Extended {
  /** The last pax header; one before it does not count. */
  pax: PaxHeader | undefined;
  /** GNU long names, `L` and `K`. */
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
  /** They came before the pax header: bsdtar lets what comes first win. */
  longNameFirst: boolean;
  longLinkFirst: boolean;
  doubts: Doubts;
}

export const NO_PAX: PaxHeader = Object.freeze({});
export const NO_DOUBTS: readonly string[] = Object.freeze([]);

export function damaged(offset: number, why: string): ZnipError {
  return new ZnipError('damaged-block', `tar stream at byte ${offset}: ${why}`, { offset });
}
