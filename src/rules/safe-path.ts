/**
 * Refuses member names that must not become files. Anyone may have made the archive that a name comes from.
 */
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import { unsafePathReason } from '../format/values/member-path.ts';

/** Throws `unsafe-path` for a name that must not be written. */
export function checkPath(path: ByteString): void {
  const reason = unsafePathReason(path);
  if (reason === undefined) return;
  const member = toText(path);
  throw new ZnipError('unsafe-path', `member '${member}' is refused: ${reason}; nothing is written for it`, {
    member,
  });
}
