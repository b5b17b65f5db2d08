/**
 * Points in time as a user writes them.
 */
import { ZnipError } from '../../errors.ts';

const NANOSECONDS_PER_MS = 1_000_000n;
const NANOSECONDS_PER_S = 1_000_000_000n;
/** The limit of an archive's index: nanoseconds in 64 bits, which means the years 1677 to 2262. */
const LIMIT = 2n ** 63n;

/** Turns `@seconds`, or an ISO 8601 date with or without a time, into nanoseconds. Without a time zone, it is UTC. */
export function parseTime(text: string): bigint {
  const time = text.startsWith('@') ? parseSeconds(text.slice(1)) : parseDate(text);
  if (time === undefined) {
    throw new ZnipError(
      'usage',
      `'${text}' is not a time: write @SECONDS since 1970, or a date as in 2026-01-31 or 2026-01-31T12:00:00Z`,
    );
  }
  return inRange(time, '--mtime', text);
}

/** SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/) in nanoseconds, if set. */
export function sourceDateEpoch(value: string | undefined): bigint | undefined {
  if (value === undefined || value === '') return undefined;
  if (!/^\d{1,18}$/.test(value)) {
    throw new ZnipError('usage', `SOURCE_DATE_EPOCH is '${value}': it must be whole seconds since 1970`);
  }
  return inRange(BigInt(value) * NANOSECONDS_PER_S, 'SOURCE_DATE_EPOCH', value);
}

function inRange(time: bigint, what: string, text: string): bigint {
  if (time > -LIMIT && time < LIMIT) return time;
  throw new ZnipError('usage', `${what} '${text}' is out of range: it must be from 1677-09-21 to 2262-04-11`);
}

function parseSeconds(text: string): bigint | undefined {
  const match = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) return undefined;
  const [, sign, seconds = '0', fraction = ''] = match;
  const time = BigInt(seconds) * NANOSECONDS_PER_S + BigInt(fraction.padEnd(9, '0'));
  return sign === '-' ? -time : time;
}

function parseDate(text: string): bigint | undefined {
  const match =
    /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text);
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', minutes = '00:00', seconds = '00', fraction = '', zone = 'Z'] =
    match;
  const offset = zone.replace(/^([+-]\d\d):?/, '$1:').toUpperCase();
  const date = `${year}-${month}-${day}`;
  // Date would read February 30 as March 1 or 2.
  const midnight = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== date) return undefined;
  const ms = Date.parse(`${date}T${minutes}:${seconds}${offset}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * NANOSECONDS_PER_MS + BigInt(fraction.padEnd(9, '0'));
}
