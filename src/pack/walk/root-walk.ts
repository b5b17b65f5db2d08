/**
 * Walks one of the paths that a user named, depth first, without a stack frame for each level. Main thread.
 */
import { accessSync, constants } from 'node:fs';
import { errnoOf, isExhaustion, systemReason } from '../../errors.ts';
import { toFsPath, toText, type ByteString } from '../../format/values/byte-string.ts';
import { MAX_PATH_LENGTH } from '../../format/values/constants.ts';
import { KIND } from '../../format/values/entry.ts';
import { encodeXattrs } from '../../format/values/xattrs.ts';
import { isOwnOutput, type OwnOutput } from '../../io/own-output.ts';
import { isTemporaryName } from '../../io/temporary-name.ts';
import { attributesAt } from '../../posix/attributes.ts';
import { type FileStat, isSameFile } from '../../posix/stat.ts';
import { readXattrs } from '../../posix/xattrs.ts';
import type { XattrChoice } from '../../select/xattr-choice.ts';
import type { OnAttributes } from './attribute-notes.ts';
import { type Listing, NameListing, NativeListing } from '../../posix/listing.ts';
import type { Metadata } from './metadata.ts';
import { baseOf, type MadeFile, requireDirectory, type Root } from './root.ts';
import type { SeenNames } from './seen-names.ts';
import { childDirectory, type SourceDirectories, type SourceDirectory } from './source-directories.ts';
import { kindOf, whyLeftOut } from './source-kind.ts';
import type { PlainFiles } from './plain-files.ts';
import type { MemberRun, SourceMember } from './source-member.ts';
import type { SpecialContents } from './special-contents.ts';
import type { DirectoryRules, WalkFilter } from './walk-filter.ts';
import type { Warning } from './warning.ts';

export interface WalkOptions {
  /** What to record about a member. */
  metadata: (stats: Pick<FileStat, 'mode' | 'mtime' | 'uid' | 'gid'>, kind: number) => Metadata;
  /** The archive itself, which must not be packed. */
  own: OwnOutput;
  /**
   * Files may be given in runs, see `MemberSource.takeRun`: nobody asks for each of them, and what is recorded about a file
   * is what the file system says.
   */
  runs: boolean;
  /** What to leave out. */
  filter: WalkFilter | undefined;
  /** Pack what symlinks point to instead of the symlinks. */
  dereference: boolean;
  /** Do not enter directories on another file system than the named path. */
  oneFileSystem: boolean;
  /** The contents of special files that the user named, such as FIFOs; undefined if they are left out. */
  special?: Pick<SpecialContents, 'get'> | undefined;
  onWarning: (warning: Warning) => void;
  onAttributes?: OnAttributes | undefined;
  /** Which extended attributes are recorded; undefined for none. */
  xattrs?: XattrChoice | undefined;
}

const OUT_OF_TIME =
  'its modification time is recorded as the nearest that an archive can hold: from 1677-09-21 to 2262-04-11';

const NAME_TAKEN = 'left out: a member that comes before it has the same name in the archive';

/** A directory whose names are being walked. */
interface Level {
  /** Member path of the directory with a trailing slash; '' for a root without a name. */
  base: ByteString;
  listing: Listing;
  /** The row whose turn is next. */
  next: number;
  /** The filter's rules for its names; undefined without a filter, and for a path that the user named. */
  rules: DirectoryRules | undefined;
  /** Where its names are. */
  directory: SourceDirectory;
  /** All names of the directory are walked: the walk went into it, or the user named the whole directory. */
  listed: boolean;
}

/** Something with a name in a level that no rule leaves out. */
interface Found {
  level: Level;
  row: number;
  name: ByteString;
  path: ByteString;
  stats: FileStat;
}

export class RootWalk {
  private readonly root: Root;
  private readonly options: WalkOptions;
  private readonly directories: SourceDirectories;
  private readonly seen: SeenNames;
  private readonly levels: Level[] = [];
  /** The file system of the named path. */
  private device: bigint | undefined;
  private hasBegun = false;
  /** The directory that was given last: what it holds comes next. */
  private given: Found | undefined;

  constructor(root: Root, options: WalkOptions, directories: SourceDirectories, seen: SeenNames) {
    this.root = root;
    this.options = options;
    this.directories = directories;
    this.seen = seen;
  }

  /** The files that come next, as far as nothing is unusual about them; undefined if the next member is another. */
  takeRun(plain: PlainFiles): MemberRun | undefined {
    this.goOn();
    const level = this.levels.at(-1);
    if (level === undefined || !(level.listing instanceof NativeListing)) return undefined;
    const { listing, base, directory, next: from } = level;
    const extent = plain.measure(listing, from, base.length);
    if (extent.to === from) return undefined;
    level.next = extent.to;
    return { prefix: this.root.prefix, directory, base, listing, from, ...extent };
  }

  /** The next member; undefined at the end. */
  next(): SourceMember | undefined {
    if (!this.hasBegun && this.root.made !== undefined) {
      this.hasBegun = true;
      return this.takeMade(this.root.made);
    }
    this.goOn();
    for (let level = this.levels.at(-1); level !== undefined; level = this.levels.at(-1)) {
      if (level.next === level.listing.count) {
        this.levels.pop();
        continue;
      }
      const found = this.look(level, level.next++);
      const member = found === undefined ? undefined : this.take(found);
      if (member === undefined) continue;
      if (member.kind === KIND.directory) this.given = found;
      return member;
    }
    return undefined;
  }

  /** Begins the walk; enters the directory that was given last. */
  private goOn(): void {
    if (!this.hasBegun && this.root.made === undefined) {
      this.hasBegun = true;
      this.begin();
    }
    const { given } = this;
    if (given === undefined) return;
    this.given = undefined;
    this.enterBelow(given);
  }

  /** A file that the caller made, under the name of the root. */
  private takeMade({ content, mode, mtime }: MadeFile): SourceMember | undefined {
    const { path } = this.root;
    const isTaken = this.seen.rootOf(path) !== undefined;
    this.seen.add(path, this.root);
    if (isTaken) return this.leaveOut(path, NAME_TAKEN);
    const uid = process.getuid?.() ?? 0;
    const gid = process.getgid?.() ?? 0;
    return {
      ...this.options.metadata({ mode, mtime, uid, gid }, KIND.file),
      prefix: '',
      path,
      kind: KIND.file,
      size: content.size,
      linkTarget: '',
      follow: false,
      linked: false,
      content,
    };
  }

  private begin(): void {
    const { root, directories } = this;
    if (root.path === '') {
      const base = requireDirectory(root.prefix, () => directories.openBase(root.prefix));
      this.device = base.identity.dev;
      if (root.recurse) this.enter('', '', undefined, base);
      return;
    }
    const { path, members, name } = baseOf(root);
    try {
      const directory = directories.openBase(path);
      const listing = new NameListing([name]);
      this.levels.push({ base: members, listing, next: 0, rules: undefined, directory, listed: false });
    } catch (error) {
      if (isExhaustion(error)) throw error;
      if (this.options.filter?.drops(undefined, name, root.path, false) === true) return;
      this.warn(root.path, systemReason(error));
    }
  }

  private enter(
    path: ByteString,
    name: ByteString,
    above: DirectoryRules | undefined,
    directory: SourceDirectory,
  ): Listing | undefined {
    const { directories } = this;
    try {
      directories.enter(directory);
      const listing = directories.list();
      const rules = this.options.filter?.enter(directories.pathOf(''), name, listing.names(), above);
      const base = path === '' ? '' : `${path}/`;
      this.levels.push({ base, listing, next: 0, rules, directory, listed: true });
      return listing;
    } catch (error) {
      if (isExhaustion(error)) throw error;
      this.warn(path, `cannot read the directory: ${systemReason(error)}`);
      return undefined;
    }
  }

  /** Looks up a name; undefined if it is left out, already packed, or cannot be read. */
  private look(level: Level, row: number): Found | undefined {
    const { root, directories } = this;
    const { filter, dereference } = this.options;
    const { rules, listing } = level;
    const name = listing.name(row);
    const path = `${level.base}${name}`;
    if (path.length > MAX_PATH_LENGTH) {
      return this.leaveOut(path, `its name is longer than ${MAX_PATH_LENGTH} bytes`);
    }
    const earlier = this.seen.rootOf(path);
    if (earlier?.made !== undefined) return this.leaveOut(path, NAME_TAKEN);
    // Everything under this name has been packed already.
    if (earlier?.prefix === root.prefix && (earlier.recurse || !root.recurse)) return undefined;
    let stats = listing.stat(row);
    try {
      if (stats === undefined) {
        directories.enter(level.directory);
        stats = directories.stat(name, dereference);
      }
    } catch (error) {
      if (isExhaustion(error)) throw error;
      if (filter?.drops(rules, name, path, false) === true) return undefined;
      return this.leaveOut(path, dereference ? linkReason(directories, name, error) : systemReason(error));
    }
    const isDirectory = stats.isDirectory();
    if (filter?.drops(rules, name, path, isDirectory) === true) return undefined;
    if (dereference && isDirectory && this.isWithin(stats)) {
      return this.leaveOut(path, 'left out: the link leads back to a directory that it is in');
    }
    const found = { level, row, name, path, stats };
    if (earlier === undefined) return found;
    this.takeAgain(found, earlier);
    return undefined;
  }

  /** Whether the walk is inside this directory now. */
  private isWithin(stats: FileStat): boolean {
    return this.levels.some(({ listed, directory }) => listed && isSameFile(directory.identity, stats));
  }

  /**
   * Handles a name that an earlier root also had. It is packed already, but perhaps not everything in it was packed, or
   * it was another file.
   */
  private takeAgain(found: Found, earlier: Root): void {
    const { root, seen } = this;
    const { path, stats } = found;
    if (stats.isDirectory() && seen.isDirectory(path, earlier)) {
      if (!root.recurse) return;
      seen.add(path, root);
      this.descend(found);
    } else if (earlier.prefix !== root.prefix && !seen.isFile(path, earlier, stats)) {
      this.warn(path, `left out: '${toText(`${earlier.prefix}${path}`)}' has the same name in the archive`);
    }
  }

  /** The member to pack under a name; undefined if it is left out. */
  private take(found: Found): SourceMember | undefined {
    const { root } = this;
    const { level, path, stats } = found;
    const { special, metadata, dereference } = this.options;
    this.seen.add(path, root);
    const content = level.listed ? undefined : special?.get(`${root.prefix}${path}`);
    const kind = kindOf(stats) ?? (content === undefined ? undefined : KIND.file);
    if (typeof content === 'string') return this.leaveOut(path, content);
    if (kind === undefined) return this.leaveOut(path, whyLeftOut(stats, !level.listed));
    const { mode, mtime, sourceMtime, uid, gid } = metadata(stats, kind);
    if (sourceMtime === null && mtime !== stats.mtime) this.warn(path, OUT_OF_TIME);
    const member: SourceMember = {
      prefix: root.prefix,
      path,
      directory: level.directory,
      kind,
      mode,
      mtime,
      sourceMtime,
      size: 0,
      linkTarget: '',
      uid,
      gid,
      follow: dereference,
      linked: false,
    };
    if (kind === KIND.directory) return this.withXattrs(member, found);
    if (kind === KIND.symlink) return this.withXattrs(this.takeSymlink(member, found), found);
    if (content !== undefined) return { ...member, size: content.size, content };
    return this.withXattrs(this.takeFile(member, found), found);
  }

  /** Adds the attributes of a file, a directory or a symlink. A hard link has those of its file. */
  private withXattrs(member: SourceMember | undefined, { level, name }: Found): SourceMember | undefined {
    const { xattrs: isWanted } = this.options;
    if (isWanted === undefined || member === undefined || member.kind === KIND.hardlink) return member;
    try {
      this.directories.enter(level.directory);
      member.xattrs = encodeXattrs(readXattrs(this.directories.pathOf(name), member.follow, isWanted));
    } catch (error) {
      if (isExhaustion(error)) throw error;
      this.warn(member.path, `packed without its extended attributes: ${systemReason(error)}`);
    }
    return member;
  }

  private noteAttributes({ level, name, path }: Found): void {
    const { onAttributes } = this.options;
    if (onAttributes === undefined) return;
    try {
      this.directories.enter(level.directory);
      onAttributes(attributesAt(this.directories.pathOf(name)), `${this.root.prefix}${path}`);
    } catch (error) {
      // What is wrong with the place shows when the walk goes into the directory, or looks at the next name.
      if (isExhaustion(error)) throw error;
    }
  }

  private takeSymlink(member: SourceMember, { level, row, name }: Found): SourceMember | undefined {
    member.linkTarget = level.listing.linkTarget(row);
    if (member.linkTarget !== '') return member;
    try {
      this.directories.enter(level.directory);
      member.linkTarget = this.directories.readLink(name);
      return member;
    } catch (error) {
      return this.leaveOut(member.path, systemReason(error));
    }
  }

  private takeFile(member: SourceMember, { level, name, path, stats }: Found): SourceMember | undefined {
    const { own, dereference } = this.options;
    if (isOwnOutput(own, stats, { directory: level.directory.identity, name }, dereference)) {
      if (!level.listed) this.note(path, 'left out: it is the archive that is written');
      return undefined;
    }
    if (level.listed && isTemporaryName(name)) {
      this.note(path, 'left out: an archive that is not complete, of a pack that was ended or still runs');
      return undefined;
    }
    if (stats.nlink > 1) {
      // Later names will be hard links to this file, so make sure that it can be packed.
      try {
        this.directories.enter(level.directory);
        accessSync(toFsPath(this.directories.pathOf(name)), constants.R_OK);
      } catch (error) {
        return this.leaveOut(path, systemReason(error));
      }
      const first = this.seen.firstOf(stats, path);
      if (first !== undefined) return { ...member, kind: KIND.hardlink, linkTarget: first };
    }
    member.size = stats.size;
    member.linked = stats.nlink > 1;
    return member;
  }

  /** Continues inside a directory that was packed. */
  private enterBelow(found: Found): void {
    const { dev } = found.stats;
    this.device ??= dev;
    const enters = this.root.recurse && (!this.options.oneFileSystem || dev === this.device);
    const listing = enters ? this.descend(found) : undefined;
    // Where the core lists a directory, it looks at its attributes on the way.
    if (!(listing instanceof NativeListing) || listing.hasAttributes) this.noteAttributes(found);
  }

  /** undefined if it cannot be read. */
  private descend({ level, name, path, stats }: Found): Listing | undefined {
    return this.enter(path, name, level.rules, childDirectory(level.directory, name, stats));
  }

  /** Reports something that the user asked for but that is not packed. */
  private leaveOut(path: ByteString, reason: string): undefined {
    this.warn(path, reason);
  }

  private warn(path: ByteString, reason: string): void {
    this.options.onWarning({ path: toText(`${this.root.prefix}${path}`), reason, failed: true });
  }

  /** Reports something that is not packed and that nobody wants. */
  private note(path: ByteString, reason: string): void {
    this.options.onWarning({ path: toText(`${this.root.prefix}${path}`), reason, failed: false });
  }
}

/** Why a name does not lead to a file: it is gone, or it is a link to nothing or to itself. */
function linkReason(directories: SourceDirectories, name: ByteString, error: unknown): string {
  try {
    if (!directories.stat(name, false).isSymbolicLink()) return systemReason(error);
  } catch {
    return systemReason(error);
  }
  const reason = errnoOf(error) === 'ELOOP' ? 'it leads back to itself' : systemReason(error);
  return `the link cannot be followed: ${reason}`;
}
