/**
 * What is right: the tree that a stream gives, member after member, in the order of the stream.
 *
 * - The last member of a name counts. A file or link takes the place of a file, a link or an empty directory, a
 *   directory that of a file or link; a directory that holds something stays, and the member is named.
 * - A hard link is the file, or the symlink, that its target's name was at that moment; where none has come yet, the
 *   one that comes. A link to itself is ignored.
 * - Nothing is written below a file or through a symlink: the member is named.
 * - What stands in the target is the user's: it goes by the policy alone, and nothing is linked to it.
 */
import { type Case, contentOf, isBelow, type Piece, type Policy } from './stream.ts';
import { fingerprint, type Seen, STANDING_SIZE, type Tree } from './snapshot.ts';

type Node = Omit<Seen, 'names'> & { mine: boolean };

/** Programs that are known to have it otherwise. */
export type Program = 'tar' | 'bsdtar';

/** A reason of `apart`. */
export const LINK_TO_ITSELF = 'a link to itself alone';

export interface Expected {
  tree: Tree;
  /** Members that cannot be had as the stream has them: they must be named, and what is theirs may be missing. */
  contested: Set<string>;
  /** Members that may be named and missing, and need not. */
  tolerated: Set<string>;
  /** Names of which an earlier member is contested: it may be named, and the last is as it should be. */
  settled: Set<string>;
  /** Names that the policy has kept. */
  taken: Set<string>;
  /** Names of which a member took what stood there, before another came: by the index, only that one counts. */
  replacedOnce: Set<string>;
  /** Why a program's tree may be another. */
  apart: Record<Program, Set<string>>;
  /** Contents that the stream or the target has: no other may be found. */
  contents: Set<string>;
}

export class Model {
  private readonly nodes = new Map<string, Node>();
  /** Hard links that wait for their target. */
  private readonly waiting = new Map<string, string>();
  /** What stands for them until then. */
  private readonly places = new Map<string, Node>();
  /** What the stream has for names that were kept. */
  private readonly shadows = new Map<string, Node>();
  private readonly policy: Policy;
  private readonly hasStanding: boolean;
  private readonly contested = new Set<string>();
  private readonly tolerated = new Set<string>();
  private readonly settled = new Set<string>();
  private readonly taken = new Set<string>();
  /** Directories that the stream has. */
  private readonly declared = new Set<string>();
  /** Names of members below something that stood there: what is above them is a directory of the stream all the same. */
  private readonly hidden = new Set<string>();
  /** Directories of the stream where something else stood, and stays. */
  private readonly hiddenDirectories = new Set<string>();
  private readonly replacedOnce = new Set<string>();
  private readonly apart: Expected['apart'] = { tar: new Set(), bsdtar: new Set() };
  private readonly contents = new Set<string>(['']);

  constructor({ standing, policy }: Case) {
    this.policy = policy;
    this.hasStanding = standing.length > 0;
    for (const { name, kind, target, id, mode, mtime } of standing) {
      const content = kind === 'file' ? fingerprint(contentOf({ id, size: STANDING_SIZE })) : '';
      this.contents.add(content);
      for (const above of ancestors(name)) {
        if (!this.nodes.has(above)) this.nodes.set(above, { ...directoryNode(0o777), mine: true });
      }
      const node: Node = { kind, content, mode, mtime: undefined, mine: true };
      if (kind === 'symlink') Object.assign(node, { content: target, mode: undefined });
      this.nodes.set(name, node);
      this.times.set(node, mtime);
      if (kind === 'file') node.mtime = mtime;
    }
  }

  /** Modification times of what stands there, for `keep-newer`. */
  private readonly times = new Map<Node, number>();

  finish(): Expected {
    for (const path of this.waiting.keys()) {
      this.contest(path, 'a link to nothing', []);
      if (this.nodes.get(path) === this.places.get(path)) this.nodes.delete(path);
    }
    const { contested, tolerated, settled, taken, replacedOnce, apart, contents } = this;
    const names = new Map<Node, string[]>();
    for (const [path, node] of this.nodes) names.set(node, [...(names.get(node) ?? []), path]);
    const tree: Tree = new Map();
    for (const [path, { kind, content, mode, mtime, ...node }] of this.nodes) {
      void node;
      const own = names.get(this.nodes.get(path) as Node) ?? [];
      tree.set(path, {
        kind,
        content,
        mode,
        mtime,
        names: kind === 'directory' ? path : own.sort().join(' '),
      });
    }
    return { tree, contested, tolerated, settled, taken, replacedOnce, apart, contents };
  }

  add(piece: Piece): void {
    const { name, kind } = piece;
    if (kind === 'fifo') return this.contest(name, 'a FIFO', ['tar', 'bsdtar']);
    if (kind === 'hardlink') return this.addLink(piece);
    if (kind === 'directory') return this.addDirectory(piece);
    const node: Node =
      kind === 'symlink'
        ? { kind, content: piece.target, mode: undefined, mtime: undefined, mine: false }
        : {
            kind: 'file',
            content: fingerprint(contentOf(piece)),
            mode: piece.mode,
            mtime: piece.mtime,
            mine: false,
          };
    if (kind !== 'symlink') this.contents.add(node.content);
    if (kind === 'symlink' && leadsOut(piece.target)) this.leadingOut.add(node);
    this.put(name, node, piece.mtime);
    if (kind === 'odd') this.contest(name, 'an unknown type', []);
    this.resolve(name, node);
  }

  /** Symlinks that GNU tar makes at its end, with an empty file in their place until then. */
  private readonly leadingOut = new Set<Node>();

  private resolve(target: string, node: Node): void {
    for (const [path, wanted] of this.waiting) {
      if (wanted !== target) continue;
      this.waiting.delete(path);
      this.differ('a link before its file', ['tar', 'bsdtar']);
      // What cannot be there may be what the link means, or change nothing: then a later member of that name is.
      if (this.contested.has(target) || this.replacedOnce.has(target)) this.replacedOnce.add(path);
      if (this.policy === 'keep-newer' && this.nodes.get(path)?.mine === true) this.replacedOnce.add(path);
      // Of a file that is not there, all its names are one file all the same.
      const linked = this.taken.has(target) ? (this.shadows.get(target) ?? node) : node;
      this.put(path, linked, 0);
      this.resolve(path, linked);
      // Whether a later member of that name counts instead depends on who reads.
      this.tolerated.add(path);
    }
  }

  private addLink({ name, target, mtime, form }: Piece): void {
    if (this.policy === 'keep-newer') this.differ('newer links', ['tar', 'bsdtar']);
    if (name === target) {
      this.tolerated.add(name);
      // Spelt `./NAME`, bsdtar takes the file away.
      if (form === 'dotted') this.differ('a link to itself', ['bsdtar']);
      if (!this.nodes.has(name)) this.differ(LINK_TO_ITSELF, ['tar', 'bsdtar']);
      return;
    }
    if (this.blockOf(target) !== undefined) this.differ('a link through a link', ['tar', 'bsdtar']);
    const shadow = this.shadows.get(target);
    const node = this.nodes.get(target);
    // What became of the file became of its links.
    if (this.tolerated.has(target)) this.tolerated.add(name);
    if (this.contested.has(target)) this.replacedOnce.add(name);
    const isShown = this.declared.has(target) && node?.kind === 'directory' && shadow === undefined;
    if (isShown || this.hiddenDirectories.has(target) || this.holdsMembers(target)) {
      return this.contest(name, 'a link to a directory', ['tar', 'bsdtar']);
    }
    if (shadow !== undefined || node?.mine === true) {
      this.differ('a link to what stood there', ['tar', 'bsdtar']);
      if (shadow === undefined || shadow === this.places.get(target)) return this.wait(name, target, mtime);
      this.tolerated.add(name);
      if (this.policy === 'keep-newer' && this.nodes.get(name)?.mine === true) this.replacedOnce.add(name);
      this.put(name, shadow, mtime);
      return this.resolve(name, shadow);
    }
    if (node === undefined || node === this.places.get(target)) {
      this.differ('a link before its file', ['tar', 'bsdtar']);
      return this.wait(name, target, mtime);
    }
    if (node.kind === 'directory') {
      // Both make its directories, and take away what has the name, before they find out.
      return this.contest(name, 'a link to a directory', ['tar', 'bsdtar']);
    }
    if (this.nodes.get(name) === node) {
      // bsdtar sets mode and time of what it keeps.
      if (this.hasStanding && this.policy !== 'overwrite') this.differ('a link that is kept', ['bsdtar']);
      return this.settle(name);
    }
    // Its time is that of the link or that of the file, as who reads has it.
    if (this.policy === 'keep-newer' && this.nodes.get(name)?.mine === true) this.replacedOnce.add(name);
    this.put(name, node, mtime);
    this.resolve(name, node);
  }

  /** The link has its name from now on, although nobody knows what it is. */
  private wait(name: string, target: string, mtime: number): void {
    const place: Node = { kind: 'symlink', content: '', mode: undefined, mtime: undefined, mine: false };
    this.places.set(name, place);
    this.put(name, place, mtime);
    if (this.nodes.get(name) === place || this.shadows.get(name) === place) this.waiting.set(name, target);
  }

  private addDirectory({ name, mode }: Piece): void {
    if (!this.makeParents(name)) return;
    this.declared.add(name);
    const before = this.nodes.get(name);
    if (before?.kind === 'directory') {
      if (!before.mine || this.policy === 'overwrite') before.mode = mode;
      else this.differ('the mode of a directory that stood there', ['tar', 'bsdtar']);
      // Spelt otherwise than where its name was implied, it is another directory for GNU tar, which ends with that one.
      const isBelowName = ([path, node]: [string, Node]): boolean =>
        isBelow(path, name) && this.leadingOut.has(node);
      if ([...this.nodes].some(isBelowName))
        this.differ('the directory of a symlink that leads out', ['tar']);
      this.taken.delete(name);
      this.shadows.delete(name);
      return this.settle(name);
    }
    // A symlink that stood there is never taken away for a directory.
    if (before?.mine === true && (this.policy !== 'overwrite' || before.kind === 'symlink')) {
      this.contest(name, 'a directory where something else stood', ['tar', 'bsdtar']);
      this.waiting.delete(name);
      this.shadows.delete(name);
      this.hiddenDirectories.add(name);
      return;
    }
    if (before !== undefined) this.noteReplaced(name, before);
    // Links are made at the end, when the directory is there.
    if (before?.mine === true) {
      for (const path of this.contested) if (isBelow(path, name)) this.replacedOnce.add(path);
    }
    this.nodes.set(name, directoryNode(mode));
    this.settle(name);
  }

  /** Gives a file or link its name. */
  private put(name: string, node: Node, mtime: number): void {
    if (!this.makeParents(name)) {
      // What links to it mean is the same.
      if (this.hidden.has(name)) this.shadows.set(name, node);
      return;
    }
    if (this.holdsMembers(name)) return this.contest(name, 'a directory that holds something', []);
    this.hiddenDirectories.delete(name);
    const before = this.nodes.get(name);
    if (before !== undefined && before.mine && !this.mayReplace(before, mtime)) {
      // bsdtar sets mode and time of what it keeps.
      this.differ('what is kept', before.kind === 'directory' ? ['tar', 'bsdtar'] : ['bsdtar']);
      this.taken.add(name);
      this.settle(name);
      // A link to a file that the stream has under another name, too, is that file.
      const isShared = node === this.places.get(name) || [...this.nodes.values()].includes(node);
      this.shadows.set(name, isShared ? node : { ...node });
      return;
    }
    if (before?.kind === 'directory' && [...this.nodes.keys()].some((path) => isBelow(path, name))) {
      // What stood there stays, and yet the stream has something else of that name.
      if (before.mine) {
        this.shadows.set(name, { ...node });
        this.differ('a name that two have', ['tar', 'bsdtar']);
      }
      return this.contest(name, 'a directory that holds something', []);
    }
    if (before?.mine === true && before.kind === 'directory') this.tolerated.add(name);
    if (before !== undefined) this.noteReplaced(name, before);
    this.nodes.set(name, node);
    this.shadows.delete(name);
    this.settle(name);
  }

  /** Whether members of the stream lie below a name, kept or not. */
  private holdsMembers(name: string): boolean {
    const isMember = ([path, { mine }]: [string, Node]): boolean => !mine && isBelow(path, name);
    const isAbove = [...this.declared, ...this.hidden].some((path) => isBelow(path, name));
    return isAbove || [...this.nodes].some(isMember) || [...this.shadows].some(isMember);
  }

  private mayReplace(before: Node, mtime: number): boolean {
    if (this.policy !== 'keep-newer') return this.policy === 'overwrite';
    if (before.kind === 'directory') return false;
    return mtime > (this.times.get(before) ?? 0);
  }

  private noteReplaced(name: string, before: Node): void {
    if (this.leadingOut.has(before)) this.differ('a symlink that leads out is replaced', ['tar']);
    if (before.mine && this.policy === 'keep-newer') this.differ('newer links', ['tar', 'bsdtar']);
    if (before.mine && (this.policy === 'keep-newer' || before.kind === 'symlink'))
      this.replacedOnce.add(name);
    if (!before.mine && this.hasStanding && this.policy !== 'overwrite') {
      this.differ('a repeated name that is kept', ['tar', 'bsdtar']);
    }
  }

  /** The directories above a name; false when something stands in the way. */
  private makeParents(name: string): boolean {
    const block = this.blockOf(name);
    if (block !== undefined) {
      const programs: Program[] = block.kind === 'symlink' ? ['tar'] : [];
      if (block.mine) this.hidden.add(name);
      if (block.mine || ancestors(name).some((above) => this.shadows.has(above))) {
        programs.push('tar', 'bsdtar');
      }
      this.contest(name, `below a ${block.kind}`, programs);
      return false;
    }
    for (const above of ancestors(name)) {
      if (!this.nodes.has(above)) this.nodes.set(above, directoryNode(undefined));
    }
    return true;
  }

  /** What is no directory and stands where one above the name should. */
  private blockOf(name: string): Node | undefined {
    return ancestors(name)
      .map((above) => this.shadows.get(above) ?? this.nodes.get(above))
      .find((node) => node !== undefined && node.kind !== 'directory');
  }

  private contest(name: string, why: string, programs: readonly Program[]): void {
    this.contested.add(name);
    this.differ(why, programs);
  }

  /** A member that stands there as it should: what was wrong with earlier ones of its name, or awaited, is past. */
  private settle(name: string): void {
    this.waiting.delete(name);
    if (this.contested.delete(name)) this.settled.add(name);
  }

  private differ(why: string, programs: readonly Program[]): void {
    for (const program of programs) this.apart[program].add(why);
  }
}

function ancestors(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

function directoryNode(mode: number | undefined): Node {
  return { kind: 'directory', content: '', mode, mtime: undefined, mine: false };
}

function leadsOut(target: string): boolean {
  return target.startsWith('/') || target.split('/').includes('..');
}

export function expectedOf(input: Case): Expected {
  const model = new Model(input);
  for (const piece of input.pieces) model.add(piece);
  return model.finish();
}
