/**
 * The seed corpus: the fixtures, whole and taken apart.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blake3 } from './hash.ts';
import { loadCodec } from '../../src/codec/codec.ts';
import { decodeFooter, FOOTER_LENGTH } from '../../src/format/footer.ts';
import { decodeManifest } from '../../src/format/manifest.ts';
import { decodeSection } from '../../src/format/zstd/skippable-frame.ts';

export const FIXTURES = join(process.env['ZNIP_FUZZ_ROOT'] ?? '.', 'fixtures');

/** Small ones: time is better spent on many. */
const LONGEST = 24 * 1024;

function read(folder: string): Buffer[] {
  return readdirSync(join(FIXTURES, folder))
    .sort()
    .map((name) => readFileSync(join(FIXTURES, folder, name)))
    .filter(({ length }) => length <= LONGEST);
}

export const VALID = read('valid');
export const ALL = [...VALID, ...read('damaged')];

const TAGS = { members: 'ZNSI', frames: 'ZNFT', remarks: 'ZNRM' };

export interface Tables {
  manifest: Buffer[];
  members: Buffer[];
  frames: Buffer[];
  remarks: Buffer[];
  sections: Buffer[];
}

/** The Arrow streams and sections of the valid archives. */
export async function tables(): Promise<Tables> {
  const result: Tables = { manifest: [], members: [], frames: [], remarks: [], sections: [] };
  const codec = loadCodec('portable');
  const open = async (section: Buffer, tag: string): Promise<Buffer> => {
    result.sections.push(section);
    const { compressed, tableLength } = decodeSection(section, tag, 'damaged-manifest');
    const table = Buffer.alloc(tableLength);
    await codec.decompress(compressed, table);
    return table;
  };
  for (const archive of VALID) {
    const footer = decodeFooter(archive.subarray(-FOOTER_LENGTH), archive.length, blake3);
    const manifest = await open(archive.subarray(footer.manifestOffset, -FOOTER_LENGTH), 'ZNMA');
    result.manifest.push(manifest);
    for (const { section, indexOffset, indexLength } of decodeManifest(manifest).rows) {
      const bytes = archive.subarray(indexOffset, indexOffset + indexLength);
      result[section].push(await open(bytes, TAGS[section]));
    }
  }
  return result;
}
