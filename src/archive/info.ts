/**
 * What an archive consists of: the library's `readInfo`. Reads the manifest, the frame table and, to count members by
 * kind, the sub-indexes, but no blob.
 */
import { FOOTER_LENGTH } from '../format/footer.ts';
import { type Kind, KINDS } from '../format/values/entry.ts';
import { bySection } from '../format/manifest.ts';
import type { Archive, GroupSummary } from './archive.ts';

/** A part of an archive's index. */
export interface SectionInfo {
  /** What the section holds: entries, frames, remarks, the list of sections, or the end of the file, of fixed size. */
  section: 'members' | 'frames' | 'remarks' | 'manifest' | 'footer';
  /** Archive byte at which it starts. */
  offset: number;
  /** Stored bytes. */
  length: number;
  /** Rows of its table; 0 for the footer. */
  rows: number;
  /** Groups that have entries in it; 0 for other sections. */
  groups: number;
  /** Package type of a sub-index with one group; else ''. */
  packageType: string;
  /** Its repo; '' for none, and for other sections. */
  repo: string;
  /** The repo's bytes if they are not UTF-8, one in each character. */
  repoBytes?: string | undefined;
}

/** What an archive consists of. */
export interface ArchiveInfo {
  /** Version of the format, such as `1.0`. */
  formatVersion: string;
  /** BLAKE3 of the manifest in hexadecimal. */
  rootHash: string;
  /** The program that made the archive, by its own account; null if it does not say. */
  producer: string | null;
  /** The codec that compressed it; null if the archive does not say. */
  codec: string | null;
  /** The level that it was packed with; null if the archive does not say. */
  level: number | null;
  /** Most bytes of tar stream in a chunk; null if the archive does not say. */
  chunkSize: number | null;
  /** Members in all. */
  members: number;
  /** Members of each kind. */
  kinds: Record<Kind, number>;
  /** Bytes of content of all members. */
  contentBytes: number;
  /** Bytes of the archive. */
  archiveBytes: number;
  /** Archive bytes for each byte of content; null if there is no content. */
  ratio: number | null;
  /** Bytes of the tar stream: contents, headers, padding. */
  streamBytes: number;
  /** How many blobs there are and their bytes; `stored` blobs hold their chunk as it is, uncompressed. */
  blobs: { count: number; bytes: number; stored: number; storedBytes: number };
  /** Stored bytes of all sections. */
  indexBytes: number;
  /** The groups, in the order of the archive. */
  groups: GroupSummary[];
  /** The sections, as they follow one another. */
  sections: SectionInfo[];
}

/** Throws what reading a section may throw: the code of a damaged sub-index or frame table, `truncated`, `io`. */
export async function readInfo(archive: Archive): Promise<ArchiveInfo> {
  const { footer, manifest, source } = archive;
  const counts = new Float64Array(KINDS.length);
  let contentBytes = 0;
  const entries = await archive.entries();
  for (const { batch, row } of entries) {
    const kind = batch.kinds[row] ?? 0;
    counts[kind] = (counts[kind] ?? 0) + 1;
    contentBytes += batch.sizes[row] ?? 0;
  }

  const blobs = { count: 0, bytes: 0, stored: 0, storedBytes: 0 };
  let streamBytes = 0;
  for (const { blobLength, stored, streamLength } of await archive.frames()) {
    blobs.count += 1;
    blobs.bytes += blobLength;
    streamBytes += streamLength;
    if (!stored) continue;
    blobs.stored += 1;
    blobs.storedBytes += blobLength;
  }

  const sections = listSections(archive);
  let indexBytes = 0;
  for (const { length } of sections) indexBytes += length;
  const { metadata } = manifest;
  return {
    formatVersion: metadata.get('znip.format_version') ?? '1.0',
    rootHash: archive.rootHash,
    producer: metadata.get('znip.producer') ?? null,
    codec: metadata.get('znip.codec') ?? null,
    level: wholeNumber(metadata.get('znip.level')),
    chunkSize: wholeNumber(metadata.get('znip.chunk_size')),
    members: entries.length,
    kinds: {
      file: counts[0] ?? 0,
      directory: counts[1] ?? 0,
      symlink: counts[2] ?? 0,
      hardlink: counts[3] ?? 0,
    },
    contentBytes,
    archiveBytes: footer.archiveLength,
    ratio: contentBytes === 0 ? null : source.byteLength / contentBytes,
    streamBytes,
    blobs,
    indexBytes,
    groups: archive.groups(),
    sections,
  };
}

/** The sections in the order of the archive. */
function listSections({ footer, manifest }: Archive): SectionInfo[] {
  const { manifestOffset, manifestLength } = footer;
  const none = { groups: 0, packageType: '', repo: '' };
  const listed = bySection(manifest.rows).map((rows): SectionInfo => {
    const [row] = rows;
    const { section, indexOffset: offset, indexLength: length, packageType, repo, repoBytes } = row;
    const total = rows.reduce((sum, { rowCount }) => sum + rowCount, 0);
    const groups = section === 'members' ? rows.length : 0;
    const bytes = repoBytes === undefined ? {} : { repoBytes };
    const group = rows.length === 1 ? { packageType, repo, ...bytes } : { packageType: '', repo: '' };
    return { section, offset, length, rows: total, groups, ...group };
  });
  return [
    ...listed,
    {
      section: 'manifest',
      offset: manifestOffset,
      length: manifestLength,
      rows: manifest.rows.length,
      ...none,
    },
    { section: 'footer', offset: manifestOffset + manifestLength, length: FOOTER_LENGTH, rows: 0, ...none },
  ];
}

/** The maker of the archive wrote the metadata as text. Only a valid number is used as one. */
function wholeNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
