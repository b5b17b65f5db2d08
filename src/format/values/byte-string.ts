/**
 * Names as byte strings.
 *
 * POSIX names are bytes, not text. Inside znip, a name is a string with one character per byte (latin1). So it compares
 * in byte order, costs one byte per character, and stays unchanged if it is not valid UTF-8. It becomes text only where
 * a person or an Arrow column reads it.
 */

/** A name with one character (U+0000 to U+00FF) for each of its bytes. */
export type ByteString = string;

const NON_ASCII = /[^\x00-\x7f]/;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function isAscii(name: ByteString): boolean {
  return !NON_ASCII.test(name);
}

/** The bytes of a name that was given as text: in argv, or by callers of the library. */
export function fromText(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

export function toBytes(name: ByteString): Buffer {
  return Buffer.from(name, 'latin1');
}

/** The name as text. Bytes that are not UTF-8 become U+FFFD. Only for display, never for use as a name. */
export function toText(name: ByteString): string {
  return isAscii(name) ? name : toBytes(name).toString('utf8');
}

export function isUtf8(name: ByteString): boolean {
  if (isAscii(name)) return true;
  try {
    strictUtf8.decode(toBytes(name));
    return true;
  } catch {
    return false;
  }
}

/** The form of this name for Node's fs: the string itself, or its bytes if it is not ASCII. */
export function toFsPath(name: ByteString): string | Buffer {
  return isAscii(name) ? name : toBytes(name);
}

/** Byte order, as in memcmp and in sort with LC_ALL=C. */
export function compareBytes(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
