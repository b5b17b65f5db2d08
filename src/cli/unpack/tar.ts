/**
 * `znip unpack --tar`: the archive's tar stream, to a file or to standard output.
 */
import { statSync } from 'node:fs';
import { type Archive, openArchive } from '../../archive/archive.ts';
import { tarPieces } from '../../archive/tar-output.ts';
import { ZnipError } from '../../errors.ts';
import { fromText } from '../../format/values/byte-string.ts';
import { FdStream } from '../../io/byte-stream.ts';
import { descriptorOutput, openOutput, type Output } from '../../io/output.ts';
import { FdSink } from '../../io/sink.ts';
import { borrowed, FileSource } from '../../io/source.ts';
import { existsError } from '../../target/taken-names.ts';
import { defined } from '../args/defined.ts';
import type { Token } from '../args/read.ts';
import type { Streams } from '../process/streams.ts';
import type { Context } from '../ui/context.ts';
import { formatBytes, formatDuration } from '../ui/text.ts';
import { needsIndex, rootOf, type UnpackCommandOptions } from './run.ts';
import { milliseconds } from '../../threads/clock.ts';

/** The options that can be used here. All others of `unpack` are about members. */
const ALLOWED: ReadonlySet<string | undefined> = new Set([
  '--tar',
  '--force',
  '--overwrite',
  '--require-index',
  '--root',
  '--threads',
  '--quiet',
  '--verbose',
  '--json',
  '--progress',
]);

export async function runUnpackTar(
  { world, streams, reporter }: Context,
  path: string,
  patterns: readonly string[],
  line: readonly Token[],
  options: UnpackCommandOptions & { tar: string },
): Promise<void> {
  const given = line.flatMap((token) => (token.kind === 'option' ? [token.option.long] : []));
  const other = patterns.length > 0 ? 'a pattern' : given.find((flag) => !ALLOWED.has(flag));
  if (other !== undefined) {
    throw new ZnipError('usage', `${other} has no effect with --tar: the tar stream is written as it is`);
  }
  const toStdout = options.tar === '-';
  if (toStdout) {
    streams.refuseTerminal('a tar stream', options.force === true, '--tar FILE, a pipe, or --force');
  }
  const start = milliseconds();
  const signal = world.interruption();
  const { source, name, totalBytes, close } = await openSource(streams, path, options);
  try {
    const output = toStdout
      ? descriptorOutput(streams.stdout, 'standard output')
      : await openTarFile(options.tar, options.overwrite === true, signal);
    try {
      const sink = new FdSink(output.fd, output.name, signal);
      for await (const piece of tarPieces(source, {
        name,
        signal,
        ...defined({ threads: options.threads }),
      })) {
        await sink.write([piece]);
        reporter.progress({
          members: undefined,
          contentBytes: sink.position,
          totalMembers: undefined,
          totalBytes,
        });
      }
      output.commit();
      const elapsedMs = milliseconds() - start;
      reporter.end(`wrote ${formatBytes(sink.position)} of tar stream in ${formatDuration(elapsedMs)}`);
      // With --tar -, only the tar stream goes to standard output.
      reporter.result({ tarBytes: sink.position, elapsedMs: Math.round(elapsedMs) }, toStdout);
    } finally {
      output.discard();
    }
  } finally {
    reporter.end();
    close();
  }
}

interface TarSource {
  source: Archive | number;
  name: string;
  /** Bytes of the tar stream, if they are known. */
  totalBytes: number | undefined;
  close: () => void;
}

/** Reads an archive file by its frame table, and everything else as it arrives. */
async function openSource(streams: Streams, path: string, options: UnpackCommandOptions): Promise<TarSource> {
  if (path !== '-') return openFile(new FileSource(path), options);
  const { fd, name, close } = streams.openForReading(path);
  if (!needsIndex(options)) return { source: fd, name, totalBytes: undefined, close };
  const { openSpooled } = await import('../../archive/spooled-archive.ts');
  const stream = new FdStream(fd, name);
  try {
    return await fromArchive(await openSpooled(stream, rootOf(options)), name);
  } finally {
    await stream.close();
    close();
  }
}

/** Opens the file only once, so znip reads the same file that it has looked at. */
async function openFile(source: FileSource, options: UnpackCommandOptions): Promise<TarSource> {
  const { name, fd } = source;
  const close = (): void => source.close();
  try {
    return { ...(await fromArchive(await openArchive(borrowed(source), rootOf(options)), name)), close };
  } catch (error) {
    const foreign = error instanceof ZnipError && error.code === 'not-an-archive';
    if (foreign && !needsIndex(options))
      return { source: fd, name: `'${name}'`, totalBytes: undefined, close };
    close();
    throw error;
  }
}

async function fromArchive(archive: Archive, name: string): Promise<TarSource> {
  const frames = await archive.frames();
  const totalBytes = frames.reduce((sum, { streamLength }) => sum + streamLength, 0);
  return { source: archive, name, totalBytes, close: () => archive.close() };
}

/** A new file. With `overwrite`, it replaces an existing one when it is complete. */
async function openTarFile(path: string, overwrite: boolean, signal: AbortSignal): Promise<Output> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() === true && !overwrite) throw existsError([fromText(path)]);
  return openOutput(path, signal);
}
