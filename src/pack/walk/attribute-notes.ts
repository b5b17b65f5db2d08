/**
 * Extended attributes are not recorded. Members that lose one that changes what a tree does are named one by one; of
 * the others there is one line for the whole run.
 */
import { ATTRIBUTES, attributesReason } from '../../format/values/attributes.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import type { Warning } from './warning.ts';

/** Called with what the extended attributes of something mean, see ATTRIBUTES, and its name. */
export type OnAttributes = (attributes: number, source: ByteString) => void;

/** What one thread has noticed. */
export class AttributeNotes {
  /** Members with attributes that only somebody's notes are in, and the first of them. */
  plain = 0;
  first: string | undefined;

  /** Notes what a member has; returns what to say of it at once. */
  add(attributes: number, path: () => string): Warning | undefined {
    if (attributes === ATTRIBUTES.none) return undefined;
    const reason = attributesReason(attributes);
    if (reason !== undefined) return { path: path(), reason, failed: true };
    this.merge({ plain: 1, first: path() });
    return undefined;
  }

  merge({ plain, first }: Pick<AttributeNotes, 'plain' | 'first'>): void {
    this.plain += plain;
    // Chunks end in any order: the first by name is the same on every run.
    if (first !== undefined && (this.first === undefined || first < this.first)) this.first = first;
  }

  /** The line about all of them. */
  warning(): Warning | undefined {
    if (this.first === undefined) return undefined;
    const others = this.plain === 1 ? '' : `, like ${this.plain - 1} more`;
    return { path: this.first, reason: `packed without its extended attributes${others}`, failed: false };
  }
}
