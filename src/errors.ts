/**
 * The one error type of znip, and how it crosses threads.
 *
 * Every error has a literal `code`. Programs may test it, and it decides the exit status
 * (`cli/process/exit-status.ts`). The message says what was expected, what was found, where, and what to do. If an
 * option would help, the message has its name in the library, in backquotes. The command line puts flags in their place
 * (`cli/ui/advice.ts`).
 */
import { constants } from 'node:os';

/** What kind of failure it is. */
export type ZnipErrorCode =
  /** The bytes are not a znip archive at all. */
  | 'not-an-archive'
  /** There is no archive with this name. */
  | 'no-archive'
  /** An archive, but not the one with the root hash that was asked for. */
  | 'root-mismatch'
  /** The archive has a major version that this reader does not know. */
  | 'unsupported-version'
  /** The archive is cut off before its end. */
  | 'truncated'
  | 'damaged-footer'
  | 'damaged-manifest'
  | 'damaged-sub-index'
  | 'damaged-frame-table'
  | 'damaged-block'
  /** A chunk was decoded without error, but a member's content does not have the hash that the index states. */
  | 'damaged-member'
  /** Index, tar stream or block headers contradict each other. */
  | 'inconsistent'
  /** A name that would leave the target directory, or that no file system can hold. */
  | 'unsafe-path'
  /** A link that would let a later write leave the target directory. */
  | 'unsafe-link'
  /** Something with the name of a member exists already. */
  | 'exists'
  /** Archives that are merged have different members of one name. */
  | 'conflict'
  /** More names would be removed than the caller allows. */
  | 'too-many-removals'
  | 'source-unreadable'
  | 'no-match'
  /** The archive exceeds a limit of the caller or of the format. */
  | 'limit'
  | 'usage'
  | 'io'
  /** A thread ended or ran out of memory before its work was done. */
  | 'thread-died'
  | 'codec-unavailable'
  | 'aborted'
  /** znip contradicts itself: a defect in znip, not in its input. */
  | 'internal';

/** What kind of file it is, by its first bytes, if it is not a znip archive. */
export interface ForeignFile {
  /** Its kind with an article: `a .tar`. */
  what: string;
  kind: 'tar' | 'compressed' | 'archive';
  /** The command that decompresses it to standard output, or unpacks it. A tar needs none. */
  command?: string;
  /** What was expected: an archive that is opened by its index, or a stream that is read in one pass. */
  expected: 'archive' | 'stream';
}

/** Where something failed, as far as it is known. */
export interface ErrorContext {
  /** File name, as given or found. */
  path?: string;
  /** Member path, for display. */
  member?: string;
  /** Archive byte of the fault. */
  offset?: number;
  /** Number of the block, from 0. */
  blob?: number;
  /** System error code such as ENOSPC. */
  errno?: string;
  /** What kind of file it is, if it is not a znip archive. */
  foreign?: ForeignFile;
}

/**
 * Every failure, except that a signal's reason is thrown as it is. `message` says what was expected, what was found,
 * where, and what to do. `cause` is the error of the system or of the caller's stream, if there is one.
 */
export class ZnipError extends Error {
  /** For programs: the kind of failure. */
  readonly code: ZnipErrorCode;
  /** For programs: where it happened. */
  readonly context: ErrorContext;

  constructor(code: ZnipErrorCode, message: string, context: ErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ZnipError';
    this.code = code;
    this.context = context;
  }
}

/** A ZnipError as a plain object. Structured clone would drop `code` and `context` from an Error. */
export interface PlainError {
  code: ZnipErrorCode;
  message: string;
  context: ErrorContext;
}

export function toPlainError(error: unknown): PlainError {
  const { code, message, context } = toZnipError(error);
  return { code, message, context };
}

export function fromPlainError({ code, message, context }: PlainError): ZnipError {
  return new ZnipError(code, message, context);
}

const SYSTEM_REASONS: Record<string, string> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'disk quota exceeded',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or directory',
  EEXIST: 'it already exists',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  ELOOP: 'a part of the path is a symbolic link',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files in the system',
  ENOMEM: 'not enough memory',
  EIO: 'input/output error of the device',
  ENAMETOOLONG: 'the name is too long for this file system',
  EFBIG: 'the file is too large for this file system',
  EPIPE: 'the reader went away',
  ENOTEMPTY: 'the directory is not empty',
  ENXIO: 'no such device, or nobody reads the FIFO',
};

/** The words for a system error: `permission denied` for EACCES; its code if there are no words for it. */
export function systemReason(error: unknown): string {
  const code = errnoOf(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  return SYSTEM_REASONS[code] ?? code;
}

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** The name of a system error's number: ENOENT for 2 on Linux. */
export function errnoName(number: number): string {
  return ERRNO_NAMES.get(number) ?? `errno ${number}`;
}

/** The system error code (`ENOENT`) of a Node.js error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof ZnipError) return error.context.errno;
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown };
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return code;
  // Node.js has no name for some errors, such as EDQUOT.
  return typeof errno === 'number' ? ERRNO_NAMES.get(-errno) : undefined;
}

/** A failed system call as a ZnipError: `cannot <action> <path>: <reason>`. */
export function ioError(action: string, path: string, error: unknown): ZnipError {
  const errno = errnoOf(error);
  const context: ErrorContext = errno === undefined ? { path } : { path, errno };
  return new ZnipError('io', `cannot ${action} '${path}': ${systemReason(error)}`, context, error);
}

const FEW_DESCRIPTORS = 'too many open files: allow more (ulimit -n), or use fewer threads (`threads`)';
const LITTLE_MEMORY =
  'not enough memory: allow more (ulimit -v), use fewer threads (`threads`), or less memory (`memory`) where there is that option';

/** What is too little on this machine, and what to do about it, where that is why something failed. */
export function exhaustionOf(error: unknown): string | undefined {
  const errno = errnoOf(error);
  if (errno === 'EMFILE' || errno === 'ENFILE') return FEW_DESCRIPTORS;
  if (errno === 'ENOMEM') return LITTLE_MEMORY;
  if (errno !== undefined || !(error instanceof Error) || error instanceof ZnipError) return undefined;
  // Node.js has the reason of a thread that cannot be started in its message alone.
  if (/\b(?:EMFILE|ENFILE)\b/.test(error.message)) return FEW_DESCRIPTORS;
  const unable = /allocation failed|could not allocate|cannot allocate|\bENOMEM\b|\bEAGAIN\b/i;
  return unable.test(error.message) ? LITTLE_MEMORY : undefined;
}

/** Whether the machine has too little of something, so that the next file would fail, too. */
export function isExhaustion(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM'].includes(errnoOf(error) ?? '');
}

/** Any thrown value as a ZnipError. If it is not one already, it is an I/O error or a defect of znip. */
export function toZnipError(error: unknown): ZnipError {
  if (error instanceof ZnipError) return error;
  // In that case it does not matter which file it was, and it may be one of Node.js's own.
  const exhausted = exhaustionOf(error);
  if (exhausted !== undefined) {
    return new ZnipError('io', exhausted, { errno: errnoOf(error) ?? 'ENOMEM' }, error);
  }
  const errno = errnoOf(error);
  if (errno !== undefined && !errno.startsWith('ERR_')) {
    const { path } = error as { path?: unknown };
    const context: ErrorContext = typeof path === 'string' ? { path, errno } : { errno };
    const place = typeof path === 'string' ? `'${path}': ` : '';
    return new ZnipError('io', `${place}${systemReason(error)}`, context, error);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new ZnipError('internal', message, {}, error);
}
