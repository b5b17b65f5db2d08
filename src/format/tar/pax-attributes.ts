/**
 * Extended attributes and access control lists in pax records, as GNU tar, bsdtar and star write them.
 */
import { ATTRIBUTES, meaningOf } from '../values/attributes.ts';

/** bsdtar's LIBARCHIVE.xattr has the name as in a URL. In SCHILY.xattr, GNU tar writes `%25` and `%3D`. */
const ATTRIBUTE = /^(?:SCHILY|LIBARCHIVE)\.xattr\.(?=.)/s;
/** The lists of POSIX, those that new files in a directory inherit, and those of NFS 4. */
const ACL = /^SCHILY\.acl\.(?:access|default|ace)$/;
/** A label of SELinux, by GNU tar. */
const LABEL = 'RHT.security.selinux';

/**
 * What is lost without the record of this keyword: see ATTRIBUTES. Other than on a disk, labels count here, because
 * somebody had them recorded. An attribute may be empty, but an empty list or label is none.
 */
export function recordedAttributes(keyword: string, isEmpty: boolean): number {
  const prefix = ATTRIBUTE.exec(keyword)?.[0];
  if (prefix !== undefined) {
    const meaning = meaningOf(unescaped(keyword.slice(prefix.length)));
    return meaning === ATTRIBUTES.none ? ATTRIBUTES.plain : meaning;
  }
  if (isEmpty) return ATTRIBUTES.none;
  if (ACL.test(keyword)) return ATTRIBUTES.acl;
  return keyword === LABEL ? ATTRIBUTES.plain : ATTRIBUTES.none;
}

function unescaped(name: string): string {
  return name.replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
