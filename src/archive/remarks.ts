/**
 * What the index of an archive cannot say about the members of a run. A caller that uses the index is told.
 */
import { ZnipError } from '../errors.ts';
import {
  REMARK_KINDS,
  type RemarkKind,
  plainReason,
  unaskedPlainReason,
  unaskedReason,
} from '../format/remarks.ts';
import { PlainAttributes } from '../format/values/attributes.ts';
import { type ByteString, toText } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { decodeXattrs, meaningOfXattrs } from '../format/values/xattrs.ts';
import { MemberChoice, type MemberChoiceOptions } from '../select/member-choice.ts';
import type { Archive } from './archive.ts';

/** Called for a member that is not unpacked as every tar program would do it; the reason is a sentence. */
export type OnDoubt = (path: string, reason: string) => void;

export interface RemarkOptions extends Omit<MemberChoiceOptions, 'onUnmatched'> {
  /** Remarks to report. Default: all that matter for unpacking. */
  about?: readonly RemarkKind[] | undefined;
  /** Owners are restored, so remarks about owners alone are reported, too. */
  sameOwner?: boolean | undefined;
  /** Called once, if members have lost extended attributes that only hold somebody's notes. */
  onNote?: OnDoubt | undefined;
}

/** If owners are not restored, remarks about them do not matter. */
const UNPACKED: readonly RemarkKind[] = ['absent', 'differs', 'attributes'];

/** Reports the remarks of an archive about chosen members. Throws `damaged-sub-index`, `io`. */
export async function tellRemarks(archive: Archive, options: RemarkOptions, onDoubt: OnDoubt): Promise<void> {
  const remarks = await archive.rawRemarks();
  if (remarks.length === 0) return;
  const choice = new MemberChoice(options);
  const wanted = options.about ?? (options.sameOwner === true ? REMARK_KINDS : UNPACKED);
  const plain = new PlainAttributes();
  for (const { about, path, reason } of remarks) {
    if (!wanted.includes(about) || !isChosen(() => choice.nameFor(path, KIND.file))) continue;
    if (about === 'attributes') plain.add(toText(path));
    else onDoubt(toText(path), reason);
  }
  const reason = plainReason(plain);
  if (plain.first !== undefined && reason !== undefined) options.onNote?.(plain.first, reason);
}

/** Collects members with recorded attributes that nobody has asked for. */
export class UnaskedAttributes {
  private readonly plain = new PlainAttributes();
  private readonly onDoubt: OnDoubt | undefined;
  private readonly onNote: OnDoubt | undefined;

  constructor({ onDoubt, onNote }: { onDoubt?: OnDoubt | undefined; onNote?: OnDoubt | undefined }) {
    this.onDoubt = onDoubt;
    this.onNote = onNote;
  }

  add(path: ByteString, records: ByteString): void {
    const reason = unaskedReason(meaningOfXattrs(decodeXattrs(records) ?? new Map()));
    if (reason === undefined) this.plain.add(toText(path));
    else this.onDoubt?.(toText(path), reason);
  }

  /** Tells the one line about those with nothing but notes. */
  finish(): void {
    const { first } = this.plain;
    const reason = unaskedPlainReason(this.plain);
    if (first !== undefined && reason !== undefined) this.onNote?.(first, reason);
  }
}

/** Whether a member would get a name. A refused name counts, too. */
export function isChosen(nameFor: () => string | undefined): boolean {
  try {
    return nameFor() !== undefined;
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    return true;
  }
}
