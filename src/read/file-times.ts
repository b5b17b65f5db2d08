/**
 * Sets modification times to the nanosecond.
 *
 * Node.js takes times as a double of seconds and libuv cuts them to microseconds (libuv/libuv#4946), so
 * whole seconds go through Node.js and everything else through futimens(2), called by koffi. Where koffi
 * does not load, times are exact to the microsecond.
 */
import { createRequire } from 'node:module';
import { futimesSync, lutimesSync } from 'node:fs';
import { toFsPath, type ByteString } from '../format/byte-string.ts';
import { floorSeconds, NANOSECONDS } from '../format/entry.ts';

/** struct timespec[2]: access time, modification time; seconds and nanoseconds of each. */
type Timespecs = BigInt64Array;

interface NativeTimes {
  futimens(fd: number, times: Timespecs): number;
  utimensat(fd: number, path: Buffer, times: Timespecs, flags: number): number;
}

interface Koffi {
  load(library: null): { func(prototype: string): (...args: unknown[]) => number };
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** Leaves a time as it is (Linux, sys/stat.h). */
const UTIME_OMIT = 0x3ffffffen;

let native: NativeTimes | null | undefined;

/** libc through koffi; null where it does not load. Loaded by the first time that needs it. */
function loadNative(): NativeTimes | null {
  // The structure's layout and the constants are those of 64-bit Linux.
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return null;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const libc = koffi.load(null);
    return {
      futimens: libc.func('int futimens(int fd, const void *times)'),
      utimensat: libc.func('int utimensat(int fd, const void *path, const void *times, int flags)'),
    };
  } catch {
    return null;
  }
}

const times: Timespecs = new BigInt64Array(4);
times[1] = UTIME_OMIT;

/** Whether nanoseconds can be set on this machine. */
export function hasNanoseconds(): boolean {
  native ??= loadNative();
  return native !== null;
}

/** Nanoseconds as the double of seconds that Node.js will cut to the right microsecond. */
function toSeconds(nanoseconds: bigint): number {
  const seconds = floorSeconds(nanoseconds);
  const micros = Number((nanoseconds - BigInt(seconds) * NANOSECONDS) / 1000n);
  // Half a microsecond more: a double near a microsecond boundary may lie just below it.
  return micros === 0 ? seconds : seconds + (micros + 0.5) / 1e6;
}

/** Whether Node.js itself can set this time exactly. */
function isWholeSecond(mtime: bigint): boolean {
  return mtime % NANOSECONDS === 0n;
}

function fillTimes(mtime: bigint): void {
  const seconds = BigInt(floorSeconds(mtime));
  times[2] = seconds;
  times[3] = mtime - seconds * NANOSECONDS;
}

/** Sets the modification time of an open file or directory, in nanoseconds since the epoch. */
export function setFileTime(fd: number, mtime: bigint): void {
  if (!isWholeSecond(mtime) && hasNanoseconds()) {
    fillTimes(mtime);
    if (native?.futimens(fd, times) === 0) return;
  }
  const seconds = toSeconds(mtime);
  futimesSync(fd, seconds, seconds);
}

/** Sets the modification time of a symlink itself. */
export function setLinkTime(path: ByteString, mtime: bigint): void {
  if (!isWholeSecond(mtime) && hasNanoseconds()) {
    fillTimes(mtime);
    const name = Buffer.from(`${path}\0`, 'latin1');
    if (native?.utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW) === 0) return;
  }
  const seconds = toSeconds(mtime);
  lutimesSync(toFsPath(path), seconds, seconds);
}
