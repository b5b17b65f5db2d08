/**
 * The base of a pack: an older archive whose unchanged blobs are taken over. Main thread.
 */
import { type Archive, openArchive } from '../../archive/archive.ts';
import { ZnipError } from '../../errors.ts';
import { differentSetting, type MadeWith } from '../../format/metadata.ts';
import { CHECKSUM_LENGTH } from '../../format/values/constants.ts';
import type { ChunkPlan } from '../plan/chunk-plan.ts';
import type { BaseBlobs } from './base-blobs.ts';
import { TrustedEntries } from './trusted-entries.ts';

export interface BaseOptions {
  /** An older archive, maybe the one that is replaced. Blobs of chunks that it also has are taken over as they are. */
  base?: string | undefined;
  /** If the base does not exist, or cannot be used, pack without it. Default: false. */
  baseOptional?: boolean | undefined;
  /** Also take over blobs that were made with another level, codec or version. Default: false. */
  baseAny?: boolean | undefined;
  /** Do not read files whose size and modification time are those of the base. Default: false. */
  trustMtime?: boolean | undefined;
}

/** What a run takes over. */
export interface UsedBase {
  blobs: BaseBlobs;
  /** Some of them may be made with other settings. */
  isMixed: boolean;
}

export class Base {
  private readonly archive: Archive;
  private readonly trusted: TrustedEntries | undefined;

  private constructor(archive: Archive, trusted: TrustedEntries | undefined) {
    this.archive = archive;
    this.trusted = trusted;
  }

  /**
   * Opens the base, and checks its index. Throws ZnipError: `no-archive` if there is none, and what `openArchive` throws. If
   * it may be missing, tells `onMissing` why it is, and resolves to undefined.
   */
  static async open(
    base: string,
    { baseOptional = false, trustMtime = false }: BaseOptions,
    onMissing: (name: string, reason: string) => void,
    signal: AbortSignal | undefined,
  ): Promise<Base | undefined> {
    let archive: Archive | undefined;
    try {
      archive = await openArchive(base, { signal });
      await archive.frames();
      const trusted = trustMtime ? new TrustedEntries(await archive.entries({ signal })) : undefined;
      return new Base(archive, trusted);
    } catch (error) {
      archive?.close();
      if (!(error instanceof ZnipError)) throw error;
      const reason = error.context.errno === 'ENOENT' ? noBase(base) : error;
      if (!baseOptional) throw reason;
      onMissing(base, `not used as a base: ${reason.message}`);
      return undefined;
    }
  }

  /** The blobs for a run with these settings; or why none of them is taken over, in words. */
  async use(made: MadeWith, { baseAny = false }: BaseOptions): Promise<UsedBase | string> {
    const difference = differentSetting(this.archive.manifest.metadata, made);
    if (difference !== undefined && !baseAny) {
      const { what, there, here } = difference;
      return `nothing is taken over: its ${what} is ${there}, and here it is ${here}; with \`baseAny\`, blobs of any kind are taken over`;
    }
    return { blobs: await this.blobs(), isMixed: difference !== undefined };
  }

  /** Adds to plans what the base knows about their files. */
  trust<T extends ChunkPlan>(plan: T): T {
    if (this.trusted === undefined || plan.filled !== null) return plan;
    const known = this.trusted.checksumsOf(plan);
    return known === undefined ? plan : { ...plan, known };
  }

  close(): void {
    this.archive.close();
  }

  private async blobs(): Promise<BaseBlobs> {
    const { fd = -1 } = this.archive.source;
    const frames = (await this.archive.frames()).filter(({ fingerprint }) => fingerprint !== null);
    const fingerprints = new Uint8Array(frames.length * CHECKSUM_LENGTH);
    const checksums = new Uint8Array(frames.length * CHECKSUM_LENGTH);
    frames.forEach(({ fingerprint, checksum }, row) => {
      if (fingerprint !== null) fingerprints.set(fingerprint, row * CHECKSUM_LENGTH);
      checksums.set(checksum, row * CHECKSUM_LENGTH);
    });
    return {
      fd,
      fingerprints,
      checksums,
      offsets: Float64Array.from(frames, ({ blobOffset }) => blobOffset),
      lengths: Float64Array.from(frames, ({ blobLength }) => blobLength),
      stored: Uint8Array.from(frames, ({ stored }) => (stored ? 1 : 0)),
    };
  }
}

function noBase(path: string): ZnipError {
  return new ZnipError(
    'no-archive',
    `the base '${path}' does not exist; with \`baseOptional\`, everything is packed anew`,
    { path, errno: 'ENOENT' },
  );
}
