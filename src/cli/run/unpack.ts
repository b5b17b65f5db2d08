/**
 * `znip unpack`.
 */
import { closeSync, openSync } from 'node:fs';
import { ioError, ZnipError } from '../../errors.ts';
import { openArchive } from '../../read/archive.ts';
import { unpack, type UnpackResult } from '../../read/unpack.ts';
import { defined } from '../defined.ts';
import { interruption } from '../interruption.ts';
import type { CommonOptions } from '../options.ts';
import { Reporter } from '../reporter.ts';
import { isTerminal, STDIN, writeOutput } from '../standard-streams.ts';
import { countOf, formatBytes, formatDuration } from '../text.ts';

export interface UnpackCommandOptions extends CommonOptions {
  directory: string;
  threads?: number;
  overwrite?: boolean;
  keepOld?: boolean;
  type?: string[];
  repo?: string[];
}

export async function runUnpack(path: string, options: UnpackCommandOptions): Promise<void> {
  const reporter = new Reporter({
    command: 'unpack',
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    progress: options.progress ?? 'auto',
  });
  try {
    const result =
      path === '-' ? await fromStandardInput(options, reporter) : await fromFile(path, options, reporter);
    const kept = result.kept > 0 ? `; ${countOf(result.kept, 'name')} kept as they were` : '';
    reporter.end(
      `unpacked ${countOf(result.members, 'member')}, ${formatBytes(result.contentBytes)} in ${formatDuration(
        result.elapsedMs,
      )}${kept}`,
    );
    if (options.json === true) {
      writeOutput(`${JSON.stringify({ ...result, elapsedMs: Math.round(result.elapsedMs) })}\n`);
    }
  } finally {
    reporter.end();
  }
}

function existingPolicy({ overwrite, keepOld }: UnpackCommandOptions): 'overwrite' | 'keep' | 'fail' {
  return overwrite === true ? 'overwrite' : keepOld === true ? 'keep' : 'fail';
}

/** By the index; what has none, a tar file of others, in one pass. */
async function fromFile(
  path: string,
  options: UnpackCommandOptions,
  reporter: Reporter,
): Promise<UnpackResult> {
  let archive;
  try {
    archive = await openArchive(path);
  } catch (error) {
    if (!(error instanceof ZnipError) || error.code !== 'not-an-archive') throw error;
    return fromForeignFile(path, options, reporter);
  }
  try {
    return await unpack(archive, {
      directory: options.directory,
      existing: existingPolicy(options),
      ...defined({ threads: options.threads, packageTypes: options.type, repos: options.repo }),
      onProgress: (progress) => reporter.progress(progress),
      signal: interruption(),
    });
  } finally {
    archive.close();
  }
}

async function fromForeignFile(
  path: string,
  options: UnpackCommandOptions,
  reporter: Reporter,
): Promise<UnpackResult> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw ioError('open', path, error);
  }
  try {
    return await fromStream(fd, `'${path}'`, options, reporter);
  } finally {
    closeSync(fd);
  }
}

async function fromStandardInput(options: UnpackCommandOptions, reporter: Reporter): Promise<UnpackResult> {
  if (isTerminal(STDIN)) {
    throw new ZnipError('usage', 'no archive is read from a terminal: name a file, or pipe one in');
  }
  return fromStream(STDIN, 'standard input', options, reporter);
}

async function fromStream(
  fd: number,
  name: string,
  options: UnpackCommandOptions,
  reporter: Reporter,
): Promise<UnpackResult> {
  if (options.type !== undefined || options.repo !== undefined) {
    throw new ZnipError(
      'usage',
      '--type and --repo need the index, which comes last: unpack from a .znip file',
    );
  }
  const { unpackStream } = await import('../../read/unpack-stream.ts');
  return unpackStream(fd, {
    name,
    directory: options.directory,
    existing: existingPolicy(options),
    ...defined({ threads: options.threads }),
    onSkipped: (path, reason) => reporter.warn(path, reason),
    onProgress: ({ members, contentBytes }) =>
      reporter.progress({ members, contentBytes, totalMembers: undefined, totalBytes: undefined }),
    signal: interruption(),
  });
}
