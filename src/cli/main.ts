/**
 * The process: gives arguments, descriptors and signals to the program, and ends with its status.
 */
import { ZnipError } from '../errors.ts';
import { tuneEngine } from './process/engine.ts';
import { ignoreWhatWasIgnored, interruption } from './process/interruption.ts';
import { STDERR, STDIN, STDOUT } from './process/standard-streams.ts';
import type { World } from './process/world.ts';
import { Session } from './session.ts';

const WORLD: World = {
  stdin: STDIN,
  stdout: STDOUT,
  stderr: STDERR,
  env: process.env,
  interruption,
  tuneEngine,
};

async function main(): Promise<void> {
  ignoreWhatWasIgnored();
  const session = new Session(WORLD);
  // Nothing is left to wait for, but the command has not ended. This is a defect, and must not look like success.
  process.once('beforeExit', () => {
    process.exit(session.report(new ZnipError('internal', 'the command stopped before its end')));
  });
  const status = await session.run(process.argv.slice(2));
  // A read from standard input may still be waiting for bytes that nobody needs any more.
  process.exit(status);
}

void main();
