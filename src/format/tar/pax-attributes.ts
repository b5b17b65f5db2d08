/**
 * Extended attributes and access control lists in pax records, as GNU tar, bsdtar and star write them.
 */
import { ATTRIBUTES } from '../values/attributes.ts';
import type { ByteString } from '../values/byte-string.ts';
import { unescaped } from '../values/xattrs.ts';

const ATTRIBUTE = /^(SCHILY|LIBARCHIVE)\.xattr\.(.+)$/s;
/** The lists of POSIX, those that new files in a directory inherit, and those of NFS 4. */
const ACL = /^SCHILY\.acl\.(?:access|default|ace)$/;
/** A label of SELinux, by GNU tar. */
const LABEL = 'RHT.security.selinux';

/**
 * The attribute that a record of this keyword states, if it does. `encoded`: bsdtar's own form, which it writes beside that
 * of the others: the name is as in a URL, the value in base64.
 */
export function attributeName(keyword: ByteString): { name: ByteString; encoded: boolean } | undefined {
  const [, form, name] = ATTRIBUTE.exec(keyword) ?? [];
  if (name === undefined) return undefined;
  const encoded = form === 'LIBARCHIVE';
  return { name: encoded ? fromUrl(name) : unescaped(name), encoded };
}

/**
 * What is lost without the record of any other keyword: see ATTRIBUTES. No attribute stands for it. An empty list or label
 * is none.
 */
export function recordedAttributes(keyword: string, isEmpty: boolean): number {
  if (isEmpty) return ATTRIBUTES.none;
  if (ACL.test(keyword)) return ATTRIBUTES.acl;
  return keyword === LABEL ? ATTRIBUTES.plain : ATTRIBUTES.none;
}

function fromUrl(name: string): string {
  return name.replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
