/**
 * Finds what to pack: walks trees in a fixed order and describes each member. Main thread.
 *
 * Order: roots as given, each directory before what it holds, names within a directory by their bytes. It does not
 * depend on how the file system lists names, so equal trees give equal archives.
 */
import { RootWalk, type WalkOptions } from './root-walk.ts';
import { isOwnRoot, onlyItself, requireRoot, type Root } from './root.ts';
import { SeenNames } from './seen-names.ts';
import { SourceDirectories } from './source-directories.ts';
import type { SourceMember } from './source-member.ts';

/**
 * Yields every member below the roots, each name once. Throws `source-unreadable` if a required root does not exist.
 * What goes wrong below a root is a warning.
 */
export function* walk(roots: Iterable<Root>, options: WalkOptions): Generator<SourceMember, void, undefined> {
  const directories = new SourceDirectories(options.dereference);
  try {
    // A list of names that is still arriving cannot be checked as a whole.
    if (Array.isArray(roots)) checkRoots(roots, options);
    yield* walkRoots(roots, options, directories);
  } finally {
    directories.close();
  }
  for (const pattern of options.filter?.unmatched() ?? []) {
    options.onWarning({
      path: pattern,
      reason: '`include` matched nothing; it does not bring back what is below a directory that is left out',
      failed: true,
    });
  }
}

function checkRoots(roots: readonly Root[], { own }: WalkOptions): void {
  for (const root of roots) requireRoot(root);
  const [first] = roots;
  // With `pack *`, the replaced archive is one of many names. If it is the only one, that is a mistake.
  if (first !== undefined && roots.every((root) => isOwnRoot(root, own))) throw onlyItself(first);
}

function* walkRoots(
  roots: Iterable<Root>,
  options: WalkOptions,
  directories: SourceDirectories,
): Generator<SourceMember, void, undefined> {
  const isList = Array.isArray(roots);
  const seen = new SeenNames(options.dereference, isList && roots.length === 1);
  let itself: Root | undefined;
  let hasOthers = false;
  for (const root of roots) {
    if (!hasOthers && isOwnRoot(root, options.own)) itself ??= root;
    else hasOthers = true;
    if (!isList) requireRoot(root);
    const walked = new RootWalk(root, options, directories, seen);
    if (root.made === undefined) yield* walked.members();
    else yield* walked.made(root.made);
  }
  if (itself !== undefined && !hasOthers) throw onlyItself(itself);
}
