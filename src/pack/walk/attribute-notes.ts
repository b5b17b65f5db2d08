/**
 * Extended attributes are recorded only if somebody asks. If the loss of one changes how a tree behaves, the member is named. For all
 * other attributes there is one line in the whole run.
 */
import { ATTRIBUTES, PlainAttributes, weightyAttributes } from '../../format/values/attributes.ts';
import type { ByteString } from '../../format/values/byte-string.ts';
import type { Warning } from './warning.ts';

/** Called with the meaning of a file's extended attributes, see ATTRIBUTES, and the file's name. */
export type OnAttributes = (attributes: number, source: ByteString) => void;

/** What one thread has noticed. */
export class AttributeNotes extends PlainAttributes {
  /** Notes what a member has. Returns a warning if there must be one at once. */
  note(attributes: number, path: () => string): Warning | undefined {
    if (attributes === ATTRIBUTES.none) return undefined;
    const what = weightyAttributes(attributes);
    if (what !== undefined) {
      return {
        path: path(),
        reason: `packed without its ${what}, which \`xattrs\` records`,
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
      reason: `packed without its extended attributes, which \`xattrs\` records${this.others}`,
      failed: false,
    };
  }
}
