/**
 * What has changed about a name, in the form of rsync's --itemize-changes (rsync(1)).
 */
import type { MemberChange } from '../../unpack/unpack.ts';

/** The columns behind the two that say what is done to what: hash, size, time, permissions, owner, group. */
const COLUMNS = ['c', 's', 't', 'p', 'o', 'g', 'u', 'a', 'x'];

const LETTERS: Partial<Record<MemberChange['aspects'][number], string>> = {
  content: 'c',
  target: 'c',
  size: 's',
  mtime: 't',
  mode: 'p',
  uid: 'o',
  gid: 'g',
  xattrs: 'x',
};

const KINDS: Record<MemberChange['kind'], string> = {
  file: 'f',
  directory: 'd',
  symlink: 'L',
  hardlink: 'f',
};

/** The line of a change, without its end; the path has one character for each byte. */
export function itemized({ kind, change, aspects }: MemberChange, path: string): string {
  const name = kind === 'directory' ? `${path}/` : path;
  if (change === 'removed') return `*deleting   ${name}`;
  return `${updateOf(kind, change)}${KINDS[kind]}${flagsOf(change, aspects)} ${name}`;
}

function updateOf(kind: MemberChange['kind'], change: MemberChange['change']): string {
  if (change === 'amended') return '.';
  if (kind === 'hardlink') return 'h';
  return kind === 'file' ? '>' : 'c';
}

function flagsOf(change: MemberChange['change'], aspects: MemberChange['aspects']): string {
  // What is of another kind is new.
  if (change === 'created' || aspects.includes('kind')) return '+'.repeat(COLUMNS.length);
  const letters = new Set(aspects.map((aspect) => LETTERS[aspect]));
  const flags = COLUMNS.map((letter) => (letters.has(letter) ? letter : '.')).join('');
  // As rsync has it: a line of dots says nothing.
  return letters.size === 1 && letters.has(undefined) ? ' '.repeat(COLUMNS.length) : flags;
}
