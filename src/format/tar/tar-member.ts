/**
 * A member in a tar stream, with what is in doubt about it, and what the extended headers before it say.
 */
import { ZnipError } from '../../errors.ts';
import type { ByteString } from '../values/byte-string.ts';
import type { Member } from '../values/entry.ts';
import type { Doubts, PaxHeader } from './pax-records.ts';
import type { SparseMap, SparseRecords } from './sparse.ts';

/** A member, or something else in a tar stream. */
export interface TarMember {
  /**
   * null for kinds that an index does not know (devices, FIFOs, sparse files, …), for members without a name or target,
   * and for a global header that ends the stream.
   */
  member: Member | null;
  /** Path and type flag, to report what is skipped. '' is the top directory itself, `./`. */
  path: ByteString;
  typeFlag: string;
  /** Stream bytes before the data. */
  headerLength: number;
  /** Bytes of data in the stream. Only the data of a file is content. */
  size: number;
  /** A leading `/` of its name, or of its hard link's target, was removed. */
  absolute: boolean;
  /** The sparse file that it describes, for code that can make one. */
  sparse?: SparseFile | undefined;
  /** What tar programs read differently, each in a short sentence. */
  doubts: readonly string[];
  /** The same about its owner, for code that restores it. */
  ownerDoubts: readonly string[];
  /** What attributes mean that are not among the member's `xattrs`, see ATTRIBUTES. znip restores none of these. */
  attributes: number;
}

export interface SparseFile {
  /** Its size is not known before its map is. */
  file: Member;
  /** null: the map is in the header. */
  records: SparseRecords | null;
  /** The map, or what is wrong with it; undefined if nothing has read it. */
  map?: SparseMap | string;
}

/** What the extended headers before a member say. */
export interface Extended {
  /** The last pax header; earlier ones do not count. */
  pax: PaxHeader | undefined;
  /** GNU long names, `L` and `K`. */
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
  /** They came before the pax header. In bsdtar, the first one wins. */
  longNameFirst: boolean;
  longLinkFirst: boolean;
  doubts: Doubts;
}

export const NO_PAX: PaxHeader = Object.freeze({});
export const NO_DOUBTS: readonly string[] = Object.freeze([]);

export function damaged(offset: number, why: string): ZnipError {
  return new ZnipError('damaged-block', `tar stream at byte ${offset}: ${why}`, { offset });
}
