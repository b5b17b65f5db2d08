/**
 * Extended attributes by their names: which of them change something when they are not kept, and how many members have
 * lost one.
 */

/** What is lost when a member is unpacked. Bits, so that one number holds everything about a member. */
export const ATTRIBUTES = {
  none: 0,
  /** Something that the user or a program noted about the file. */
  plain: 1,
  /** An access control list: who may do what with the file, in addition to its mode. */
  acl: 2,
  /** What the program in the file may do that other programs may not. */
  capability: 4,
} as const;

/**
 * The meaning of an attribute with this name. Some attributes do not count: those that every file has on some systems
 * (labels of SELinux and others), those made from the mode, and those for a file system that lies over another.
 */
export function meaningOf(name: string): number {
  if (name === 'security.capability') return ATTRIBUTES.capability;
  if (name === 'system.posix_acl_access' || name === 'system.posix_acl_default') return ATTRIBUTES.acl;
  if (name.startsWith('user.')) return ATTRIBUTES.plain;
  return name.startsWith('trusted.') && !name.startsWith('trusted.overlay.')
    ? ATTRIBUTES.plain
    : ATTRIBUTES.none;
}

/** The lost attributes that change how a tree behaves, in words; undefined if there are none. */
export function weightyAttributes(attributes: number): string | undefined {
  const what = [
    (attributes & ATTRIBUTES.capability) === 0 ? '' : 'capabilities',
    (attributes & ATTRIBUTES.acl) === 0 ? '' : 'access control list (ACL)',
  ].filter((one) => one !== '');
  return what.length === 0 ? undefined : what.join(' and ');
}

/** Members that have lost only attributes with somebody's notes. There is one line for all of these. */
export class PlainAttributes {
  /** How many there are, and the first of them by name. */
  plain = 0;
  first: string | undefined;

  add(path: string): void {
    this.merge({ plain: 1, first: path });
  }

  merge({ plain, first }: Pick<PlainAttributes, 'plain' | 'first'>): void {
    this.plain += plain;
    // They come in any order. The first by name is the same in every run.
    if (first !== undefined && (this.first === undefined || first < this.first)) this.first = first;
  }

  /** What follows the sentence about the first. */
  get others(): string {
    return this.plain === 1 ? '' : `, like ${this.plain - 1} more`;
  }
}
