/**
 * Sets modification times to the nanosecond.
 *
 * Node.js takes times as a double of seconds and libuv cuts them to microseconds (libuv/libuv#4946), so
 * whole seconds go through Node.js and everything else through futimens(3). Where libc cannot be called,
 * times are exact to the microsecond.
 */
import { futimesSync, lutimesSync, utimesSync } from 'node:fs';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';
import { floorSeconds, NANOSECONDS } from '../format/values/entry.ts';
import { nameOfOpen } from './held-directories.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, libc, pathArgument } from './libc.ts';

/** Leaves a time as it is (Linux, sys/stat.h). */
const UTIME_OMIT = 0x3ffffffen;

const times = new BigInt64Array(4);
times[1] = UTIME_OMIT;

/** Whether nanoseconds can be set on this machine. */
export function hasNanoseconds(): boolean {
  return libc() !== null;
}

/**
 * Nanoseconds as Node.js takes a time: a double of seconds, which it will cut to the right microsecond. A negative
 * one means now to Node.js, so times before 1970 are a Date, which has milliseconds.
 */
function toNodeTime(nanoseconds: bigint): number | Date {
  const seconds = floorSeconds(nanoseconds);
  const micros = Number((nanoseconds - BigInt(seconds) * NANOSECONDS) / 1000n);
  if (seconds < 0) return new Date(seconds * 1000 + Math.floor(micros / 1000));
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
 * Sets the modification time of what a descriptor stands for that is open for nothing else (O_PATH), a symlink too.
 * Linux. Throws Node.js's error.
 */
export function setHeldTime(fd: number, mtime: bigint): void {
  const name = nameOfOpen(fd);
  if (!isWholeSecond(mtime)) {
    fillTimes(mtime);
    // Without AT_SYMLINK_NOFOLLOW: it is this name that has to be followed, and it leads to the file itself.
    if (libc()?.utimensat(AT_FDCWD, name, times, 0) === 0) return;
  }
  const time = toNodeTime(mtime);
  utimesSync(name, time, time);
}

/** Sets the modification time of the file of this name itself, also when it is a symlink. Throws Node.js's error. */
export function setLinkTime(path: ByteString, mtime: bigint): void {
  if (!isWholeSecond(mtime)) {
    fillTimes(mtime);
    if (libc()?.utimensat(AT_FDCWD, pathArgument(path), times, AT_SYMLINK_NOFOLLOW) === 0) return;
  }
  const time = toNodeTime(mtime);
  lutimesSync(toFsPath(path), time, time);
}
