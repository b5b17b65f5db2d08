/**
 * The names that a run could not use, because something else has them and stays. Main thread.
 */
import { ZnipError } from '../errors.ts';
import { toText, type ByteString } from '../format/values/byte-string.ts';
import type { ExistingPolicy, WriteSettings } from './write-settings.ts';

export class TakenNames {
  private readonly names: Set<ByteString>;
  /** Members below something that is not a directory: why the first of them is not there, and how many there are. */
  private block: ZnipError | undefined;
  private blocked = 0;

  constructor(names: Iterable<ByteString> = []) {
    this.names = new Set(names);
  }

  get size(): number {
    return this.names.size;
  }

  has(path: ByteString): boolean {
    return this.names.has(path);
  }

  /** The file with this name stays. */
  add(path: ByteString): void {
    this.names.add(path);
  }

  /** A later member agrees with what has this name. */
  delete(path: ByteString): void {
    this.names.delete(path);
  }

  /** Nothing can have this name: something else is where a directory above it must be. */
  addBlocked(path: ByteString, block: ZnipError): void {
    this.block ??= block;
    this.blocked += 1;
    this.add(path);
  }

  /** Throws `exists` at the end of a run, if names are taken and the policy is not to keep them. */
  throwIfAny({ existing, target }: Pick<WriteSettings, 'existing' | 'target'>): void {
    const { block, blocked, names } = this;
    if (block !== undefined) {
      const others = blocked > 1 ? `; ${blocked} members are left out for such reasons` : '';
      throw new ZnipError('exists', `${block.message}${others}`, block.context);
    }
    if (names.size === 0 || existing === 'keep' || existing === 'keep-newer') return;
    throw existsError(
      [...names].map((path) => `${target}${path}`),
      existing,
    );
  }
}

/** The error for taken names, if the policy is not to keep them. */
export function existsError(names: readonly ByteString[], existing: ExistingPolicy = 'fail'): ZnipError {
  const path = toText(names[0] ?? '');
  const shown = names.length > 1 ? `'${path}' and ${names.length - 1} more` : `'${path}'`;
  const one = names.length === 1;
  const message =
    existing === 'overwrite'
      ? `${shown} could not be replaced, because ${one ? 'it is a directory that holds' : 'they are directories that hold'} something: move ${one ? 'it' : 'them'} away`
      : `${shown} already ${one ? 'exists and was left as it is' : 'exist and were left as they are'}: use \`overwrite\` to replace or \`keep\` to keep what is there`;
  return new ZnipError('exists', message, { path });
}
