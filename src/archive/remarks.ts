/**
 * What the index of an archive cannot say of the members that a run is about: told to whoever goes by it.
 */
import { ZnipError } from '../errors.ts';
import { REMARK_KINDS, type RemarkKind } from '../format/remarks.ts';
import { toText } from '../format/values/byte-string.ts';
import { KIND } from '../format/values/entry.ts';
import { MemberChoice, type MemberChoiceOptions } from '../select/member-choice.ts';
import type { Archive } from './archive.ts';

/** Called for what is not unpacked as every tar program would: why, in a sentence. */
export type OnDoubt = (path: string, reason: string) => void;

export interface RemarkOptions extends Omit<MemberChoiceOptions, 'onUnmatched'> {
  /** Remarks to tell. Default: all that matter to who unpacks. */
  about?: readonly RemarkKind[] | undefined;
  /** Owners are restored: remarks about them alone are told, too. */
  sameOwner?: boolean | undefined;
}

/** Whoever does not restore owners needs to know nothing about them. */
const UNPACKED: readonly RemarkKind[] = ['absent', 'differs'];

/** Tells the remarks of an archive about members that are chosen. Throws `damaged-sub-index`, `io`. */
export async function tellRemarks(archive: Archive, options: RemarkOptions, onDoubt: OnDoubt): Promise<void> {
  const remarks = await archive.rawRemarks();
  if (remarks.length === 0) return;
  const choice = new MemberChoice(options);
  const wanted = options.about ?? (options.sameOwner === true ? REMARK_KINDS : UNPACKED);
  for (const { about, path, reason } of remarks) {
    if (!wanted.includes(about)) continue;
    if (isChosen(() => choice.nameFor(path, KIND.file))) onDoubt(toText(path), reason);
  }
}

/** Whether a member would get a name; a name that is refused is told besides. */
export function isChosen(nameFor: () => string | undefined): boolean {
  try {
    return nameFor() !== undefined;
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    return true;
  }
}
