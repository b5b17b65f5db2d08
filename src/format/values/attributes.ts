/**
 * Extended attributes by their names: which of them an archive that does not record them changes something by.
 */

/** What somebody has lost who unpacks: bits, so that what is true of a member is one number. */
export const ATTRIBUTES = {
  none: 0,
  /** Something that the user or a program noted beside the file. */
  plain: 1,
  /** An access control list: who may do what with the file, beyond its mode. */
  acl: 2,
  /** What the program in the file may do that others may not. */
  capability: 4,
} as const;

/**
 * What an attribute of this name means. Those that every file has on some systems, labels of SELinux and others,
 * count for nothing, nor do those that are made from the mode, or for a file system that lies over another.
 */
export function meaningOf(name: string): number {
  if (name === 'security.capability') return ATTRIBUTES.capability;
  if (name === 'system.posix_acl_access' || name === 'system.posix_acl_default') return ATTRIBUTES.acl;
  if (name.startsWith('user.')) return ATTRIBUTES.plain;
  return name.startsWith('trusted.') && !name.startsWith('trusted.overlay.')
    ? ATTRIBUTES.plain
    : ATTRIBUTES.none;
}

/** Why a member is not all that it was; undefined where nothing is missing that changes what the tree does. */
export function attributesReason(attributes: number): string | undefined {
  const hasAcl = (attributes & ATTRIBUTES.acl) !== 0;
  const hasCapability = (attributes & ATTRIBUTES.capability) !== 0;
  if (!hasAcl && !hasCapability) return undefined;
  const what = [hasCapability ? 'capabilities' : '', hasAcl ? 'access control list (ACL)' : ''];
  return `packed without its ${what.filter((one) => one !== '').join(' and ')}: an archive does not hold that`;
}
