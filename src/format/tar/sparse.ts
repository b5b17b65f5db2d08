/**
 * Maps of sparse files: which runs of a file are in the stream, one after the other; between them are holes. GNU tar
 * has four forms: in the header (`S`), and in pax records as pairs (0.0), as a list (0.1) or before the data (1.0). GNU
 * tar manual, "Storing Sparse Files".
 */
import { MAX_HEADERS_LENGTH, TAR_RECORD } from '../values/constants.ts';
import { roundUp } from '../values/integers.ts';
import { readNumber } from './record.ts';

/** The runs of data of a file, in order and without overlap. */
export interface SparseMap {
  /** Bytes of the file, including holes. */
  realSize: number;
  /** For each run: its place in the file, its length, and the bytes of data before it. */
  offsets: Float64Array;
  lengths: Float64Array;
  starts: Float64Array;
  /** Where tar programs do not agree about it. */
  doubt: string | undefined;
}

/** What pax records say about a map, unchanged. */
export interface SparseRecords {
  major?: string | undefined;
  minor?: string | undefined;
  realSize?: string | undefined;
  map?: string | undefined;
  /** `offset` and `numbytes`, alternating. */
  pairs: string[];
}

/** More runs than any file needs; each costs a call. */
const MAX_RUNS = 1_000_000;

/** Where things are in a header of type `S`. In each record after it, the runs come first. */
const RUN_LENGTH = 24;
const FIRST_RUNS = { offset: 386, count: 4 };
const FURTHER_RUNS = { offset: 0, count: 21 };
const REAL_SIZE = 483;

/** A map, or what is wrong with it. */
type Read = SparseMap | string;

/** The map of a header of type `S` at `at`, with the records after it up to `end`. `stored`: bytes of data. */
export function readHeaderMap(bytes: Buffer, at: number, end: number, stored: number): Read {
  const runs: number[] = [];
  for (let record = at; record < end; record += TAR_RECORD) {
    const { offset, count } = record === at ? FIRST_RUNS : FURTHER_RUNS;
    for (let i = 0; i < count; i++) {
      // 0: offset, 12: numbytes, 12 bytes each; one without a length ends the list
      const run = record + offset + i * RUN_LENGTH;
      if (bytes[run + 12] === 0) break;
      runs.push(readNumber(bytes, run, 12), readNumber(bytes, run + 12, 12));
    }
  }
  return toMap(runs, readNumber(bytes, at + REAL_SIZE, 12), stored);
}

/** Whether the map is before the data. */
export function isLeading({ major }: SparseRecords): boolean {
  return major !== undefined && major !== '0';
}

/** The map of pax records. */
export function readRecordsMap({ map, pairs, realSize }: SparseRecords, stored: number): Read {
  const numbers = map === undefined ? pairs : map === '' ? [] : map.split(',');
  return toMap(numbers.map(readDecimal), readDecimal(realSize ?? ''), stored);
}

/**
 * The map before the data, which begins at `from`: the number of runs, then their numbers, each in a line. `length` is
 * how much of the data it takes. undefined if it does not end within `bytes`.
 */
export function readLeadingMap(
  bytes: Buffer,
  from: number,
  { major, minor, realSize }: SparseRecords,
  stored: number,
): { map: Read; length: number } | undefined {
  if (major !== '1' || minor !== '0') return { map: `it is of version ${major}.${minor ?? ''}`, length: 0 };
  const end = Math.min(bytes.length, from + Math.min(stored, MAX_HEADERS_LENGTH));
  let at = from;
  const next = (): number | undefined => {
    const line = bytes.subarray(at, Math.min(end, at + MAX_DIGITS + 1)).indexOf(NEWLINE);
    if (line < 0) return end - at > MAX_DIGITS ? Number.NaN : undefined;
    const number = readDecimal(bytes.toString('latin1', at, at + line));
    at += line + 1;
    return number;
  };
  const cut = (): { map: Read; length: number } | undefined =>
    end < bytes.length || end === from + stored ? { map: 'it does not end', length: 0 } : undefined;
  const count = next();
  if (count === undefined) return cut();
  if (!(count <= MAX_RUNS))
    return { map: 'how many runs it has is not said, or they are too many', length: 0 };
  const runs: number[] = [];
  while (runs.length < 2 * count) {
    const number = next();
    if (number === undefined) return cut();
    runs.push(number);
  }
  const length = roundUp(at - from, TAR_RECORD);
  if (length > stored) return { map: 'it is longer than the data', length: 0 };
  return { map: toMap(runs, readDecimal(realSize ?? ''), stored - length), length };
}

const UNALIGNED = 'the runs of its data are no whole records, between which some programs expect padding';
const SHORT = 'the last run of its map does not end where the file does, and some programs cut it there';
const NEWLINE = 0x0a;
/** As many digits as 2^63 has. */
const MAX_DIGITS = 19;

/** NaN if it is not a number. */
function readDecimal(text: string): number {
  return /^\d{1,19}$/.test(text) ? Number(text) : Number.NaN;
}

function toMap(runs: readonly number[], realSize: number, stored: number): Read {
  if (!Number.isSafeInteger(realSize) || realSize < 0) return 'the size of the file is missing, or no number';
  if (runs.length % 2 !== 0) return 'a run has no length';
  const count = runs.length / 2;
  if (count > MAX_RUNS) return `it has ${count} runs, and may have ${MAX_RUNS}`;
  const map: SparseMap = {
    realSize,
    offsets: new Float64Array(count),
    lengths: new Float64Array(count),
    starts: new Float64Array(count),
    doubt: undefined,
  };
  let end = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const offset = runs[2 * i] ?? Number.NaN;
    const length = runs[2 * i + 1] ?? Number.NaN;
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      return `run ${i} is not two numbers`;
    }
    if (offset < end)
      return `run ${i} at byte ${offset} begins before the one before it has ended, at byte ${end}`;
    if (offset + length > realSize) {
      return `run ${i} ends at byte ${offset + length} of a file of ${realSize} bytes`;
    }
    // GNU tar pads each run to whole records, bsdtar does not.
    if (sum % TAR_RECORD !== 0 && length > 0) map.doubt = UNALIGNED;
    map.offsets[i] = offset;
    map.lengths[i] = length;
    map.starts[i] = sum;
    end = offset + length;
    sum += length;
  }
  // GNU tar makes the file as long as the last run says, and puts an empty run there.
  if (end < realSize) map.doubt ??= SHORT;
  return sum === stored ? map : `its runs have ${sum} bytes, and there are ${stored} in the stream`;
}
