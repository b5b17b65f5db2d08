/**
 * Entries as a drawing of their directories, for people.
 */
import { toText, type ByteString } from '../../format/values/byte-string.ts';
import { KIND } from '../../format/values/entry.ts';
import type { Streams } from '../process/streams.ts';
import { printable } from '../ui/text.ts';
import type { Listing } from './listing.ts';

interface Node {
  name: ByteString;
  /** What follows the name: a slash, or the target of a link. */
  suffix: string;
  /** The children, in the order in which they, or what they hold, are listed. */
  children: Node[];
  /** The children by name, if there are many. */
  byName: Map<ByteString, Node> | undefined;
}

/** Up to this many children are searched one by one: most directories on the way to a name have only one. */
const FEW = 8;

/**
 * How many levels are drawn. Below them, the rest of a path is one line. Each level makes a line four characters
 * longer. So without this limit, a name of 4 KB, which may be 2,048 directories deep, would take 8 MB.
 */
export const MOST_LEVELS = 100;

/** Output is written in pieces of about this many characters. */
const PIECE = 256 * 1024;

export function writeTree(streams: Streams, listing: Listing): void {
  let piece = '';
  for (const line of drawTree(listing)) {
    piece += line;
    if (piece.length < PIECE) continue;
    streams.write(piece);
    piece = '';
  }
  if (piece !== '') streams.write(piece);
}

/** The lines of the tree. */
export function drawTree(listing: Listing): Generator<string, void, undefined> {
  const root = newNode('');
  for (const { batch, row } of listing) {
    let node = root;
    for (const name of levelsOf(batch.path(row))) node = childOf(node, name);
    const kind = batch.kinds[row];
    if (kind === KIND.directory) node.suffix = '/';
    if (kind === KIND.symlink) node.suffix = ` -> ${printable(toText(batch.linkTarget(row)))}`;
    if (kind === KIND.hardlink) node.suffix = ` link to ${printable(toText(batch.linkTarget(row)))}`;
  }
  return draw(root);
}

/** The components of a path. The last one holds everything that is too deep. */
function levelsOf(path: ByteString): string[] {
  let end = -1;
  for (let level = 1; level < MOST_LEVELS; level++) {
    end = path.indexOf('/', end + 1);
    if (end < 0) return path.split('/');
  }
  return [...path.slice(0, end).split('/'), path.slice(end + 1)];
}

function newNode(name: ByteString): Node {
  return { name, suffix: '', children: [], byName: undefined };
}

function childOf(node: Node, name: ByteString): Node {
  const { children } = node;
  const known =
    children.length <= FEW ? children.find((child) => child.name === name) : node.byName?.get(name);
  if (known !== undefined) return known;
  const child = newNode(name);
  children.push(child);
  if (children.length > FEW) {
    node.byName ??= new Map(children.map((one) => [one.name, one]));
    node.byName.set(name, child);
  }
  return child;
}

/** Not recursive, because deep trees would overflow the stack. */
function* draw(root: Node): Generator<string, void, undefined> {
  const levels = [{ indent: '', children: root.children, next: 0 }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const node = level.children[level.next++];
    if (node === undefined) {
      levels.pop();
      continue;
    }
    const { name, suffix, children } = node;
    const last = level.next === level.children.length;
    const atTop = levels.length === 1;
    const branch = atTop ? '' : last ? '└── ' : '├── ';
    const slash = children.length > 0 && suffix === '' ? '/' : suffix;
    yield `${level.indent}${branch}${printable(toText(name))}${slash}\n`;
    const indent = atTop ? '' : `${level.indent}${last ? '    ' : '│   '}`;
    if (children.length > 0) levels.push({ indent, children, next: 0 });
  }
}
