/**
 * Keeps finished sections of the index until all blocks are written and the sections' place in the archive is known: in
 * memory, and beyond a share of it in a spool. Runs on the same thread as the archive writer.
 */
import { openSpool, readSpool, type Spool, spoolError } from '../../io/spool.ts';
import { writeFully } from '../../posix/write.ts';

/** A stored section: its bytes, or where they are in the spool. */
export type StoredSection = Uint8Array | { offset: number; length: number };

export class SectionStore {
  private readonly mostBytes: number;
  private bytes = 0;
  private spool: Spool | undefined;
  private spooled = 0;

  /** `mostBytes`: how much may stay in memory. */
  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
  }

  /** Stores a section. Throws `io` if there is no room for it in `TMPDIR`. */
  put(section: Uint8Array): StoredSection {
    if (this.bytes + section.byteLength <= this.mostBytes) {
      this.bytes += section.byteLength;
      return section;
    }
    this.spool ??= openSpool();
    const stored = { offset: this.spooled, length: section.byteLength };
    try {
      writeFully(this.spool.fd, section, stored.offset);
    } catch (error) {
      throw spoolError(this.spool.directory, error);
    }
    this.spooled += stored.length;
    return stored;
  }

  /** Returns the bytes of a section. */
  get(stored: StoredSection): Uint8Array {
    if (stored instanceof Uint8Array || this.spool === undefined) return stored as Uint8Array;
    return readSpool(this.spool, stored.offset, stored.length);
  }

  close(): void {
    this.spool?.close();
    this.spool = undefined;
  }
}
