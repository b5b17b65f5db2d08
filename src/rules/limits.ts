/**
 * How large an archive may be before it is refused. These limits stop bombs, and mistakes.
 */
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';

export interface LimitOptions {
  /** Bytes of content of the selected members. Default: none. */
  maxSize?: number | undefined;
  /**
   * Members of the archive, selected or not, because all of them cost memory. Default and maximum: 16,000,000, which is
   * about what a table of names can hold (V8 ends a Map at 2^24 keys). Directories that exist only in the names of
   * members are made, too; there may be as many again.
   */
  maxMembers?: number | undefined;
  /**
   * Bytes of selected content for each byte of the archive; for a stream, of what has arrived of both. Default: none,
   * because zstd itself ends near 30,000, and an honest image of a blank disk reaches that.
   */
  maxRatio?: number | undefined;
  /**
   * Components of a selected member's name. Default: none but the 2,048 that a name of 4,095 bytes can have.
   */
  maxDepth?: number | undefined;
}

/** The default of `maxMembers`. No real archive comes near it. */
export const MAX_MEMBERS = 16_000_000;

export class Limits {
  private readonly options: LimitOptions;
  private members = 0;
  private contentBytes = 0;
  private impliedDirectories = 0;

  constructor(options: LimitOptions) {
    this.options = options;
  }

  /** Whether a limit was set that counts names or bytes: then it must be known which member exceeds it. */
  get areNarrow(): boolean {
    const { maxSize, maxMembers, maxDepth } = this.options;
    return maxSize !== undefined || maxMembers !== undefined || maxDepth !== undefined;
  }

  addMembers(count: number): void {
    this.members += count;
    const most = Math.min(this.options.maxMembers ?? MAX_MEMBERS, MAX_MEMBERS);
    if (this.members > most) {
      throw exceeded(`the archive has ${this.members} members or more`, `${most}`, 'maxMembers');
    }
  }

  /** Directories with members in them. A few long names may imply very many of these. */
  addDirectories(count: number): void {
    this.impliedDirectories += count;
    const most = Math.min(this.options.maxMembers ?? MAX_MEMBERS, MAX_MEMBERS);
    if (this.impliedDirectories > most) {
      throw exceeded(
        `members lie in ${this.impliedDirectories} directories or more`,
        `${most}`,
        'maxMembers',
      );
    }
  }

  checkDepth(path: ByteString): void {
    const { maxDepth } = this.options;
    if (maxDepth === undefined) return;
    let depth = 1;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) depth += 1;
    if (depth > maxDepth) {
      throw exceeded(`the name '${toText(path)}' has ${depth} components`, `${maxDepth}`, 'maxDepth');
    }
  }

  /** `member`: whose content it is, if it belongs to one member. */
  addContent(bytes: number, member?: string): void {
    this.contentBytes += bytes;
    const { maxSize } = this.options;
    if (maxSize === undefined || this.contentBytes <= maxSize) return;
    const what =
      member === undefined
        ? `the selected members have ${this.contentBytes} bytes of content`
        : `with member '${member}' the content comes to ${this.contentBytes} bytes`;
    throw exceeded(what, `${maxSize}`, 'maxSize');
  }

  checkRatio(contentBytes: number, archiveBytes: number): void {
    const { maxRatio } = this.options;
    if (maxRatio === undefined || contentBytes <= maxRatio * archiveBytes) return;
    throw exceeded(
      `${archiveBytes} bytes of archive hold ${contentBytes} bytes of content`,
      `${maxRatio} for each`,
      'maxRatio',
    );
  }
}

function exceeded(found: string, expected: string, option: keyof LimitOptions): ZnipError {
  return new ZnipError(
    'limit',
    `${found}, expected at most ${expected} (\`${option}\`): allow more if you trust who made the archive`,
  );
}
