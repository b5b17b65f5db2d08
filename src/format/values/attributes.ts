/**
 * Extended attributes by their names: which of them whoever does not keep them changes something by, and how many
 * members have lost one.
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

/** What changes what a tree does where it is missing, in words; undefined where nothing does. */
export function weightyAttributes(attributes: number): string | undefined {
  const what = [
    (attributes & ATTRIBUTES.capability) === 0 ? '' : 'capabilities',
    (attributes & ATTRIBUTES.acl) === 0 ? '' : 'access control list (ACL)',
  ].filter((one) => one !== '');
  return what.length === 0 ? undefined : what.join(' and ');
}

/** Members that have lost only what somebody noted beside them: there is one line for all of these. */
export class PlainAttributes {
  /** How many there are, and the first of them by name. */
  plain = 0;
  first: string | undefined;

  add(path: string): void {
    this.merge({ plain: 1, first: path });
  }

  merge({ plain, first }: Pick<PlainAttributes, 'plain' | 'first'>): void {
    this.plain += plain;
    // They come in any order: the first by name is the same on every run.
    if (first !== undefined && (this.first === undefined || first < this.first)) this.first = first;
  }

  /** What comes behind the sentence about the first. */
  get others(): string {
    return this.plain === 1 ? '' : `, like ${this.plain - 1} more`;
  }
}
