/**
 * Names for temporary files. They need not be secret, because O_EXCL opens only new files.
 */

let number = 0;

/** A part of a name that no other call gives, in this process or in another at the same time. */
export function uniquePart(): string {
  return `${process.pid.toString(36)}-${Math.random().toString(36).slice(2, 8)}-${number++}`;
}
