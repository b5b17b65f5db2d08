/**
 * Entries as a drawing of their directories, for people.
 */
import { toText, type ByteString } from '../../format/byte-string.ts';
import { KIND } from '../../format/entry.ts';
import { writeOutput } from '../standard-streams.ts';
import { printable } from '../text.ts';
import type { Listing } from './listing.ts';

interface Node {
  /** What the name is followed by: a slash, or where a link leads. */
  suffix: string;
  children: Map<ByteString, Node>;
}

/** Output is written in pieces of about this many characters. */
const PIECE = 256 * 1024;

/** Writes the tree; siblings are in the order in which they, or what they hold, are listed. */
export function writeTree(listing: Listing): void {
  const root: Node = { suffix: '', children: new Map() };
  for (const { batch, row } of listing) {
    let node = root;
    for (const name of batch.path(row).split('/')) {
      let child = node.children.get(name);
      if (child === undefined) {
        child = { suffix: '', children: new Map() };
        node.children.set(name, child);
      }
      node = child;
    }
    const kind = batch.kinds[row];
    if (kind === KIND.directory) node.suffix = '/';
    if (kind === KIND.symlink) node.suffix = ` -> ${printable(toText(batch.linkTarget(row)))}`;
    if (kind === KIND.hardlink) node.suffix = ` link to ${printable(toText(batch.linkTarget(row)))}`;
  }
  let piece = '';
  for (const line of draw(root)) {
    piece += line;
    if (piece.length < PIECE) continue;
    writeOutput(piece);
    piece = '';
  }
  if (piece !== '') writeOutput(piece);
}

/** The lines of a tree. Not recursive: names of an archive may be two thousand directories deep. */
function* draw(root: Node): Generator<string, void, undefined> {
  const levels = [{ indent: '', children: [...root.children], next: 0 }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const entry = level.children[level.next++];
    if (entry === undefined) {
      levels.pop();
      continue;
    }
    const [name, { suffix, children }] = entry;
    const last = level.next === level.children.length;
    const atTop = levels.length === 1;
    const branch = atTop ? '' : last ? '└── ' : '├── ';
    const slash = children.size > 0 && suffix === '' ? '/' : suffix;
    yield `${level.indent}${branch}${printable(toText(name))}${slash}\n`;
    const indent = atTop ? '' : `${level.indent}${last ? '    ' : '│   '}`;
    if (children.size > 0) levels.push({ indent, children: [...children], next: 0 });
  }
}
