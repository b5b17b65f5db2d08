/**
 * Reads an archive with nothing but docs/format.md: offsets, lengths, types and names come from its
 * tables, read when the test runs, so a wrong table fails here. No module of znip takes part except `pack`,
 * which makes the archive. zstd and b3sum are their command lines; polars reads the Arrow streams.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pl from 'nodejs-polars';
import { afterAll, describe, expect, test } from 'vitest';
import { pack, type Warning } from 'znip/internal';
import { ZNIP } from '../support/run.ts';

// ---- the document ----

const LINES = fs.readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8').split('\n');

type Cells = Record<string, string>;

/** The lines below a heading, up to the next one. */
function linesUnder(heading: string): string[] {
  const start = LINES.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading) + 1;
  if (start === 0) throw new Error(`the document has no heading '${heading}'`);
  const length = LINES.slice(start).findIndex((line) => /^#+ /.test(line));
  return length < 0 ? LINES.slice(start) : LINES.slice(start, start + length);
}

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The rows of the table under `heading` whose first columns have these names. */
function tableOf(heading: string, ...columns: string[]): Cells[] {
  const lines = linesUnder(heading);
  const header = lines.findIndex(
    (line) => line.startsWith('|') && columns.every((column, i) => cellsOf(line)[i] === column),
  );
  if (header < 0) throw new Error(`'${heading}' has no table with the columns ${columns.join(', ')}`);
  const names = cellsOf(lines[header] ?? '');
  const rows: Cells[] = [];
  for (const line of lines.slice(header + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(Object.fromEntries(cellsOf(line).map((cell, i) => [names[i] ?? '', cell])));
  }
  return rows;
}

/** What stands between backticks in a cell. */
const quoted = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((m) => m[1] ?? '');
const word = (cell: string | undefined): string => quoted(cell)[0] ?? '';
const integer = (cell: string | undefined): number => Number((cell ?? '').replaceAll(',', ''));

/** A number of the table of numbers. */
function numberNamed(name: string): string {
  const row = tableOf('Numbers', 'name', 'value').find((cells) => word(cells['name']) === name);
  return word(row?.['value']);
}

// ---- fixed structures ----

const INTEGER_LENGTHS: Record<string, number> = { u8: 1, u16: 2, u32: 4, u64: 8 };

type Value = number | string | Buffer;

class Structure {
  readonly values = new Map<string, Value>();
  readonly offsets = new Map<string, number>();
  length = 0;

  number(name: string): number {
    const value = this.values.get(name);
    if (typeof value !== 'number') throw new Error(`the document has no number '${name}' here`);
    return value;
  }

  bytes(name: string): Buffer {
    const value = this.values.get(name);
    if (!Buffer.isBuffer(value)) throw new Error(`the document has no bytes '${name}' here`);
    return value;
  }

  offset(name: string): number {
    const offset = this.offsets.get(name);
    if (offset === undefined) throw new Error(`the document has no field '${name}' here`);
    return offset;
  }

  /** `88 + pathLength`: numbers and fields decoded before. */
  evaluate(expression: string | undefined): number {
    let total = 0;
    for (const [, sign, term] of (expression ?? '').matchAll(/([+-]?) ?(\w+)/g)) {
      const value = /^\d+$/.test(term ?? '') ? Number(term) : this.number(term ?? '');
      total += sign === '-' ? -value : value;
    }
    return total;
  }
}

/** A literal of the column "value" as it must have been decoded. */
function literal(text: string, type: string | undefined): Value {
  if (type === 'ascii') return text;
  if (type === 'bytes') return Buffer.from(text.replaceAll(' ', ''), 'hex');
  return Number(text);
}

/** Decodes the structure at the start of `bytes` by the table under `heading`. */
function decode(heading: string, bytes: Buffer): Structure {
  const result = new Structure();
  for (const cells of tableOf(heading, 'offset', 'length', 'type', 'name', 'value')) {
    const { offset: offsetCell, length: lengthCell, type = '', name = '', value: valueCell } = cells;
    const offset = result.evaluate(offsetCell);
    const length = result.evaluate(lengthCell);
    expect(offset, `${heading}: '${name}' starts where the field before it ends`).toBe(result.length);
    const field = bytes.subarray(offset, offset + length);
    expect(field.length, `${heading}: '${name}' is within the structure`).toBe(length);
    let value: Value = field;
    if (type === 'ascii') value = field.toString('latin1');
    else if (type !== 'bytes') {
      expect(INTEGER_LENGTHS[type], `${heading}: length of '${name}' by its type`).toBe(length);
      value = length === 8 ? Number(field.readBigUInt64LE()) : field.readUIntLE(0, length);
    }
    const allowed = quoted(valueCell).map((text) => literal(text, type));
    if (allowed.length > 0) expect(allowed, `${heading}: value of '${name}'`).toContainEqual(value);
    expect(result.values.has(name), `${heading}: '${name}' twice`).toBe(false);
    result.values.set(name, value);
    result.offsets.set(name, offset);
    result.length = offset + length;
  }
  return result;
}

/** Where the fields are by the byte map under `heading`: two digits, then six characters for each byte. */
function byteMap(heading: string): { name: string; offset: number }[] {
  const fields: { name: string; offset: number }[] = [];
  for (const line of linesUnder(heading)) {
    const start = /^ *(\d+) \|(.+)\|$/.exec(line);
    if (start === null) continue;
    let column = 0;
    for (const cell of (start[2] ?? '').split('|')) {
      fields.push({ name: cell.trim(), offset: Number(start[1]) + column / 6 });
      column += cell.length + 1;
    }
  }
  return fields;
}

// ---- tools ----

function runTool(name: string, args: string[], input?: Buffer): Buffer {
  const { status, stdout, stderr, error } = spawnSync(name, args, { input, maxBuffer: 1 << 28 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${stderr.toString()}`);
  return stdout;
}

const zstdDecode = (bytes: Buffer): Buffer => runTool('zstd', ['-dcq'], bytes);
const blake3 = (bytes: Buffer): string => runTool('b3sum', ['--no-names'], bytes).toString().trim();
const hex = (bytes: Buffer): string => bytes.toString('hex');

// ---- Arrow tables ----

/** Flatbuffers, as far as an Arrow schema needs them: byte offsets of fields, strings and vectors. */
class Flatbuffer {
  private readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  follow(at: number): number {
    return at + this.bytes.readUInt32LE(at);
  }
  /** Where field `id` of the table at `at` is; undefined when it has its default. */
  field(at: number, id: number): number | undefined {
    const vtable = at - this.bytes.readInt32LE(at);
    const entry =
      4 + 2 * id < this.bytes.readUInt16LE(vtable) ? this.bytes.readUInt16LE(vtable + 4 + 2 * id) : 0;
    return entry === 0 ? undefined : at + entry;
  }
  child(at: number, id: number): number {
    return this.follow(this.field(at, id) ?? NaN);
  }
  integer(at: number, id: number, length: number): number {
    const field = this.field(at, id);
    return field === undefined ? 0 : this.bytes.readUIntLE(field, length);
  }
  text(at: number, id: number): string {
    const start = this.child(at, id);
    return this.bytes.toString('utf8', start + 4, start + 4 + this.bytes.readUInt32LE(start));
  }
  vector(at: number, id: number): number[] {
    const start = this.child(at, id);
    return Array.from({ length: this.bytes.readUInt32LE(start) }, (_, i) => this.follow(start + 4 + 4 * i));
  }
}

interface ArrowSchema {
  columns: { name: string; type: string; nullable: boolean }[];
  metadata: Record<string, string>;
}

/** The schema message of an Arrow IPC stream; field numbers are those of Arrow's Schema.fbs and Message.fbs. */
function arrowSchema(stream: Buffer): ArrowSchema {
  expect(stream.readUInt32LE(0)).toBe(0xffffffff);
  const flat = new Flatbuffer(stream);
  const schema = flat.child(flat.follow(8), 2);
  const integerType = (at: number): string =>
    `${flat.integer(at, 1, 1) === 1 ? '' : 'U'}Int${flat.integer(at, 0, 4)}`;
  const typeOf = (at: number): string => {
    const type = flat.child(at, 3);
    switch (flat.integer(at, 2, 1)) {
      case 2:
        return integerType(type);
      case 4:
        return 'Binary';
      case 5:
        return 'Utf8';
      case 6:
        return 'Bool';
      case 10:
        return `Timestamp(${['s', 'ms', 'us', 'ns'][flat.integer(type, 0, 2)]}, ${flat.text(type, 1)})`;
      case 15:
        return `FixedSizeBinary(${flat.integer(type, 0, 4)})`;
      default:
        return `type ${flat.integer(at, 2, 1)}`;
    }
  };
  const columns = flat.vector(schema, 1).map((at) => ({
    name: flat.text(at, 0),
    type:
      flat.field(at, 4) === undefined
        ? typeOf(at)
        : `Dictionary(${integerType(flat.child(flat.child(at, 4), 1))}, ${typeOf(at)})`,
    nullable: flat.integer(at, 1, 1) === 1,
  }));
  const metadata = flat.vector(schema, 2).map((at) => [flat.text(at, 0), flat.text(at, 1)] as const);
  return { columns, metadata: Object.fromEntries(metadata) };
}

/** How polars names the types of the document when it prints them. */
const POLARS_TYPES: Record<string, string> = {
  'Dictionary(UInt8, Utf8)': 'cat',
  'FixedSizeBinary(32)': 'binary',
  'Timestamp(ns, UTC)': 'datetime[ns, UTC]',
  Binary: 'binary',
  Bool: 'bool',
  UInt32: 'u32',
  UInt64: 'u64',
  Utf8: 'str',
};

type Cell = string | number | bigint | boolean | Buffer | null;
type TableRow = Record<string, Cell>;

/**
 * The rows of an Arrow stream as polars reads it. nodejs-polars has no name for its type "binary": asking a
 * binary column for its `dtype`, or a frame for its `dtypes`, aborts with "not yet implemented". So types
 * are taken from what it prints, and bytes as lists of u8.
 */
function readTable(stream: Buffer, heading: string): TableRow[] {
  const documented = tableOf(heading, 'column', 'type', 'nullable');
  const frame = pl.readIPCStream(stream);
  expect(frame.columns, `columns of '${heading}'`).toEqual(documented.map((cells) => word(cells['column'])));
  const rows: TableRow[] = Array.from({ length: frame.height }, () => ({}));
  for (const cells of documented) {
    const name = word(cells['column']);
    const type = word(cells['type']);
    const printed = /^│ (.*?) *│$/m.exec(frame.select(name).toString().split('---')[1]?.split('\n')[1] ?? '');
    expect(printed?.[1], `type of '${name}'`).toBe(POLARS_TYPES[type] ?? `unknown: ${type}`);
    const column = frame.getColumn(name);
    if (cells['nullable'] !== 'yes') expect(column.nullCount(), `nulls of '${name}'`).toBe(0);
    let values: Cell[];
    if (POLARS_TYPES[type] === 'binary') {
      const lists = column.cast(pl.List(pl.UInt8)).toArray() as (number[] | null)[];
      values = lists.map((list) => (list === null ? null : Buffer.from(list)));
    } else if (type.startsWith('Timestamp')) {
      // Through text: as numbers they would be rounded to doubles.
      values = column.cast(pl.Int64).cast(pl.Utf8).toArray().map(BigInt);
    } else if (type === 'UInt64') {
      values = (column.toArray() as bigint[]).map(Number);
    } else {
      values = column.toArray();
    }
    rows.forEach((row, i) => (row[name] = values[i] ?? null));
  }
  return rows;
}

// ---- the archive ----

const directory = fs.mkdtempSync(join(tmpdir(), 'znip-document-'));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

const CHUNK_SIZE = 65_536;
/** Names are one character per byte here: they need not be UTF-8. */
const onDisk = (path: string): Buffer => Buffer.from(`${directory}/${path}`, 'latin1');

/** Bytes that do not compress, the same in every run: a linear congruential generator's high bytes. */
function noise(length: number): Buffer {
  let state = 1;
  return Buffer.alloc(length).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  }) as Buffer;
}

const text = (length: number): Buffer => Buffer.alloc(length, 'A line of text that compresses.\n');

function makeSource(): void {
  const file = (path: string, content: Buffer | string): void => fs.writeFileSync(onDisk(path), content);
  for (const path of ['', '/dir', '/dir/empty-dir', '/packages', `/${'p'.repeat(60)}`])
    fs.mkdirSync(onDisk(`tree${path}`));
  file('tree/big.bin', noise(200_001));
  file('tree/big.txt', text(150_000));
  // With its header, exactly as long as a chunk: the longest member that is not split; and one byte more.
  file('tree/exact', text(CHUNK_SIZE - 512));
  file('tree/exact+1', text(CHUNK_SIZE - 512 + 1));
  for (let i = 0; i < 5; i++) file(`tree/dir/medium-${i}`, text(20_000 + i));
  file('tree/dir/empty', '');
  file('tree/dir/small', 'small\n');
  fs.linkSync(onDisk('tree/dir/small'), onDisk('tree/dir/twin'));
  fs.symlinkSync('small', onDisk('tree/dir/symlink'));
  fs.symlinkSync(Buffer.from(`\xff${'t'.repeat(120)}`, 'latin1'), onDisk('tree/dir/symlink-long'));
  file('tree/dir/before-1970', 'old');
  const before1970 = new Date(-5500);
  fs.utimesSync(onDisk('tree/dir/before-1970'), before1970, before1970);
  fs.chmodSync(onDisk('tree/dir/small'), 0o640);
  file('tree/packages/left-pad-1.3.0.tgz', 'not really');
  file('tree/packages/library.jar', 'not really');
  // In ustar by its prefix; by a pax record; not UTF-8; not UTF-8 in a pax record.
  file(`tree/${'p'.repeat(60)}/${'q'.repeat(60)}`, 'prefix');
  file(`tree/${'n'.repeat(120)}`, 'pax');
  file('tree/caf\xe9', 'latin1');
  file(`tree/${'n'.repeat(120)}\xe9`, 'latin1, pax');
}

makeSource();
const warnings: Warning[] = [];
const output = join(directory, 'archive.znip');
await pack(['tree'], {
  directory,
  output,
  chunkSize: CHUNK_SIZE,
  onWarning: (warning) => warnings.push(warning),
});
const archive = fs.readFileSync(output);
const tarStream = zstdDecode(archive);

interface Block {
  header: Structure;
  frame: Buffer;
  blobOffset: number;
  blob: Buffer;
  chunk: Buffer;
}

interface Section {
  tag: string;
  offset: number;
  stored: Buffer;
}

const TAGS = new Map(
  tableOf('Skippable frames', 'tag', 'structure').map((cells) => [
    cells['structure'] ?? '',
    word(cells['tag']),
  ]),
);
const FLAGS = new Map(
  tableOf('Block header', 'bit', 'flag').map((cells) => [word(cells['flag']), 1 << integer(cells['bit'])]),
);
const NO_HEADER = Number(numberNamed('NO_HEADER'));

const hasFlag = (header: Structure, name: string): boolean =>
  (header.number('flags') & (FLAGS.get(name) ?? NaN)) !== 0;

/** Walks the archive forward from its first byte, as a reader of a pipe does. */
function walk(): { blocks: Block[]; sections: Section[] } {
  const blocks: Block[] = [];
  const sections: Section[] = [];
  let at = decode('Archive', archive).length;
  while (at < archive.length) {
    const common = decode('Skippable frames', archive.subarray(at));
    const tag = String(common.values.get('tag'));
    const stored = archive.subarray(at, at + common.offset('frameSize') + 4 + common.number('frameSize'));
    if (tag !== TAGS.get('block header')) {
      sections.push({ tag, offset: at, stored });
      at += stored.length;
      continue;
    }
    const header = decode('Block header', stored);
    expect(header.length, 'length of a block header').toBe(stored.length);
    const blobOffset = at + stored.length;
    const blob = archive.subarray(blobOffset, blobOffset + header.number('blobLength'));
    blocks.push({ header, frame: stored, blobOffset, blob, chunk: zstdDecode(blob) });
    at = blobOffset + blob.length;
  }
  expect(at).toBe(archive.length);
  return { blocks, sections };
}

const { blocks, sections } = walk();

/** The Arrow stream of a section, which must be of this tag. */
function decodeSection(stored: Buffer, structure: string): { table: Buffer; tableLength: number } {
  const section = decode('Sections', stored);
  expect(section.length, 'length of a section').toBe(stored.length);
  expect(section.values.get('tag')).toBe(TAGS.get(structure));
  const table = zstdDecode(section.bytes('compressed'));
  expect(table.length).toBe(section.number('tableLength'));
  return { table, tableLength: section.number('tableLength') };
}

interface Entry {
  row: TableRow;
  path: string;
  linkTarget: string;
  /** Where the headers start, and where the padding ends, in the tar stream. */
  start: number;
  end: number;
  group: { packageType: Cell | undefined; repo: Cell | undefined };
}

const footerLength = Number(numberNamed('FOOTER_LENGTH'));
const footer = decode('Footer', archive.subarray(-footerLength));
const manifestSection = archive.subarray(
  footer.number('manifestOffset'),
  footer.number('manifestOffset') + footer.number('manifestLength'),
);
const manifestTable = decodeSection(manifestSection, 'section with the manifest').table;
const manifest = readTable(manifestTable, 'Manifest');

const STRUCTURE_OF: Record<string, [structure: string, heading: string]> = {
  members: ['section with a sub-index', 'Sub-index'],
  frames: ['section with a frame table', 'Frame table'],
};

const tables = manifest.map((row) => {
  const [structure = '', heading = ''] = STRUCTURE_OF[String(row['section'])] ?? [];
  const offset = Number(row['index_offset']);
  const stored = archive.subarray(offset, offset + Number(row['index_length']));
  const { table, tableLength } = decodeSection(stored, structure);
  const first = Number(row['first_row']);
  const rows = readTable(table, heading).slice(first, first + Number(row['row_count']));
  return { manifestRow: row, heading, stored, table, tableLength, rows };
});
const frames = tables.filter(({ heading }) => heading === 'Frame table').flatMap(({ rows }) => rows);
const entries = readEntries();

/** A name's bytes: from its Binary column where that has a value, else from what is shown. */
function nameOf(bytes: Cell | undefined, shown: Cell | undefined): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(String(shown ?? ''))).toString('latin1');
}

function readEntries(): Entry[] {
  const found = tables
    .filter(({ heading }) => heading === 'Sub-index')
    .flatMap(({ rows, manifestRow }) =>
      rows.map((row) => ({
        row,
        path: nameOf(row['path_bytes'], row['path']),
        linkTarget: nameOf(row['link_target_bytes'], row['link_target']),
        group: { packageType: manifestRow['package_type'], repo: manifestRow['repo'] },
      })),
    )
    .sort((a, b) => Number(a.row['stream_offset']) - Number(b.row['stream_offset']));
  let start = 0;
  return found.map((entry) => {
    const end = Number(entry.row['stream_offset']) + Math.ceil(Number(entry.row['size']) / 512) * 512;
    const result = { ...entry, start, end };
    start = end;
    return result;
  });
}

function contentOf({ row }: Entry): Buffer {
  const offset = Number(row['stream_offset']);
  return tarStream.subarray(offset, offset + Number(row['size']));
}

function littleEndian(value: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes.subarray(0, length);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** "Fingerprints": contents are represented by their hashes. */
function fingerprintOf(chunk: Buffer, streamOffset: number): string {
  const contents = entries
    .filter(({ row }) => row['kind'] === 'file' && Number(row['size']) > 0)
    .map(({ row }) => ({ start: Number(row['stream_offset']) - streamOffset, row }))
    .filter(({ start, row }) => start >= 0 && start + Number(row['size']) <= chunk.length);
  const pieces = [u32(contents.length), u32(chunk.length)];
  for (const { start, row } of contents) {
    pieces.push(u32(start), u32(Number(row['size'])), row['checksum'] as Buffer);
  }
  let end = 0;
  for (const { start, row } of contents) {
    pieces.push(chunk.subarray(end, start));
    end = start + Number(row['size']);
  }
  return blake3(Buffer.concat([...pieces, chunk.subarray(end)]));
}

/** "Ranks", with the numbers as they stand in the document. */
function rankOf(path: string): number {
  const code = linesUnder('Ranks').join('\n');
  const [mix1 = 0, mix2 = 0] = [...code.matchAll(/\(h >> \d+\)\) \* (0x[0-9A-F]+)/g)].map((m) =>
    Number(m[1]),
  );
  const [shift1 = 0, shift2 = 0, shift3 = 0] = [...code.matchAll(/h >> (\d+)/g)].map((m) => Number(m[1]));
  let h = Number(numberNamed('FNV_OFFSET'));
  for (const byte of Buffer.from(path, 'latin1')) h = Math.imul(h ^ byte, Number(numberNamed('FNV_PRIME')));
  h = Math.imul(h ^ (h >>> shift1), mix1);
  h = Math.imul(h ^ (h >>> shift2), mix2);
  return (h ^ (h >>> shift3)) >>> 0;
}

/** All names below a directory, as byte strings, the directory first. */
function namesBelow(path: string): string[] {
  if (!fs.lstatSync(onDisk(path)).isDirectory()) return [path];
  const names = fs.readdirSync(onDisk(path), { encoding: 'latin1' });
  return [path, ...names.flatMap((name) => namesBelow(`${path}/${name}`))];
}

// ---- tests ----

test('the source was packed without a warning', () => {
  expect(warnings).toEqual([]);
});

/** Place, type and name of the first six fields of a structure. */
const placeOf = (heading: string): (string | undefined)[][] =>
  tableOf(heading, 'offset', 'length', 'type', 'name')
    .slice(0, 6)
    .map((cells) => [cells['offset'], cells['length'], cells['type'], cells['name']]);

describe('fixed structures', () => {
  test.each(['Block header', 'Footer'])('%s: the byte map shows what the table says', (heading) => {
    const fields = tableOf(heading, 'offset', 'length', 'type', 'name');
    const expected = fields
      .filter((cells) => /^\d+$/.test(`${cells['offset']}${cells['length']}`))
      .flatMap((cells) => {
        const length = integer(cells['length']);
        return Array.from({ length: Math.ceil(length / 8) }, (_, i) => ({
          name: cells['name'],
          offset: integer(cells['offset']) + 8 * i,
        }));
      });
    expect(byteMap(heading)).toEqual(expected);
  });

  test('every structure begins with the fields that all skippable frames have', () => {
    for (const heading of ['Block header', 'Sections', 'Footer']) {
      expect(placeOf(heading)).toEqual(placeOf('Skippable frames'));
    }
  });

  test('the numbers are those of the structures', () => {
    const bytesNamed = (name: string): Buffer => literal(numberNamed(name), 'bytes') as Buffer;
    const prologue = decode('Archive', archive);
    expect(prologue.bytes('prologue')).toEqual(bytesNamed('PROLOGUE'));
    expect(footer.bytes('footerMagic')).toEqual(bytesNamed('FOOTER_MAGIC'));
    expect(footer.number('magic')).toBe(Number(numberNamed('SKIPPABLE_MAGIC')));
    expect(blocks.every(({ blob }) => blob.readUInt32LE(0) === Number(numberNamed('ZSTD_MAGIC')))).toBe(true);
    expect(footer.number('major')).toBe(Number(numberNamed('FORMAT_MAJOR')));
    expect(footer.number('minor')).toBe(Number(numberNamed('FORMAT_MINOR')));
    expect(blocks[0]?.header.bytes('checksum')).toHaveLength(Number(numberNamed('CHECKSUM_LENGTH')));
    expect(footer.bytes('ownChecksum')).toHaveLength(Number(numberNamed('SHORT_CHECKSUM_LENGTH')));
    expect(blocks.at(-1)?.chunk).toHaveLength(Number(numberNamed('TAR_END_LENGTH')));
  });
});

describe('reading forward', () => {
  test('the chunks of the blocks are the tar stream that zstd finds', () => {
    expect(Buffer.concat(blocks.map(({ chunk }) => chunk)).equals(tarStream)).toBe(true);
  });

  test('zstd counts one frame for each blob and the prologue, and all of them declare their sizes', () => {
    const listing = runTool('zstd', ['-lv', output]).toString();
    expect(/# Zstandard Frames: (\d+)/.exec(listing)?.[1]).toBe(String(blocks.length + 1));
    expect(/# Skippable Frames: (\d+)/.exec(listing)?.[1]).toBe(String(blocks.length + sections.length));
    expect(/Decompressed Size: .*\((\d+) B\)/.exec(listing)?.[1]).toBe(String(tarStream.length));
  });

  test('block headers say what their chunks are', () => {
    let stream = 0;
    for (const [number, { header, frame, blob, chunk }] of blocks.entries()) {
      expect(header.number('chunkLength')).toBe(chunk.length);
      expect(header.number('streamOffset')).toBe(stream);
      expect(hex(header.bytes('checksum'))).toBe(blake3(blob));
      const own = blake3(frame.subarray(0, header.offset('ownChecksum')));
      expect(own.startsWith(hex(header.bytes('ownChecksum')))).toBe(true);
      expect(hasFlag(header, 'last')).toBe(number === blocks.length - 1);
      const storedLength = 9 + 3 * Math.ceil(chunk.length / 131_072) + chunk.length;
      if (hasFlag(header, 'stored')) expect(blob.length).toBe(storedLength);
      else expect(blob.length).toBeLessThan(storedLength);
      stream += chunk.length;
    }
    const stored = blocks.filter(({ header }) => hasFlag(header, 'stored'));
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.length).toBeLessThan(blocks.length);
    expect(blocks.at(-1)?.chunk.every((byte) => byte === 0)).toBe(true);
  });

  test('block headers say where members begin and go on', () => {
    let continued = 0;
    for (const { header, chunk } of blocks) {
      const start = header.number('streamOffset');
      const first = entries.find((entry) => entry.start >= start && entry.start < start + chunk.length);
      expect(header.number('firstHeaderOffset')).toBe(first === undefined ? NO_HEADER : first.start - start);
      const open = entries.find((entry) => entry.start < start && entry.end > start);
      expect(header.bytes('path').toString('latin1')).toBe(open?.path ?? '');
      expect(header.number('memberOffset')).toBe(
        open === undefined ? 0 : start - Number(open.row['stream_offset']),
      );
      expect(header.number('memberSize')).toBe(Number(open?.row['size'] ?? 0));
      if (open !== undefined) continued += 1;
    }
    expect(continued).toBeGreaterThan(3);
  });

  test('sections and footer follow in the order of the manifest', () => {
    // Groups that share a section are one after the other.
    const listed = tables
      .filter(({ manifestRow }) => manifestRow['first_row'] === 0)
      .map(({ manifestRow, stored }) => ({ offset: manifestRow['index_offset'], stored }));
    listed.push({ offset: footer.number('manifestOffset'), stored: manifestSection });
    expect(sections.slice(0, -1).map(({ offset, stored }) => ({ offset, stored }))).toEqual(listed);
    expect(sections.at(-1)?.tag).toBe(TAGS.get('footer'));
    expect(sections.at(-1)?.stored).toHaveLength(footerLength);
  });
});

describe('reading by the index', () => {
  test('the footer finds the manifest and has its hash', () => {
    expect(footer.length).toBe(footerLength);
    expect(footer.number('archiveLength')).toBe(archive.length);
    expect(footer.number('manifestOffset') + footer.number('manifestLength')).toBe(
      archive.length - footerLength,
    );
    expect(hex(footer.bytes('rootHash'))).toBe(blake3(manifestSection));
    const own = blake3(archive.subarray(-footerLength).subarray(0, footer.offset('ownChecksum')));
    expect(own.startsWith(hex(footer.bytes('ownChecksum')))).toBe(true);
  });

  test('the manifest describes every section', () => {
    expect(tables.length).toBeGreaterThan(3);
    for (const { manifestRow, stored, tableLength, rows, heading } of tables) {
      const sum = (column: string): number => rows.reduce((total, row) => total + Number(row[column]), 0);
      const isFrames = heading === 'Frame table';
      expect(manifestRow['checksum']).toEqual(Buffer.from(blake3(stored), 'hex'));
      expect(manifestRow['row_count']).toBe(rows.length);
      expect(rows.length).toBeLessThanOrEqual(Number(numberNamed('MAX_SUB_INDEX_ROWS')));
      expect(manifestRow['uncompressed_bytes']).toBe(tableLength);
      expect(manifestRow['content_bytes']).toBe(sum(isFrames ? 'stream_length' : 'size'));
      expect(manifestRow['first_path']).toBe(isFrames ? '' : rows[0]?.['path']);
      expect(manifestRow['last_path']).toBe(isFrames ? '' : rows.at(-1)?.['path']);
      const offsets = rows.map((row) => Number(row['stream_offset']));
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    }
    const order = manifest.map((row) => `${String(row['section'])} ${String(row['package_type'])}`);
    expect(order).toEqual(['members maven', 'members npm', 'members plain', 'frames ']);
  });

  test('the schemas have the types, nullability and metadata of the document', () => {
    for (const { table, heading } of [...tables, { table: manifestTable, heading: 'Manifest' }]) {
      const { columns, metadata } = arrowSchema(table);
      const documented = tableOf(heading, 'column', 'type', 'nullable').map((cells) => ({
        name: word(cells['column']),
        type: word(cells['type']),
        nullable: cells['nullable'] === 'yes',
      }));
      expect(columns).toEqual(documented);
      const keys = tableOf('Tables', 'key', 'value');
      expect(Object.keys(metadata)).toEqual(keys.map((cells) => word(cells['key'])));
      for (const cells of keys) {
        const [value] = quoted(cells['value']);
        if (value !== undefined) expect(metadata[word(cells['key'])]).toBe(value);
      }
      expect(metadata['znip.chunk_size']).toBe(String(CHUNK_SIZE));
    }
  });

  test('the content root is that of the records', () => {
    const kinds = ['file', 'directory', 'symlink', 'hardlink'];
    const fields = tableOf('Content root', 'length', 'type', 'value');
    expect(fields.map((cells) => cells['type']).join(' ')).toBe(
      'u32 bytes u8 u16 i64 u64 u32 u32 u32 bytes bytes u32 bytes',
    );
    // The first name of a file in the order of records is the file.
    const names = new Map<string, Entry[]>();
    for (const entry of entries) {
      const file = entry.row['kind'] === 'hardlink' ? entry.linkTarget : entry.path;
      names.set(file, [...(names.get(file) ?? []), entry]);
    }
    const records: [string, Buffer][] = [];
    for (const [file, all] of names) {
      const { row, linkTarget } = all.find(({ path }) => path === file) as Entry;
      const kind = String(row['kind']);
      const [home = '', ...others] = all.map(({ path }) => path).sort();
      const isLink = kind === 'symlink';
      const target = isLink ? Buffer.from(linkTarget, 'latin1') : Buffer.alloc(0);
      const owner = (id: Cell | undefined): Buffer =>
        u32(id === null || id === undefined ? 0xffffffff : Number(id));
      const record = (path: string, ...rest: Buffer[]): [string, Buffer] => {
        const bytes = Buffer.from(path, 'latin1');
        return [path, Buffer.concat([u32(bytes.length), bytes, ...rest])];
      };
      records.push(
        record(
          home,
          Buffer.from([kinds.indexOf(kind)]),
          littleEndian(isLink ? 0n : BigInt(String(row['mode'])), 2),
          littleEndian(row['mtime'] as bigint, 8),
          littleEndian(BigInt(String(row['size'])), 8),
          owner(row['uid']),
          owner(row['gid']),
          u32(target.length),
          target,
          kind === 'file' ? (row['checksum'] as Buffer) : Buffer.alloc(0),
        ),
      );
      for (const other of others) {
        const to = Buffer.from(home, 'latin1');
        const nobody = u32(0xffffffff);
        records.push(record(other, Buffer.from([3]), Buffer.alloc(18), nobody, nobody, u32(to.length), to));
      }
    }
    records.sort(([a], [b]) => Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')));
    const shown = spawnSync('node', [ZNIP, 'info', '--content-root', output], { encoding: 'utf8' });
    expect(shown.stdout.trim()).toBe(blake3(Buffer.concat(records.map(([, bytes]) => bytes))));
  });

  test('the frame table agrees with the blocks', () => {
    const found = blocks.map(({ header, blobOffset, blob, chunk }) => ({
      stream_offset: header.number('streamOffset'),
      stream_length: chunk.length,
      blob_offset: blobOffset,
      blob_length: blob.length,
      stored: hasFlag(header, 'stored'),
      checksum: Buffer.from(blake3(blob), 'hex'),
      fingerprint: Buffer.from(fingerprintOf(chunk, header.number('streamOffset')), 'hex'),
    }));
    expect(frames).toEqual(found);
  });

  test('chunks end where ranks say so', () => {
    let moved = 0;
    for (const { header, chunk } of blocks.slice(0, -2)) {
      const start = header.number('streamOffset');
      const end = start + chunk.length;
      // The next member would not have fitted, or is longer than a chunk, or goes on.
      const next = entries.find((entry) => entry.start >= end);
      const within = entries.filter((entry) => entry.start >= start && entry.end <= start + CHUNK_SIZE);
      const fits = within.filter((entry) => entry.start >= start + CHUNK_SIZE / 2);
      const isCut = next === undefined || next.end - next.start <= CHUNK_SIZE || chunk.length === CHUNK_SIZE;
      if (!isCut || fits.length === 0 || within.at(-1) === entries.at(-1)) continue;
      const [lowest] = fits.toSorted((a, b) => rankOf(a.path) - rankOf(b.path));
      expect(end).toBe(lowest?.start);
      moved += 1;
    }
    expect(moved).toBeGreaterThan(1);
  });

  test('a binary search finds the chunks that hold a content', () => {
    for (const entry of entries.filter(({ row }) => Number(row['size']) > 0)) {
      const start = Number(entry.row['stream_offset']);
      let low = 0;
      let high = frames.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (start < Number(frames[middle]?.['stream_offset'])) high = middle - 1;
        else low = middle;
      }
      const pieces: Buffer[] = [];
      let missing = Number(entry.row['size']);
      let at = start - Number(frames[low]?.['stream_offset']);
      for (; missing > 0; low++, at = 0) {
        const piece = blocks[low]?.chunk.subarray(at, at + missing) ?? Buffer.alloc(0);
        expect(piece.length).toBeGreaterThan(0);
        pieces.push(piece);
        missing -= piece.length;
      }
      expect(Buffer.concat(pieces).equals(contentOf(entry))).toBe(true);
    }
  });
});

describe('entries', () => {
  test('there is one for every name on disk', () => {
    expect(entries.map(({ path }) => path).toSorted()).toEqual(namesBelow('tree').toSorted());
  });

  test('they describe what is on disk', () => {
    for (const entry of entries) {
      const { row, path, linkTarget } = entry;
      const stats = fs.lstatSync(onDisk(path), { bigint: true });
      expect(row['mode'], path).toBe(Number(stats.mode) & 0o7777);
      expect(row['mtime'], path).toBe(stats.mtimeNs);
      expect([row['uid'], row['gid'], row['changed']]).toEqual([null, null, false]);
      expect(row['path']).toBe(Buffer.from(path, 'latin1').toString());
      expect(row['path_bytes'] === null).toBe(!String(row['path']).includes('\ufffd'));
      if (row['kind'] === 'symlink') {
        expect(linkTarget).toBe(fs.readlinkSync(onDisk(path), { encoding: 'latin1' }));
      } else if (row['kind'] === 'hardlink') {
        expect(fs.lstatSync(onDisk(linkTarget), { bigint: true }).ino).toBe(stats.ino);
      } else {
        expect([row['link_target'], row['link_target_bytes']]).toEqual([null, null]);
        expect(row['kind']).toBe(stats.isDirectory() ? 'directory' : 'file');
      }
    }
    const kinds = new Set(entries.map(({ row }) => String(row['kind'])));
    const words = tableOf('Sub-index', 'column').find((cells) => word(cells['column']) === 'kind');
    expect([...kinds].toSorted()).toEqual(quoted(words?.['meaning']).toSorted());
    expect(entries.some(({ row }) => row['link_target_bytes'] !== null)).toBe(true);
  });

  test('every content has the hash of its entry and is the file on disk', () => {
    for (const entry of entries) {
      const { row, path } = entry;
      if (row['kind'] !== 'file') {
        expect([row['size'], row['checksum']], path).toEqual([0, null]);
        continue;
      }
      const content = contentOf(entry);
      expect(content.equals(fs.readFileSync(onDisk(path))), path).toBe(true);
      expect(row['checksum'], path).toEqual(Buffer.from(blake3(content), 'hex'));
    }
  });

  test('each is in the group that the table of package types says', () => {
    const rules = tableOf('Groups', 'package type', 'extensions');
    for (const { path, group } of entries) {
      const extension = /\.([^./]+)$/.exec(path)?.[1];
      const rule = rules.find(
        (cells) =>
          extension !== undefined &&
          cells['and besides'] === '' &&
          quoted(cells['extensions']).includes(extension),
      );
      expect(group, path).toEqual({ packageType: word(rule?.['package type']) || 'plain', repo: '' });
    }
  });
});

const floorSeconds = (nanoseconds: bigint): bigint => {
  const rest = nanoseconds % 1_000_000_000n;
  return (nanoseconds - rest) / 1_000_000_000n - (rest < 0n ? 1n : 0n);
};

describe('tar stream', () => {
  const fields = new Map(
    tableOf('Tar stream', 'offset', 'length', 'name', 'content').map((cells) => [cells['name'] ?? '', cells]),
  );
  /** A field of the ustar header at this byte of the tar stream, up to its first NUL. */
  const field = (header: number, name: string): string => {
    const cells = fields.get(name);
    if (cells === undefined) throw new Error(`the document has no field '${name}' in the ustar header`);
    const start = header + integer(cells['offset']);
    const bytes = tarStream.subarray(start, start + integer(cells['length']));
    return bytes.toString('latin1').replace(/\0[^]*$/, '');
  };
  const octal = (header: number, name: string): number => Number.parseInt(field(header, name), 8);
  const PAX = tableOf('Tar stream', 'keyword', 'when', 'value');
  const HDRCHARSET = word(PAX.find((cells) => word(cells['keyword']) === 'hdrcharset')?.['value']);
  const PAX_KEYWORDS = PAX.map((cells) => word(cells['keyword']));

  /** The records of the pax header that may stand at `start`, before the ustar header. */
  const paxRecords = (start: number): Map<string, string> => {
    const records = new Map<string, string>();
    expect(field(start, 'typeflag')).toBe('x');
    let rest = tarStream.toString('latin1', start + 512, start + 512 + octal(start, 'size'));
    while (rest !== '') {
      const length = Number.parseInt(rest, 10);
      const [, keyword = '', value = ''] = /^\d+ (\w+)=([^]*)\n$/.exec(rest.slice(0, length)) ?? [];
      records.set(keyword, value);
      rest = rest.slice(length);
    }
    return records;
  };

  test('the fields of the header tile its 512 bytes', () => {
    let end = 0;
    for (const cells of fields.values()) {
      expect(integer(cells['offset'])).toBe(end);
      end += integer(cells['length']);
    }
    expect(end).toBe(Number(numberNamed('TAR_RECORD')));
  });

  test('headers say what the entries say', () => {
    const seen = new Set<string>();
    for (const { row, path, linkTarget, start } of entries) {
      const header = Number(row['stream_offset']) - 512;
      const pax = header === start ? new Map<string, string>() : paxRecords(start);
      expect([...pax.keys()]).toEqual(PAX_KEYWORDS.filter((keyword) => pax.has(keyword)));
      pax.forEach((_, keyword) => seen.add(keyword));
      const tarPath = row['kind'] === 'directory' ? `${path}/` : path;
      const prefix = field(header, 'prefix');
      const ustarPath = prefix === '' ? field(header, 'name') : `${prefix}/${field(header, 'name')}`;
      expect(pax.get('path') ?? ustarPath).toBe(tarPath);
      expect(pax.get('linkpath') ?? field(header, 'linkname')).toBe(linkTarget);
      const seconds = BigInt(pax.get('mtime') ?? octal(header, 'mtime'));
      expect(seconds).toBe(floorSeconds(row['mtime'] as bigint));
      expect(octal(header, 'size')).toBe(row['size']);
      expect(octal(header, 'mode')).toBe(row['mode']);
      expect([octal(header, 'uid'), octal(header, 'gid')]).toEqual([0, 0]);
      expect(field(header, 'typeflag')).toBe(
        { file: '0', directory: '5', symlink: '2', hardlink: '1' }[String(row['kind'])],
      );
      const constant = ['magic', 'version', 'uname', 'gname', 'devmajor', 'devminor', 'unused'];
      expect(constant.map((name) => field(header, name))).toEqual([
        'ustar',
        '00',
        '',
        '',
        '0000000',
        '0000000',
        '',
      ]);
      const bytes = Buffer.from(tarStream.subarray(header, header + 512)).fill(' ', 148, 156);
      expect(octal(header, 'chksum')).toBe(bytes.reduce((sum, byte) => sum + byte, 0));
      if (pax.has('hdrcharset')) expect(pax.get('hdrcharset')).toBe(HDRCHARSET);
      expect(pax.has('hdrcharset')).toBe([...pax.values()].some((value) => /[^\x00-\x7f]/.test(value)));
    }
    expect([...seen].toSorted()).toEqual(['hdrcharset', 'linkpath', 'mtime', 'path']);
  });

  test('members lie in chunks as the rules say', () => {
    const starts = frames.map((row) => Number(row['stream_offset']));
    const chunkOf = (at: number): number => starts.findLastIndex((start) => start <= at);
    let split = 0;
    for (const { path, start, end } of entries) {
      if (end - start <= CHUNK_SIZE) expect(chunkOf(start), path).toBe(chunkOf(end - 1));
      else expect(starts, path).toContain(start);
      if (chunkOf(start) !== chunkOf(end - 1)) split += 1;
    }
    // The two large files, and the one that is a byte longer than a chunk.
    expect(split).toBe(3);
    for (const { chunk } of blocks) {
      expect(chunk.length % Number(numberNamed('CHUNK_GRANULE'))).toBe(0);
      expect(chunk.length).toBeLessThanOrEqual(CHUNK_SIZE);
    }
    // The end of the tar stream follows the last member at once.
    expect(starts.at(-1)).toBe(entries.at(-1)?.end);
  });

  test('the chunk size follows from the length of the tar stream', async () => {
    const bySize = join(directory, 'by-size.znip');
    await pack(['tree/dir'], { directory, output: bySize });
    const bytes = fs.readFileSync(bySize);
    const end = decode('Footer', bytes.subarray(-footerLength));
    const section = bytes.subarray(end.number('manifestOffset'), -footerLength);
    const [first] = tableOf('Chunks', 'tar stream below', 'chunk size');
    const documented = Number.parseInt(first?.['chunk size'] ?? '', 10) * 1024 * 1024;
    const { metadata } = arrowSchema(decodeSection(section, 'section with the manifest').table);
    expect(metadata['znip.chunk_size']).toBe(String(documented));
  });
});
