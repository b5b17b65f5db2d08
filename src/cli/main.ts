/**
 * The program: runs the command line and turns whatever went wrong into a message and an exit status.
 */
import { CommanderError } from 'commander';
import { toZnipError, ZnipError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { EXIT, exitStatusOf } from './exit-status.ts';
import { Interruption } from './interruption.ts';
import { expandLevels } from './options.ts';
import { buildProgram } from './program.ts';
import { ClosedPipe, writeMessage, writeOutput } from './standard-streams.ts';
import { printable } from './text.ts';

async function run(args: readonly string[]): Promise<void> {
  const first = args[0];
  if (first === '--version' || first === '-V') {
    await printVersion(args.includes('-v') || args.includes('--verbose'));
    return;
  }
  const program = buildProgram();
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => writeOutput(text),
      writeErr: (text) => writeMessage(text.trimEnd().replace(/^error: /, 'znip: ')),
    });
  }
  if (args.length === 0) {
    program.outputHelp({ error: true });
    process.exitCode = EXIT.usage;
    return;
  }
  await program.parseAsync(expandLevels(args), { from: 'user' });
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
  if (error instanceof ClosedPipe || toZnipError(error).context.errno === 'EPIPE') return;
  if (error instanceof CommanderError) {
    // Commander has said it already; help and version are no errors.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return;
  }
  if (error instanceof Interruption) {
    process.exitCode = 128 + error.signalNumber;
    return;
  }
  const { code, message } = toZnipError(error);
  writeMessage(`znip: ${printable(message)}`);
  if (code === 'internal') {
    writeMessage('znip: this is a defect in znip; please report it with what follows');
    writeMessage(error instanceof Error ? (error.stack ?? '') : String(error));
  }
  process.exitCode = exitStatusOf(error instanceof ZnipError ? error : toZnipError(error));
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  report(error);
  // A read from standard input may still be waiting for bytes that nobody wants any more.
  process.exit();
}
