/**
 * Extended attributes are not recorded. Members that lose one that changes what a tree does are named one by one; of
 * the others there is one line for the whole run.
 */
import { ATTRIBUTES, PlainAttributes, weightyAttributes } from '../../format/values/attributes.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import type { Warning } from './warning.ts';

/** Called with what the extended attributes of something mean, see ATTRIBUTES, and its name. */
export type OnAttributes = (attributes: number, source: ByteString) => void;

/** What one thread has noticed. */
export class AttributeNotes extends PlainAttributes {
  /** Notes what a member has; returns what to say of it at once. */
  note(attributes: number, path: () => string): Warning | undefined {
    if (attributes === ATTRIBUTES.none) return undefined;
    const what = weightyAttributes(attributes);
    if (what !== undefined) {
      return {
        path: path(),
        reason: `packed without its ${what}: an archive does not hold that`,
        failed: true,
      };
    }
    this.add(path());
    return undefined;
  }

  /** The line about all of them. */
  warning(): Warning | undefined {
    if (this.first === undefined) return undefined;
    return {
      path: this.first,
      reason: `packed without its extended attributes${this.others}`,
      failed: false,
    };
  }
}
