/**
 * Makes archives that `pack` would never make, with every checksum right: any names, any links, any
 * order. Built from the format's own encoders.
 */
import { loadCodec } from '../../src/codec/codec.ts';
import { encodeBlockHeader } from '../../src/format/block-header.ts';
import { PROLOGUE, TAG, TAR_END_LENGTH } from '../../src/format/values/constants.ts';
import { KIND, type Member } from '../../src/format/values/entry.ts';
import { encodeFooter, FOOTER_LENGTH } from '../../src/format/footer.ts';
import { type Frame, frameColumns } from '../../src/format/tables/frame-table.ts';
import { manifestColumns, type ManifestRow } from '../../src/format/manifest.ts';
import { encodeSection } from '../../src/format/zstd/skippable-frame.ts';
import { SubIndexBuilder } from '../../src/format/tables/sub-index-builder.ts';
import { encodeTable } from '../../src/format/tables/table-writer.ts';
import { encodeTarHeader, paddedLength, tarHeaderLength } from '../../src/format/tar/tar-header.ts';
import { rawFramePieces } from '../../src/format/zstd/zstd-frame.ts';

const codec = loadCodec();
export const hash = codec.hash;

export interface ForgedMember {
  path: string;
  kind?: keyof typeof KIND;
  content?: string | Buffer;
  linkTarget?: string;
  mode?: number;
  mtime?: bigint;
  /** What the index says, where it is to lie. */
  indexed?: {
    size?: number;
    checksum?: Uint8Array | null;
    streamOffset?: number;
    path?: string;
    kind?: keyof typeof KIND;
    mode?: number;
    mtime?: bigint;
    linkTarget?: string;
    owner?: number;
    uname?: string;
  };
}

interface Facts {
  rowCount: number;
  contentBytes: number;
  firstPath?: string;
  lastPath?: string;
}

export interface ForgeOptions {
  /** Changes the frame table's rows before they are encoded. */
  frames?: (frames: Frame[]) => Frame[];
  /** Changes the manifest's rows before they are encoded. */
  manifest?: (rows: ManifestRow[]) => ManifestRow[];
  /** Changes a chunk before its blob is made. */
  chunk?: (chunk: Buffer, number: number) => Buffer;
  /** Changes a block's blob after it was hashed. */
  blob?: (blob: Buffer, number: number) => Buffer;
}

function toMember({ path, kind = 'file', content = '', linkTarget = '', mode, mtime }: ForgedMember): Member {
  return {
    path: Buffer.from(path).toString('latin1'),
    kind: KIND[kind],
    mode: mode ?? (kind === 'directory' ? 0o755 : 0o644),
    mtime: mtime ?? 1_700_000_000_000_000_000n,
    size: Buffer.byteLength(content),
    linkTarget: Buffer.from(linkTarget).toString('latin1'),
    uid: null,
    gid: null,
  };
}

/** A section's bytes, its Arrow stream stored as it is. */
export function forgeSection(tag: string, table: Uint8Array, tableLength = table.byteLength): Uint8Array {
  return encodeSection(tag, Buffer.concat(rawFramePieces(table)), tableLength);
}

/** The archive of these members, in one chunk and one group. */
export function forgeArchive(members: readonly ForgedMember[], options: ForgeOptions = {}): Buffer {
  const builder = new SubIndexBuilder();
  const stream: Buffer[] = [];
  let streamOffset = 0;
  for (const forged of members) {
    const member = toMember(forged);
    const content = Buffer.from(forged.content ?? '');
    const header = Buffer.alloc(tarHeaderLength(member));
    encodeTarHeader(header, 0, member);
    const data = Buffer.alloc(paddedLength(content.byteLength));
    content.copy(data);
    const { indexed = {} } = forged;
    const checksum = member.kind === KIND.file ? codec.hash(content) : null;
    builder.append(
      {
        ...member,
        size: indexed.size ?? member.size,
        kind: indexed.kind === undefined ? member.kind : KIND[indexed.kind],
        mode: indexed.mode ?? member.mode,
        mtime: indexed.mtime ?? member.mtime,
        linkTarget: indexed.linkTarget ?? member.linkTarget,
        uid: indexed.owner ?? null,
        gid: indexed.owner ?? null,
        uname: indexed.uname,
        path: indexed.path === undefined ? member.path : Buffer.from(indexed.path).toString('latin1'),
      },
      indexed.streamOffset ?? streamOffset + header.byteLength,
      indexed.checksum === undefined ? checksum : indexed.checksum,
    );
    stream.push(header, data);
    streamOffset += header.byteLength + data.byteLength;
  }

  const pieces: Uint8Array[] = [PROLOGUE];
  let position = PROLOGUE.byteLength;
  const put = (bytes: Uint8Array): number => {
    const at = position;
    pieces.push(bytes);
    position += bytes.byteLength;
    return at;
  };
  let frames: Frame[] = [];
  let chunkOffset = 0;
  const chunks = [Buffer.concat(stream), Buffer.alloc(TAR_END_LENGTH)].filter(
    (chunk) => chunk.byteLength > 0,
  );
  chunks.forEach((made, number) => {
    const chunk = options.chunk?.(made, number) ?? made;
    let blob = Buffer.concat(rawFramePieces(chunk));
    const checksum = codec.hash(blob);
    if (options.blob !== undefined) blob = Buffer.from(options.blob(blob, number));
    const last = number === chunks.length - 1;
    put(
      encodeBlockHeader(
        {
          stored: true,
          last,
          blobLength: blob.byteLength,
          chunkLength: chunk.byteLength,
          streamOffset: chunkOffset,
          firstHeaderOffset: last ? undefined : 0,
          continuation: undefined,
          checksum,
        },
        codec.hash,
      ),
    );
    const blobOffset = put(blob);
    frames.push({
      streamOffset: chunkOffset,
      streamLength: chunk.byteLength,
      blobOffset,
      blobLength: blob.byteLength,
      stored: true,
      checksum,
      fingerprint: null,
    });
    chunkOffset += chunk.byteLength;
  });
  if (options.frames !== undefined) frames = options.frames(frames);

  const metadata = new Map([['znip.format_version', '1.0']]);
  const row = (
    section: 'members' | 'frames',
    bytes: Uint8Array,
    table: Uint8Array,
    { rowCount, contentBytes, firstPath = '', lastPath = '' }: Facts,
  ): ManifestRow => ({
    section,
    packageType: section === 'members' ? 'plain' : '',
    repo: '',
    indexOffset: put(bytes),
    indexLength: bytes.byteLength,
    firstRow: 0,
    rowCount,
    uncompressedBytes: table.byteLength,
    contentBytes,
    firstPath,
    lastPath,
    checksum: codec.hash(bytes),
  });
  let rows: ManifestRow[] = [];
  if (builder.length > 0) {
    const table = encodeTable(builder.columns(), metadata);
    const facts = { rowCount: builder.length, ...builder.summary() };
    rows.push(row('members', forgeSection(TAG.subIndex, table), table, facts));
  }
  const frameTable = encodeTable(frameColumns(frames), metadata);
  const streamBytes = frames.reduce((sum, { streamLength }) => sum + streamLength, 0);
  rows.push(
    row('frames', forgeSection(TAG.frameTable, frameTable), frameTable, {
      rowCount: frames.length,
      contentBytes: streamBytes,
    }),
  );
  if (options.manifest !== undefined) rows = options.manifest(rows);
  const manifest = forgeSection(TAG.manifest, encodeTable(manifestColumns(rows), metadata));
  const manifestOffset = put(manifest);
  put(
    encodeFooter(
      {
        manifestOffset,
        manifestLength: manifest.byteLength,
        archiveLength: position + FOOTER_LENGTH,
        rootHash: codec.hash(manifest),
      },
      codec.hash,
    ),
  );
  return Buffer.concat(pieces);
}
