/**
 * Finds what to pack: walks trees in a fixed order and describes each member. Main thread.
 *
 * Order: roots as given, each directory before what it holds, names within a directory by their bytes. It does not
 * depend on how the file system lists names, so equal trees give equal archives.
 */
import { PlainFiles } from './plain-files.ts';
import { RootWalk, type WalkOptions } from './root-walk.ts';
import { isOwnRoot, onlyItself, requireRoot, type Root } from './root.ts';
import { SeenNames } from './seen-names.ts';
import { SourceDirectories } from './source-directories.ts';
import { type MemberRun, MemberSource, type SourceMember } from './source-member.ts';

/**
 * Gives every member below the roots, each name once. Throws `source-unreadable` if a required root does not exist. What
 * goes wrong below a root is a warning.
 */
export class Walk extends MemberSource {
  private readonly options: WalkOptions;
  private readonly directories: SourceDirectories;
  private readonly seen: SeenNames;
  private readonly roots: Iterator<Root>;
  /** The roots are all known, and were checked before the first member. */
  private readonly isChecked: boolean;
  /** undefined if files are given one by one. */
  private readonly plain: PlainFiles | undefined;
  private walked: RootWalk | undefined;
  private hasEnded = false;
  /** The first root that is the archive itself; it matters if there are no others. */
  private itself: Root | undefined;
  private hasOthers = false;

  constructor(roots: Iterable<Root>, options: WalkOptions) {
    super();
    // A list of names that is still arriving cannot be checked as a whole.
    this.isChecked = Array.isArray(roots);
    if (Array.isArray(roots)) checkRoots(roots, options);
    this.options = options;
    const isUsual = options.runs && options.filter === undefined && !options.dereference;
    // Of several roots, each name must be remembered.
    if (isUsual && Array.isArray(roots) && roots.length === 1) this.plain = new PlainFiles(options.own);
    this.directories = new SourceDirectories(options.dereference);
    this.seen = new SeenNames(options.dereference, Array.isArray(roots) && roots.length === 1);
    this.roots = roots[Symbol.iterator]();
  }

  next(): SourceMember | undefined {
    while (!this.hasEnded) {
      const member = this.walked?.next();
      if (member !== undefined) return member;
      const { done, value: root } = this.roots.next();
      if (done === true) this.end();
      else this.begin(root);
    }
    return undefined;
  }

  override takeRun(): MemberRun | undefined {
    return this.plain === undefined ? undefined : this.walked?.takeRun(this.plain);
  }

  close(): void {
    this.hasEnded = true;
    this.directories.close();
    this.roots.return?.();
  }

  private begin(root: Root): void {
    const { options } = this;
    if (!this.hasOthers && isOwnRoot(root, options.own)) this.itself ??= root;
    else this.hasOthers = true;
    if (!this.isChecked) requireRoot(root);
    this.walked = new RootWalk(root, options, this.directories, this.seen);
  }

  private end(): void {
    this.close();
    const { options, itself, hasOthers } = this;
    if (itself !== undefined && !hasOthers) throw onlyItself(itself);
    for (const pattern of options.filter?.unmatched() ?? []) {
      options.onWarning({
        path: pattern,
        reason:
          '`include` matched nothing; it does not bring back what is below a directory that is left out',
        failed: true,
      });
    }
  }
}

function checkRoots(roots: readonly Root[], { own }: WalkOptions): void {
  for (const root of roots) requireRoot(root);
  const [first] = roots;
  // With `pack *`, the replaced archive is one of many names. If it is the only one, that is a mistake.
  if (first !== undefined && roots.every((root) => isOwnRoot(root, own))) throw onlyItself(first);
}
