/**
 * `znip unpack`.
 */
import { openArchive } from '../../read/archive.ts';
import { unpack } from '../../read/unpack.ts';
import { interruption } from '../interruption.ts';
import type { CommonOptions } from '../options.ts';
import { defined } from '../defined.ts';
import { Reporter } from '../reporter.ts';
import { writeOutput } from '../standard-streams.ts';
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
  const archive = await openArchive(path);
  try {
    const result = await unpack(archive, {
      directory: options.directory,
      existing: options.overwrite === true ? 'overwrite' : options.keepOld === true ? 'keep' : 'fail',
      ...defined({ threads: options.threads, packageTypes: options.type, repos: options.repo }),
      onProgress: (progress) => reporter.progress(progress),
      signal: interruption(),
    });
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
    archive.close();
  }
}
