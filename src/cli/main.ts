/**
 * The program: runs the command line and turns whatever went wrong into a message and an exit status.
 */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { toZnipError, ZnipError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { normalized } from './args/options.ts';
import { EXIT, exitStatusOf } from './process/exit-status.ts';
import { ignoreWhatWasIgnored, Interruption } from './process/interruption.ts';
import {
  ClosedPipe,
  isTerminal,
  STDERR,
  STDOUT,
  writeMessage,
  writeOutput,
} from './process/standard-streams.ts';
import { chooseMessages, speaksJson, writeError } from './ui/messages.ts';
import { readableStack } from './ui/stack.ts';
import { printable, readable } from './ui/text.ts';

/** Width of help that no terminal shows. */
const COLUMNS = 80;

async function run(args: readonly string[]): Promise<void> {
  const first = args[0];
  if (first === '--version' || first === '-V') {
    await printVersion(args.includes('-v') || args.includes('--verbose'));
    return;
  }
  chooseMessages(args);
  const { buildProgram, refuseForeignArguments } = await import('./program.ts');
  const program = buildProgram(first);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => writeOutput(text),
      // Of process.stdout, which loads streams, only where it is a terminal.
      getOutHelpWidth: () => (isTerminal(STDOUT) ? process.stdout.columns : COLUMNS),
      getErrHelpWidth: () => (isTerminal(STDERR) ? process.stderr.columns : COLUMNS),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      // What is wrong with the arguments is an event where programs read: report() says it.
      writeErr: (text) => {
        if (!speaksJson()) writeMessage(printableError(text).replace(/^error: /, 'znip: '));
      },
    });
  }
  if (args.length === 0) {
    program.outputHelp({ error: true });
    process.exitCode = EXIT.usage;
    return;
  }
  refuseForeignArguments(program, args);
  await program.parseAsync(normalized(args), { from: 'user' });
}

async function printVersion(verbose: boolean): Promise<void> {
  writeOutput(`znip ${VERSION}\n`);
  if (!verbose) return;
  const { codec } = await import('../codec/codec.ts');
  const { hasNanoseconds } = await import('../posix/times.ts');
  const { name, hashName } = codec();
  const times = hasNanoseconds() ? 'nanoseconds' : 'microseconds';
  writeOutput(`codec: ${name}, ${hashName}\nfile times: ${times}\nnode: ${process.version}\n`);
}

function report(error: unknown): void {
  // Who lists has shown what somebody wanted to see, as for cat and grep.
  if (error instanceof ClosedPipe) return;
  if (toZnipError(error).context.errno === 'EPIPE') {
    // What was to become an archive, or a tar stream, is none: quiet, as tar and zstd are, but `pipefail` sees it.
    process.exitCode = 128 + constants.signals.SIGPIPE;
    return;
  }
  if (isCommanderError(error)) {
    // Commander has said it already, for people; help and version are no errors.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (speaksJson() && error.exitCode !== 0) {
      const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
      writeError(new ZnipError('usage', message), EXIT.usage);
    }
    return;
  }
  const znipError = explained(toZnipError(error));
  process.exitCode = error instanceof Interruption ? 128 + error.signalNumber : exitStatusOf(znipError);
  writeError(znipError, process.exitCode);
  if (znipError.code === 'internal' && !speaksJson()) {
    writeMessage('znip: this is a defect in znip; please report it with what follows');
    writeMessage(readableStack(error).split('\n').map(printable).join('\n'));
  }
}

/** What commander says: help, or an error with arguments in it, whose only other line is what may have been meant. */
function printableError(text: string): string {
  if (!text.startsWith('error: ')) return text.trimEnd();
  return text
    .trimEnd()
    .split(/\n(?=\(Did you mean )/)
    .map(readable)
    .join('\n');
}

/** Descriptors that Node.js needs at once to load a module, and one more. */
const DESCRIPTORS_TO_LOAD = 4;

/** What Node.js does not find or load for want of descriptors looks like a defect: it does not say why. */
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

/** By its code: commander is loaded only when there are arguments to parse. */
function isCommanderError(error: unknown): error is Error & { exitCode: number } {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

/** Nothing is left that could go on, and the command has not ended: a defect, which must not look like success. */
function reportIdle(): void {
  report(new ZnipError('internal', 'the command stopped before its end'));
}

async function main(): Promise<void> {
  ignoreWhatWasIgnored();
  process.once('beforeExit', reportIdle);
  try {
    await run(process.argv.slice(2));
    process.off('beforeExit', reportIdle);
  } catch (error) {
    report(error);
    // A read from standard input may still be waiting for bytes that nobody wants any more.
    process.exit();
  }
}

void main();
