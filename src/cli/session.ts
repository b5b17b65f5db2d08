/**
 * The program as a function: runs a command line, and turns any failure into a message and an exit status.
 */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { toZnipError, ZnipError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { EXIT, exitStatusOf, Outcome } from './process/exit-status.ts';
import { Interruption } from './process/interruption.ts';
import { ClosedPipe } from './process/standard-streams.ts';
import { Streams } from './process/streams.ts';
import type { World } from './process/world.ts';
import { chooseReporter } from './ui/choose-reporter.ts';
import type { Context } from './ui/context.ts';
import type { Reporter, ReporterSettings } from './ui/reporter.ts';
import { readableStack } from './ui/stack.ts';
import { readable } from './ui/text.ts';

/** Width of the help if it does not go to a terminal. */
const COLUMNS = 80;

/** The settings until the command line has been read. */
const UNSETTLED: ReporterSettings = {
  command: '',
  quiet: false,
  verbose: false,
  json: false,
  progress: 'auto',
};

/** One run of one command line. */
export class Session implements Context {
  readonly world: World;
  readonly streams: Streams;
  readonly outcome = new Outcome();
  reporter: Reporter;
  /** Commander's messages for people about the arguments. */
  private readonly said: string[] = [];

  constructor(world: World) {
    this.world = world;
    this.streams = new Streams(world);
    this.reporter = chooseReporter(world, this.streams, UNSETTLED, false);
  }

  /** Runs a command line to its end. Returns the exit status; throws nothing. */
  async run(args: readonly string[]): Promise<number> {
    try {
      const [first] = args;
      if (first === '--version' || first === '-V') {
        await this.printVersion(args.includes('-v') || args.includes('--verbose'));
      } else await this.runCommand(args);
      return this.outcome.status;
    } catch (error) {
      return this.report(error);
    }
  }

  private async runCommand(args: readonly string[]): Promise<void> {
    const { readCommandLine } = await import('./program.ts');
    const { command, settings, forPrograms, refuse } = readCommandLine(args, {
      writeOut: (text) => this.streams.write(text),
      writeErr: (text) => this.said.push(text),
      // Use process.stdout only for a terminal, because it loads streams.
      getOutHelpWidth: () => (this.streams.outputIsTerminal ? process.stdout.columns : COLUMNS),
      getErrHelpWidth: () => (this.streams.errorIsTerminal ? process.stderr.columns : COLUMNS),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
    this.reporter = chooseReporter(this.world, this.streams, settings, forPrograms);
    refuse();
    await command.run(this);
  }

  private async printVersion(verbose: boolean): Promise<void> {
    this.streams.write(`znip ${VERSION}\n`);
    if (!verbose) return;
    const { codec } = await import('../codec/codec.ts');
    const { coreState } = await import('../core/core.ts');
    const { hasNanoseconds } = await import('../posix/times.ts');
    const { reason } = coreState();
    const { name, hashName } = codec();
    const times = hasNanoseconds() ? 'nanoseconds' : 'microseconds';
    const tier = reason === undefined ? 'native' : `portable (${reason})`;
    this.streams.write(
      `core: ${tier}\ncodec: ${name}, ${hashName}\nfile times: ${times}\nnode: ${process.version}\n`,
    );
  }

  /** Reports what went wrong, and returns the exit status for it. */
  report(error: unknown): number {
    // The reader has seen as much of the list as it wanted, so this is no failure, as for cat and grep.
    if (error instanceof ClosedPipe) return this.outcome.status;
    // The archive or tar stream is not complete. There is no message, as in tar and zstd, but `pipefail` notices it.
    if (toZnipError(error).context.errno === 'EPIPE') return 128 + constants.signals.SIGPIPE;
    if (isCommanderError(error)) return this.reportMisuse(error);
    const znipError = explained(toZnipError(error));
    const status = error instanceof Interruption ? 128 + error.signalNumber : exitStatusOf(znipError);
    this.reporter.error(znipError, status);
    if (znipError.code === 'internal') this.reporter.defect(readableStack(error));
    return status;
  }

  /** Handles what commander throws after it has written its message. Help is not an error. */
  private reportMisuse({ exitCode, message }: CommanderError): number {
    if (exitCode === 0) return EXIT.done;
    this.reporter.misuse(
      message.replace(/^error: /, '').replaceAll('\n', ' '),
      this.said
        .map(printableError)
        .join('\n')
        .replace(/^error: /, 'znip: '),
      EXIT.usage,
    );
    return EXIT.usage;
  }
}

/** Commander's text: help, or an error that quotes arguments. An error may have a second line with a suggestion. */
function printableError(text: string): string {
  if (!text.startsWith('error: ')) return text.trimEnd();
  return text
    .trimEnd()
    .split(/\n(?=\(Did you mean )/)
    .map(readable)
    .join('\n');
}

/** How many descriptors Node.js needs at once to load a module, and one more. */
const DESCRIPTORS_TO_LOAD = 4;

/** If descriptors run out, Node.js fails to find or load a module without saying why. That would look like a defect. */
function explained(error: ZnipError): ZnipError {
  if (error.code !== 'internal' && error.code !== 'codec-unavailable') return error;
  const opened: number[] = [];
  try {
    while (opened.length < DESCRIPTORS_TO_LOAD) opened.push(openSync(process.execPath, 'r'));
    return error;
  } catch (why) {
    return toZnipError(why);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

type CommanderError = Error & { exitCode: number };

/** Recognised by its code, because commander is loaded only when there are arguments to parse. */
function isCommanderError(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}
