/**
 * The name of an archive until it is complete: `.NAME.znip-MACHINE-PID-RANDOM-NUMBER.tmp`, beside its final name.
 *
 * A killed pack leaves such a file. No pack ever packs it, because no other files have names of this form. The next
 * pack to the same name removes it, if the process in the name is known to be gone.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { codec } from '../codec/codec.ts';
import { errnoOf } from '../errors.ts';
import { type ByteString, fromText, toFsPath } from '../format/values/byte-string.ts';
import { uniquePart } from '../posix/unique-name.ts';

/** A temporary name is at most this long, unless the final name is longer. */
const SHORT_NAME = 80;

const SHAPE = /^\.(.+)\.znip-([0-9a-f]{8})-([0-9a-z]+)-[0-9a-z]{1,6}-\d+\.tmp$/s;

/** Whether this name can only be that of an incomplete archive. */
export function isTemporaryName(name: ByteString): boolean {
  return name.endsWith('.tmp') && SHAPE.test(name);
}

/** A hidden name beside the final one. It fits wherever the final name fits: NAME_MAX counts bytes. */
export function temporaryName(name: string): string {
  return named(name, `znip-${machine()}-${uniquePart()}`);
}

function named(name: string, unique: string): string {
  const bytes = Buffer.from(name);
  const room = Math.max(SHORT_NAME, bytes.byteLength) - `...tmp${unique}`.length;
  let kept = Math.min(bytes.byteLength, room);
  // Does not cut within a character of UTF-8: a byte of the form 10xxxxxx is never the first of one.
  while (kept < bytes.byteLength && ((bytes[kept] ?? 0) & 0xc0) === 0x80) kept--;
  return `.${bytes.toString('utf8', 0, kept)}.${unique}.tmp`;
}

let known: string | undefined;

/**
 * Identifies where process numbers are valid: this machine, and this container on it. On a shared file system, files of
 * processes elsewhere are not touched.
 */
function machine(): string {
  if (known !== undefined) return known;
  const parts = [
    hostname(),
    textOf(() => readFileSync('/etc/machine-id', 'latin1')),
    textOf(() => readlinkSync('/proc/self/ns/pid')),
  ];
  // BLAKE3 is there already; node:crypto takes as long to load as a small archive to write.
  known = Buffer.from(codec().hash(Buffer.from(parts.join('\0')))).toString('hex', 0, 4);
  return known;
}

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** Removes the files that killed packs to the same name left in `directory`. Files that cannot be removed stay. */
export function removeLeftovers(directory: string, name: string): void {
  let names: ByteString[];
  try {
    names = readdirSync(directory, { encoding: 'latin1' });
  } catch {
    return;
  }
  for (const found of names) {
    if (!isTemporaryName(found)) continue;
    const [, , where, pid] = SHAPE.exec(found) ?? [];
    const unique = found.slice(found.lastIndexOf('.znip-') + 1, -'.tmp'.length);
    if (where !== machine() || found !== fromText(named(name, unique))) continue;
    const path = toFsPath(`${fromText(join(directory, '/'))}${found}`);
    try {
      const stats = lstatSync(path);
      if (stats.isFile() && isGone(Number.parseInt(pid ?? '', 36), stats.mtimeMs)) unlinkSync(path);
    } catch {
      // Somebody else removed it, or we may not remove it.
    }
  }
}

/** Whether the process that last wrote at this time is gone. Signal 0 only asks (POSIX, kill). */
function isGone(pid: number, writtenMs: number): boolean {
  // This process, or an earlier one with the same number.
  if (pid === process.pid) return writtenMs < Date.now() - process.uptime() * 1000;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errnoOf(error) === 'ESRCH';
  }
}
