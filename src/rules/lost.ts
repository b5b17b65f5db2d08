/**
 * What a run that continues after damage could not give: which members, and why.
 */
import { toZnipError, ZnipError, type ZnipErrorCode } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';

export interface LostMember {
  /** Its name as text; null if it was in a damaged part of the archive where names are not known. */
  member: string | null;
  /** What is wrong: the code of the error that would have ended the run. */
  code: ZnipErrorCode;
  /** Why, with the place of the damage. */
  reason: string;
  /** Number of the damaged blob, from 0; null if the damage is elsewhere. */
  blob: number | null;
  /** Archive byte of the damage; null if it has none. */
  offset: number | null;
}

export interface KeepGoingOptions {
  /**
   * Leave out damaged members, and members whose names are refused, and unpack everything else, instead of throwing.
   * Default: false.
   */
  keepGoing?: boolean | undefined;
  /** Called for each member that was left out for that. */
  onDamaged?: ((lost: LostMember) => void) | undefined;
}

const CODES_OF_DAMAGE: ReadonlySet<ZnipErrorCode> = new Set<ZnipErrorCode>([
  'truncated',
  'damaged-footer',
  'damaged-manifest',
  'damaged-sub-index',
  'damaged-frame-table',
  'damaged-block',
  'damaged-member',
  'inconsistent',
  'unsafe-path',
  'unsafe-link',
]);

/** Whether an error is about the archive, so that the rest of it may be whole, and not about the machine. */
export function isDamage(error: unknown): error is ZnipError {
  return error instanceof ZnipError && CODES_OF_DAMAGE.has(error.code);
}

/** A member that is lost because of an error. */
export function lostMember(path: ByteString | null, cause: unknown): LostMember {
  const { code, message, context } = toZnipError(cause);
  return {
    member: path === null ? null : toText(path),
    code,
    reason: message,
    blob: context.blob ?? null,
    offset: context.offset ?? null,
  };
}

/** A hard link whose file is lost. */
export function lostLink(path: ByteString, target: ByteString): LostMember {
  const reason = `it is a hard link to '${toText(target)}', which is lost`;
  return { member: toText(path), code: 'damaged-member', reason, blob: null, offset: null };
}

/**
 * The error that ends a run which left out members and has written all others: the first reason, and the number of
 * members.
 */
export function refusedError(first: ZnipError, count: number): ZnipError {
  const others = count > 1 ? `; ${count} members are left out` : '';
  return new ZnipError(
    first.code,
    `${first.message}${others}; everything else is unpacked`,
    first.context,
    first,
  );
}
