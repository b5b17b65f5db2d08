/**
 * What is lost through damage when a run takes members from a stream and keeps going: members by name, or ranges of the
 * tar stream as long as names are not known. Main thread.
 */
import { ZnipError } from '../errors.ts';
import type { ByteString } from '../format/values/byte-string.ts';
import { isDamage, lostLink, lostMember } from '../rules/lost.ts';
import { Losses } from '../rules/losses.ts';

/** A range of the tar stream that is lost. */
interface LostRange {
  start: number;
  /** Exclusive; Infinity if nothing came after it. */
  end: number;
  cause: ZnipError;
  /** A member in it has been named. */
  named: boolean;
}

export class StreamLosses extends Losses {
  private readonly ranges: LostRange[] = [];

  /** Throws an error that ends the run: any error if the run does not keep going, otherwise any that is not damage. */
  damage(error: unknown): ZnipError {
    if (!this.keepGoing || !isDamage(error)) throw error;
    return error;
  }

  /**
   * A member is refused. The run goes on even without `keepGoing`, because the rest of a stream passes only once.
   * Throws errors that are not the member's fault.
   */
  refuse(name: ByteString, error: ZnipError): void {
    this.noteRefused(error);
    this.addMember(name, error);
  }

  /** The same for a member that was not even added: another member may have its name, and that one is not lost. */
  refuseEntry(name: ByteString, error: ZnipError): void {
    this.noteRefused(error);
    this.tell(lostMember(name, error));
  }

  /** Damage without a lost member, or with lost members whose names are not known. */
  addDamage(cause: ZnipError): void {
    this.tell(lostMember(null, cause));
  }

  /** The member that should have got this name is lost. */
  addMember(name: ByteString, cause: ZnipError): void {
    if (this.names.has(name)) return;
    this.names.add(name);
    this.tell(lostMember(name, cause));
  }

  /** A member is lost that has bytes in this range of the tar stream, `[start, end)`. */
  addMemberAt(name: ByteString, start: number, end: number, otherwise: ZnipError): void {
    const range = this.rangeAt(start, end);
    if (range !== undefined) range.named = true;
    this.addMember(name, range?.cause ?? otherwise);
  }

  addLink(name: ByteString, target: ByteString): void {
    if (this.names.has(name)) return;
    this.names.add(name);
    this.tell(lostLink(name, target));
  }

  /** Adds a lost range. They come in order. */
  addRange(start: number, end: number | undefined, cause: ZnipError): void {
    this.ranges.push({ start, end: end ?? Infinity, cause, named: false });
  }

  /** A later member has this name now. That an earlier one is lost says nothing about it. */
  forget(name: ByteString): void {
    this.names.delete(name);
  }

  get areNone(): boolean {
    return this.count === 0;
  }

  get hasRanges(): boolean {
    return this.ranges.length > 0;
  }

  /** Where the last range ends in the tar stream; undefined if nothing is lost. */
  get endOfLast(): number | undefined {
    return this.ranges[this.ranges.length - 1]?.end;
  }

  /** Why the last range is lost. */
  get lastCause(): ZnipError {
    const last = this.ranges[this.ranges.length - 1];
    return last?.cause ?? new ZnipError('damaged-block', 'what comes before in the archive is missing');
  }

  /** How many of the lost names `arrived` is true for. */
  countNames(arrived: (name: ByteString) => boolean): number {
    let count = 0;
    for (const name of this.names) if (arrived(name)) count += 1;
    return count;
  }

  /** At the end: reports ranges in which no member could be named. */
  settle(): void {
    for (const { named, cause } of this.ranges) {
      if (named) continue;
      const { code, message, context } = cause;
      this.addDamage(
        new ZnipError(code, `${message}; the names of what it held are not known`, context, cause),
      );
    }
  }

  /** The first range that has bytes in common with `[start, end)`. */
  private rangeAt(start: number, end: number): LostRange | undefined {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ranges[middle] as LostRange).end <= start) low = middle + 1;
      else high = middle;
    }
    const range = this.ranges[low];
    return range !== undefined && range.start < end ? range : undefined;
  }

  private noteRefused(error: ZnipError): void {
    if (!isDamage(error)) throw error;
    this.refused ??= error;
  }
}
