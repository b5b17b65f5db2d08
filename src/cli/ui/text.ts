/**
 * Numbers, sizes, times and names in a form for people.
 */
import { isUtf8 } from 'node:buffer';
import { type ByteString, toBytes } from '../../format/values/byte-string.ts';
import { floorSeconds } from '../../format/values/entry.ts';

/** The bytes of a name, if its text does not show them. */
export function base64Of(name: ByteString): string {
  return toBytes(name).toString('base64');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** A size in bytes with a binary unit and three significant digits: `751 MiB`, `1.46 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Digits in groups of three: `83,304`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** A count and its noun: `1 member`, `83,304 members`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** A duration: `0.84 s`, `12.3 s`, `4 min 5 s`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export function formatPercent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;
}

const KIND_LETTERS: Record<string, string> = { file: '-', directory: 'd', symlink: 'l', hardlink: 'h' };

/** Kind and permissions as ls and tar show them: `drwxr-xr-x`. */
export function formatMode(kind: string, mode: number): string {
  let text = KIND_LETTERS[kind] ?? '?';
  for (let shift = 6; shift >= 0; shift -= 3) {
    const bits = (mode >> shift) & 7;
    const special = (mode >> (9 + shift / 3)) & 1;
    const execute = (bits & 1) === 1;
    const letter = shift === 0 ? 't' : 's';
    text += (bits & 4) === 0 ? '-' : 'r';
    text += (bits & 2) === 0 ? '-' : 'w';
    text += special === 1 ? (execute ? letter : letter.toUpperCase()) : execute ? 'x' : '-';
  }
  return text;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Local time to the minute, as tar shows it: `2026-11-21 01:03`. */
export function formatTime(nanoseconds: bigint): string {
  const date = new Date(floorSeconds(nanoseconds) * 1000);
  if (Number.isNaN(date.getTime())) return '????-??-?? ??:??';
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Control characters, and those that reorder text. */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

const NAMED_ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A name that cannot move the cursor, ring the bell or begin a line: control characters, and characters that reorder
 * text, become escapes. For terminals and messages, never for data.
 */
export function printable(name: string): string {
  return name.replace(UNPRINTABLE, (character) => {
    const named = NAMED_ESCAPES[character];
    if (named !== undefined) return named;
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/**
 * The most characters of a name in a message. A name may have 4,095 bytes, and readers must still find what follows.
 */
const LONGEST_NAME = 200;
const HEAD = 120;
const TAIL = 60;

/** A name for a message: printable, and without its middle if it is long. */
export function shortName(name: string): string {
  return shorten(printable(name));
}

/** A message with names in it: printable, and each name without its middle if it is long. */
export function readable(message: string): string {
  const text = printable(message);
  if (text.length <= LONGEST_NAME) return text;
  return (
    text
      .replace(/'([^']+)'/g, (_, name: string) => `'${shorten(name)}'`)
      // For a name with a quote in it, or without quotes around it.
      .replace(/\S{401,}/g, shorten)
  );
}

function shorten(text: string): string {
  if (text.length <= LONGEST_NAME) return text;
  const characters = Array.from(text);
  return `${characters.slice(0, HEAD).join('')}…${characters.slice(-TAIL).join('')}`;
}

/** The bytes in base64, if text cannot show them; undefined if they are UTF-8. */
export function base64Bytes(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? undefined : Buffer.from(bytes).toString('base64');
}

/**
 * A value as one line of JSON. Characters that could control a terminal or reorder text are escaped, and any JSON
 * reader turns them back. JSON.stringify itself escapes only characters below U+0020.
 */
export function jsonLine(value: unknown): string {
  const escaped = JSON.stringify(value).replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${escaped}\n`;
}
