/**
 * Random tar streams for the differential target: few names, so that they meet each other; every kind; the forms
 * of headers that GNU tar and bsdtar read alike.
 */
import { base256, END_OF_TAR, type HandmadeMember, tarMember } from '../../support/tar.ts';
import type { Random } from '../random.ts';

export type Kind = 'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'odd';

/** How a header says what it says. */
export type Form = 'ustar' | 'gnu' | 'pax' | 'v7' | 'dotted' | 'contiguous' | 'slash' | 'base256';

export interface Piece {
  name: string;
  kind: Kind;
  form: Form;
  /** Of a link. */
  target: string;
  /** Tells contents apart. */
  id: number;
  size: number;
  mode: number;
  mtime: number;
}

/** What stands in the target before. */
export type Standing = Pick<Piece, 'name' | 'id' | 'mode' | 'mtime' | 'target'> & {
  kind: 'file' | 'directory' | 'symlink';
};

export type Policy = 'fail' | 'overwrite' | 'keep' | 'keep-newer';

export interface Case {
  pieces: Piece[];
  standing: Standing[];
  policy: Policy;
  chunkSize: number;
  pieceLength: number;
}

const LONG = `${'l'.repeat(99)}/${'m'.repeat(60)}`;
const SHORT = ['a', 'b', 'c', 'd', 'd/a', 'd/b', 'e', 'e/x', 'e/y/z'];
const NAMES = [...SHORT, ...SHORT, 'n'.repeat(150), LONG, `${LONG}/k`];
const MODES = [0o644, 0o600, 0o755, 0o444, 0o777];
const DIRECTORY_MODES = [0o755, 0o700, 0o777];

export const KIB = 1024;

/** Lengths around those of records, chunks and pieces; mostly small. */
function sizeOf(random: Random): number {
  if (!random.chance(8)) return random.pick([0, 1, 5, 511, 512, 513, 3000]);
  const large = random.pick([64, 128, 200, 400]) * KIB;
  return large + random.below(1025) - 512;
}

function pieceOf(random: Random, id: number, names: readonly string[], before: readonly Piece[]): Piece {
  const name = random.pick(names);
  const kind = random.pick<Kind>([
    'file',
    'file',
    'file',
    'file',
    'directory',
    'symlink',
    'hardlink',
    'hardlink',
  ]);
  const odd = random.chance(200) ? random.pick<Kind>(['fifo', 'odd']) : kind;
  const form = random.chance(3)
    ? random.pick<Form>(['gnu', 'pax', 'pax', 'dotted', 'base256', 'v7', 'contiguous', 'slash'])
    : 'ustar';
  // Mostly to what has come: GNU tar and bsdtar make no links before their files.
  const come = before.filter((one) => one.kind === 'file' || one.kind === 'symlink').map((one) => one.name);
  const target =
    odd === 'symlink'
      ? random.pick(['a', 'd', 'e', 'nowhere', 'a', '../a', '/nowhere'])
      : random.pick(come.length === 0 || random.chance(5) ? names : come);
  return {
    name,
    kind: odd,
    form,
    target,
    id,
    size: odd === 'file' || odd === 'odd' ? sizeOf(random) : 0,
    mode: odd === 'directory' ? random.pick(DIRECTORY_MODES) : random.pick(MODES),
    mtime: 1_500_000_000 + random.below(100_000_000),
  };
}

function standingOf(random: Random, id: number, names: readonly string[]): Standing[] {
  const found = new Map<string, Standing>();
  for (let left = 1 + random.below(3); left > 0; left--) {
    const name = random.pick(names);
    const taken = [...found.keys()].some(
      (other) => other === name || isBelow(other, name) || isBelow(name, other),
    );
    if (taken) continue;
    found.set(name, {
      name,
      kind: random.pick(['file', 'file', 'file', 'symlink', 'directory']),
      target: random.pick(['a', 'd', 'nowhere']),
      id: id + left,
      mode: 0o750,
      mtime: 1_500_000_000 + random.below(100_000_000),
    });
  }
  return [...found.values()];
}

export function isBelow(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}

export function randomCase(random: Random): Case {
  const names = random.chance(3)
    ? NAMES
    : Array.from({ length: 2 + random.below(3) }, () => random.pick(NAMES));
  const count = 1 + random.below(random.chance(6) ? 24 : 8);
  const pieces: Piece[] = [];
  for (let id = 0; id < count; id++) pieces.push(pieceOf(random, id, names, pieces));
  // Longer than a piece of 4 MiB, with something of the same name after it or before.
  const huge = pieces.find(({ kind }) => kind === 'file');
  if (huge !== undefined && random.chance(150)) huge.size = 4 * KIB * KIB + random.below(3 * KIB * KIB);
  const standing = random.chance(3) ? standingOf(random, 1000, names) : [];
  const policy = random.pick<Policy>(['fail', 'overwrite', 'keep', 'keep-newer']);
  if (policy === 'keep-newer') {
    // One time for each name: whether an earlier member of a name counts here is nobody's question.
    const times = new Map<string, number>();
    for (const piece of pieces) {
      piece.mtime = times.get(piece.name) ?? piece.mtime;
      times.set(piece.name, piece.mtime);
    }
  }
  return {
    pieces,
    standing,
    policy,
    chunkSize: random.pick([64, 64, 128, 1024]) * KIB,
    pieceLength: random.pick([64, 128, 4096]) * KIB,
  };
}

export function contentOf({ id, size }: Pick<Piece, 'id' | 'size'>): Buffer {
  return size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, `${id} is what this is. `);
}

const TYPE_FLAGS: Record<Kind, string> = {
  file: '0',
  directory: '5',
  symlink: '2',
  hardlink: '1',
  fifo: '6',
  odd: 'Q',
};

function memberOf(piece: Piece): HandmadeMember {
  const { kind, form, target, mode, mtime } = piece;
  const isLink = kind === 'symlink' || kind === 'hardlink';
  const name = kind === 'directory' ? `${piece.name}/` : piece.name;
  const member: HandmadeMember = { name, typeFlag: TYPE_FLAGS[kind], mode, mtime };
  if (isLink) member.linkName = target;
  if (piece.size > 0) member.content = contentOf(piece);
  if (form === 'dotted') {
    member.name = `./${name}`;
    if (kind === 'hardlink') member.linkName = `./${target}`;
  }
  if (form === 'v7' && (kind === 'file' || isLink)) member.magic = '';
  if (form === 'contiguous' && kind === 'file') member.typeFlag = '7';
  if (form === 'slash' && kind === 'directory') member.typeFlag = '0';
  if (form === 'base256') member.mtime = base256(BigInt(mtime));
  const longest = Math.max(Buffer.byteLength(member.name), isLink ? target.length : 0);
  if (form === 'gnu' || (longest > 100 && form !== 'pax')) return { ...member, gnuLong: true };
  if (form === 'pax') {
    member.pax = { path: name, mtime: `${mtime}.25`, ...(isLink ? { linkpath: target } : {}) };
    member.name = 'short';
    if (isLink) member.linkName = 'short-target';
  }
  return member;
}

export function encodeStream(pieces: readonly Piece[]): Buffer {
  return Buffer.concat([...pieces.map((piece) => tarMember(memberOf(piece))), END_OF_TAR]);
}

function describePiece({ kind, name, target, id, size, form, mode, mtime }: Piece): string {
  const link = kind.endsWith('link') ? ` -> ${shortened(target)}` : '';
  return `  ${kind} ${shortened(name)}${link} (#${id}, ${size} bytes, ${form}, ${mode.toString(8)}, ${mtime})`;
}

/** A stream as a person reads it. */
export function describeCase({ pieces, standing, policy, chunkSize, pieceLength }: Case): string {
  const before = standing.map(
    ({ kind, name, target, mtime }) =>
      `  there: ${kind} ${shortened(name)}${kind === 'symlink' ? ` -> ${target}` : ''} (${mtime})`,
  );
  const settings = `  policy ${policy}, chunks of ${chunkSize}, pieces of ${pieceLength}`;
  return [...before, ...pieces.map(describePiece), settings].join('\n');
}

function shortened(name: string): string {
  return name.length > 40 ? `${name.slice(0, 20)}…${name.slice(-12)}` : name;
}
