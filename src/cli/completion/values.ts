/**
 * What a shell offers for a value. This depends on the value's name in the help.
 */
import { KNOWN_PACKAGE_TYPES } from '../../format/values/package-type.ts';
import type { Outline, OutlineCommand } from '../args/outline.ts';

export type Offer =
  | { kind: 'files' | 'directories' | 'archives' | 'members' | 'nothing' }
  | { kind: 'words'; words: readonly string[] };

/** The usual endings of names of archives, and of tar files that `unpack` reads. */
export const ARCHIVE_SUFFIXES: readonly string[] = ['.znip', '.tar.zst', '.tzst', '.tar.gz', '.tgz', '.tar'];

const BY_NAME: Record<string, Exclude<Offer['kind'], 'words'>> = {
  file: 'files',
  path: 'files',
  dir: 'directories',
  archive: 'archives',
  other: 'files',
  member: 'members',
  pattern: 'members',
};

/** What to offer for the value `name` of a command. For an unknown name, nothing is offered. */
export function offerFor(
  program: Outline,
  command: OutlineCommand,
  { name, choices }: { name: string; choices: readonly string[] },
): Offer {
  if (choices.length > 0) return { kind: 'words', words: choices };
  if (name === 'type') return { kind: 'words', words: KNOWN_PACKAGE_TYPES };
  if (name === 'command') return { kind: 'words', words: program.commands.map((each) => each.name) };
  const kind = BY_NAME[name] ?? 'nothing';
  // The members come from the archive that is named before them.
  if (kind === 'members' && command.arguments[0]?.name !== 'archive') return { kind: 'nothing' };
  return { kind };
}
