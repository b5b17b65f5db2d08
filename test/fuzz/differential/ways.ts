/**
 * Every way in which znip reads a stream, in this process, by the library as it is built.
 */
import { closeSync, openSync } from 'node:fs';
import {
  openArchive,
  packTar,
  recover,
  unpack,
  unpackStream,
  type UnpackStreamOptions,
  verify,
  verifyStream,
  ZnipError,
} from 'znip/internal';
import type { Case } from './stream.ts';

export interface Heard {
  /** Everything that was said of members, as text. */
  said: string[];
  error: ZnipError | undefined;
}

export interface Way {
  name: string;
  run: (directory: string, heard: Heard) => Promise<unknown>;
}

/** The pieces in which streams of others are read may be set shorter than they are by default. */
type StreamOptions = UnpackStreamOptions & { pieceLength?: number };

async function withFd<T>(path: string, work: (fd: number) => Promise<T>): Promise<T> {
  const fd = openSync(path, 'r');
  try {
    return await work(fd);
  } finally {
    closeSync(fd);
  }
}

/** What the options of all ways have for telling; not every way has all of them. */
function listeners({ said }: Heard): {
  onSkipped: (path: string, reason: string) => void;
  onLost: (path: string, reason: string) => void;
  onDoubt: (path: string, reason: string) => void;
  onWarning: (warning: { path: string; reason: string } | string, reason?: string) => void;
} {
  const tell = (path: string, reason = ''): void => void said.push(`${path}: ${reason}`);
  return {
    onSkipped: tell,
    onLost: tell,
    onDoubt: tell,
    onWarning: (warning, reason) =>
      typeof warning === 'string' ? tell(warning, reason) : tell(warning.path, warning.reason),
  };
}

const onDamaged =
  ({ said }: Heard) =>
  (lost: object): void =>
    void said.push(JSON.stringify(lost));

/** Ways of reading the stream itself. */
export function streamWays(file: string, { policy, pieceLength }: Case, threads: number): Way[] {
  const read = (name: string, pieces?: number): Way => ({
    name,
    run: (directory, heard) => {
      const options: StreamOptions = { directory, existing: policy, threads, ...listeners(heard) };
      if (pieces !== undefined) options.pieceLength = pieces;
      return withFd(file, (fd) => unpackStream(fd, options));
    },
  });
  return [read(`unpack of the tar, -j ${threads}, pieces of ${pieceLength}`, pieceLength)];
}

export async function packStream(
  file: string,
  output: string,
  { chunkSize }: Case,
  threads: number,
): Promise<Heard> {
  const heard: Heard = { said: [], error: undefined };
  try {
    await withFd(file, (fd) => packTar(fd, { output, chunkSize, threads, ...listeners(heard) }));
  } catch (error) {
    if (!(error instanceof ZnipError)) throw error;
    heard.error = error;
  }
  return heard;
}

/** Ways of reading the archive that was made of it. */
export function archiveWays(archive: string, { policy }: Case, threads: number): Way[] {
  return [
    {
      name: `unpack by index, -j ${threads}`,
      run: async (directory, heard) => {
        const opened = await openArchive(archive);
        try {
          return await unpack(opened, { directory, existing: policy, threads, ...listeners(heard) });
        } finally {
          opened.close();
        }
      },
    },
    {
      name: `unpack from a pipe, -j ${threads}`,
      run: (directory, heard) =>
        withFd(archive, (fd) =>
          unpackStream(fd, { directory, existing: policy, threads, ...listeners(heard) }),
        ),
    },
    {
      name: `unpack --keep-going from a pipe, -j ${threads}`,
      run: (directory, heard) =>
        withFd(archive, (fd) =>
          unpackStream(fd, {
            directory,
            existing: policy,
            threads,
            keepGoing: true,
            ...listeners(heard),
            onDamaged: onDamaged(heard),
          }),
        ),
    },
    {
      name: `recover, -j ${threads}`,
      run: (directory, heard) =>
        recover(archive, {
          directory,
          existing: policy,
          threads,
          ...listeners(heard),
          onDamaged: onDamaged(heard),
        }),
    },
  ];
}

/** What is wrong with the archive by `verify`; nothing may be. */
export async function verifyBoth(archive: string, threads: number): Promise<string[]> {
  const reports = [
    await verify(archive, { threads }),
    await withFd(archive, (fd) => verifyStream(fd, { threads })),
  ];
  return reports.flatMap(({ damageCount }, way) =>
    damageCount === 0
      ? []
      : [`verify ${way === 0 ? 'of the file' : 'from a pipe'}: ${damageCount} things damaged`],
  );
}
