/**
 * Sets modification times to the nanosecond.
 *
 * Node.js takes times as a double of seconds and libuv cuts them to microseconds (libuv/libuv#4946), so
 * whole seconds go through Node.js and everything else through futimens(3). Where libc cannot be called,
 * times are exact to the microsecond.
 */
import { futimesSync, lutimesSync } from 'node:fs';
import { toFsPath, type ByteString } from '../format/byte-string.ts';
import { floorSeconds, NANOSECONDS } from '../format/entry.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, libc, pathArgument } from './libc.ts';

/** Leaves a time as it is (Linux, sys/stat.h). */
const UTIME_OMIT = 0x3ffffffen;

const times = new BigInt64Array(4);
times[1] = UTIME_OMIT;

/** Whether nanoseconds can be set on this machine. */
export function hasNanoseconds(): boolean {
  return libc() !== null;
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
  if (!isWholeSecond(mtime)) {
    fillTimes(mtime);
    if (libc()?.futimens(fd, times) === 0) return;
  }
  const seconds = toSeconds(mtime);
  futimesSync(fd, seconds, seconds);
}

/**
 * Sets the modification time of what has this name in an open directory, a symlink's own, too. Returns whether it
 * could; `setLinkTime` can otherwise, or says why not.
 */
export function setTimeAt(directory: number, name: ByteString, mtime: bigint): boolean {
  const system = libc();
  if (system === null) return false;
  fillTimes(mtime);
  return system.utimensat(directory, pathArgument(name), times, AT_SYMLINK_NOFOLLOW) === 0;
}

/** Sets the modification time of the file of this name itself, also when it is a symlink. */
export function setLinkTime(path: ByteString, mtime: bigint): void {
  if (!isWholeSecond(mtime) && setTimeAt(AT_FDCWD, path, mtime)) return;
  const seconds = toSeconds(mtime);
  lutimesSync(toFsPath(path), seconds, seconds);
}
