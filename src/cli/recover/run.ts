/**
 * `znip recover`: unpacks with `keepGoing`, whatever is left of the archive.
 */
import { ZnipError } from '../../errors.ts';
import type { Context } from '../ui/context.ts';
import { runUnpack, type UnpackCommandOptions } from '../unpack/run.ts';

export type RecoverCommandOptions = Omit<UnpackCommandOptions, 'mtime' | 'sparse' | 'keepGoing' | 'recover'>;

export async function runRecover(
  context: Context,
  path: string,
  options: RecoverCommandOptions,
): Promise<void> {
  if (path === '-') {
    throw new ZnipError(
      'usage',
      'recover cannot read a pipe in one pass: save it to a file first, or use unpack --keep-going -',
    );
  }
  await runUnpack(context, path, [], {
    ...options,
    mtime: true,
    sparse: true,
    keepGoing: true,
    recover: true,
  });
}
