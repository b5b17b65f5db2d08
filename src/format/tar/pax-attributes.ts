/**
 * Extended attributes and access control lists in pax records, as GNU tar, bsdtar and star write them.
 */
import { ATTRIBUTES, meaningOf } from '../values/attributes.ts';

/** The last one of bsdtar has its name as in a URL; GNU tar writes `%25` and `%3D` in the first. */
const ATTRIBUTE = /^(?:SCHILY|LIBARCHIVE)\.xattr\.(?=.)/s;
/** By POSIX, with and without a default for what is made in a directory, and by NFS 4. */
const ACL = /^SCHILY\.acl\.(?:access|default|ace)$/;
/** A label of SELinux, by GNU tar. */
const LABEL = 'RHT.security.selinux';

/**
 * What is lost without what a record of this keyword says: see ATTRIBUTES. Other than on a disk, labels count as well:
 * somebody had them recorded. An attribute may be empty, a list or a label then is none.
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
