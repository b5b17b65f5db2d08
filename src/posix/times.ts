/**
 * Sets modification times to the nanosecond.
 *
 * Node.js takes times as a double of seconds, and libuv cuts them to microseconds (libuv/libuv#4946). So the native core
 * sets them. Without it, times are exact to the microsecond.
 */
import { futimesSync, lutimesSync, utimesSync } from 'node:fs';
import { AT_FDCWD, core } from '../core/core.ts';
import { toFsPath, type ByteString } from '../format/values/byte-string.ts';
import { floorSeconds, NANOSECONDS } from '../format/values/entry.ts';
import { nameOfOpen } from './held-directories.ts';

/** Whether nanoseconds can be set on this machine. */
export function hasNanoseconds(): boolean {
  return core() !== undefined;
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

/** Sets the modification time of an open file or directory, in nanoseconds since the epoch. Throws Node.js's error. */
export function setFileTime(fd: number, mtime: bigint): void {
  if (core()?.setTime(fd, mtime) === 0) return;
  const time = toNodeTime(mtime);
  futimesSync(fd, time, time);
}

/**
 * Sets the modification time of the file behind a descriptor that is open for nothing else (O_PATH), even a symlink.
 * Linux. Throws Node.js's error.
 */
export function setHeldTime(fd: number, mtime: bigint): void {
  const name = nameOfOpen(fd);
  // This name must be followed, and it leads to the file itself.
  if (core()?.setTimeAt(AT_FDCWD, name, mtime, true) === 0) return;
  const time = toNodeTime(mtime);
  utimesSync(name, time, time);
}

/** Sets the modification time of the file with this name itself, even if it is a symlink. Throws Node.js's error. */
export function setLinkTime(path: ByteString, mtime: bigint): void {
  if (core()?.setTimeAt(AT_FDCWD, path, mtime, false) === 0) return;
  const time = toNodeTime(mtime);
  lutimesSync(toFsPath(path), time, time);
}

/** Units to which file systems and tools cut times, in nanoseconds: micro- and milliseconds, seconds. */
const COARSE_TIMES = [1000n, 1_000_000n, 1_000_000_000n];

/** Whether the time on disk is the recorded one, or that one cut to a coarser unit. */
export function isSameTime(recorded: bigint, onDisk: bigint): boolean {
  if (recorded === onDisk) return true;
  // Some cut times before 1970 downwards, others towards 1970.
  const cut = recorded < 0n && onDisk > recorded ? onDisk - recorded : recorded - onDisk;
  return COARSE_TIMES.some((unit) => onDisk % unit === 0n && cut >= 0n && cut < unit);
}
