/**
 * Sets modification times to the nanosecond.
 *
 * Node.js takes times as a double of seconds, and libuv cuts them to microseconds (libuv/libuv#4946). So whole seconds
 * go through Node.js and everything else through futimens(3). If libc cannot be called, times are exact to the
 * microsecond.
 */
import { futimesSync, lutimesSync, utimesSync } from 'node:fs';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';
import { floorSeconds, NANOSECONDS } from '../format/values/entry.ts';
import { nameOfOpen } from './held-directories.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, libc, pathArgument } from './libc.ts';

/** Leaves a time unchanged (Linux, sys/stat.h). */
const UTIME_OMIT = 0x3ffffffen;

const times = new BigInt64Array(4);
times[1] = UTIME_OMIT;

/** Whether nanoseconds can be set on this machine. */
export function hasNanoseconds(): boolean {
  return libc() !== null;
}

/**
 * Nanoseconds in the form that Node.js takes: a double of seconds, which it cuts to the right microsecond. For Node.js,
 * a negative number means "now". So times before 1970 are a Date, which has milliseconds.
 */
function toNodeTime(nanoseconds: bigint): number | Date {
  const seconds = floorSeconds(nanoseconds);
  const micros = Number((nanoseconds - BigInt(seconds) * NANOSECONDS) / 1000n);
  if (seconds < 0) return new Date(seconds * 1000 + Math.floor(micros / 1000));
  // Half a microsecond more, because a double near a microsecond boundary may lie just below it.
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

/** Sets the modification time of an open file or directory, in nanoseconds since the epoch. Throws Node.js's error. */
export function setFileTime(fd: number, mtime: bigint): void {
  if (!isWholeSecond(mtime)) {
    fillTimes(mtime);
    if (libc()?.futimens(fd, times) === 0) return;
  }
  const time = toNodeTime(mtime);
  futimesSync(fd, time, time);
}

/**
 * Sets the modification time of the file behind a descriptor that is open for nothing else (O_PATH), even a symlink.
 * Linux. Throws Node.js's error.
 */
export function setHeldTime(fd: number, mtime: bigint): void {
  const name = nameOfOpen(fd);
  if (!isWholeSecond(mtime)) {
    fillTimes(mtime);
    // Without AT_SYMLINK_NOFOLLOW: this name must be followed, and it leads to the file itself.
    if (libc()?.utimensat(AT_FDCWD, name, times, 0) === 0) return;
  }
  const time = toNodeTime(mtime);
  utimesSync(name, time, time);
}

/** Sets the modification time of the file with this name itself, even if it is a symlink. Throws Node.js's error. */
export function setLinkTime(path: ByteString, mtime: bigint): void {
  if (!isWholeSecond(mtime)) {
    fillTimes(mtime);
    if (libc()?.utimensat(AT_FDCWD, pathArgument(path), times, AT_SYMLINK_NOFOLLOW) === 0) return;
  }
  const time = toNodeTime(mtime);
  lutimesSync(toFsPath(path), time, time);
}
