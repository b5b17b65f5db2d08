/**
 * What `znip unpack` lists on standard output: names of a dry run, changes of an update.
 */
import type { DryMember } from '../../target/dry-run.ts';
import type { MemberChange } from '../../unpack/unpack.ts';
import type { Streams } from '../process/streams.ts';
import type { Reporter } from '../ui/reporter.ts';
import { printable } from '../ui/text.ts';
import { itemized } from './itemize.ts';

/** The options that decide about it. */
interface ListingOptions {
  json?: boolean;
  itemizeChanges?: boolean;
  changed?: boolean;
}

/** Output is written in pieces of about this many characters. */
const PIECE = 256 * 1024;

/** The names of a dry run. They go to standard output as bytes, or to a terminal as printable text. */
export class DryListing {
  readonly members: Pick<DryMember, 'path' | 'standing'>[] = [];
  private readonly collects: boolean;
  /** Changes are listed, and say more. */
  private readonly isItemized: boolean;
  private readonly isUpdate: boolean;
  private readonly streams: Streams;
  private readonly reporter: Reporter;
  private readonly terminal: boolean;
  private lines = '';

  constructor({ json, itemizeChanges, changed }: ListingOptions, streams: Streams, reporter: Reporter) {
    this.collects = json === true;
    this.isItemized = itemizeChanges === true;
    this.isUpdate = changed === true;
    this.streams = streams;
    this.terminal = streams.outputIsTerminal;
    this.reporter = reporter;
  }

  add({ path, pathBytes, standing }: DryMember): void {
    if (standing === 'kept') this.reporter.warn(path, 'exists already and would be left as it is', false);
    const note = this.isItemized ? undefined : this.noteOf(standing);
    if (note !== undefined) this.reporter.warn(path, note, false);
    if (this.collects) this.members.push({ path, standing });
    else if (!this.isItemized && (standing === 'new' || standing === 'replaced')) {
      const name = this.terminal ? Buffer.from(printable(path)) : Buffer.from(pathBytes);
      this.lines += `${name.toString('latin1')}\n`;
      if (this.lines.length >= PIECE) this.flush();
    }
  }

  private noteOf(standing: DryMember['standing']): string | undefined {
    if (standing === 'replaced' && !this.isUpdate) return 'exists already and would be replaced';
    if (standing === 'amended') return 'its mode, owner or time would be set';
    return standing === 'removed' ? 'would be removed' : undefined;
  }

  flush(): void {
    const { lines } = this;
    this.lines = '';
    if (lines !== '') this.streams.write(Buffer.from(lines, 'latin1'));
  }
}

/** The changes of a run with --changed. */
export class ChangeListing {
  readonly all: Omit<MemberChange, 'pathBytes'>[] = [];
  private readonly options: ListingOptions;
  private readonly streams: Streams;

  constructor(options: ListingOptions, streams: Streams) {
    this.options = options;
    this.streams = streams;
  }

  /** Whether they are shown. */
  get isWanted(): boolean {
    const { json, itemizeChanges } = this.options;
    return json === true || itemizeChanges === true;
  }

  add({ pathBytes, ...change }: MemberChange): void {
    const { json, itemizeChanges } = this.options;
    if (json === true) this.all.push(change);
    else if (itemizeChanges === true) {
      const name = this.streams.outputIsTerminal
        ? Buffer.from(printable(change.path)).toString('latin1')
        : Buffer.from(pathBytes).toString('latin1');
      this.streams.write(Buffer.from(`${itemized({ pathBytes, ...change }, name)}\n`, 'latin1'));
    }
  }
}
