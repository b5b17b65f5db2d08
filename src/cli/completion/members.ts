/**
 * `znip __members`: what a shell offers after `a.znip `. It prints one level of the members' names, with a NUL after
 * each and a slash after directories. It prints no errors: they would appear in the middle of the user's command line.
 */
import { statSync } from 'node:fs';
import { openArchive } from '../../archive/archive.ts';
import { type ByteString, fromText, toBytes } from '../../format/values/byte-string.ts';
import { KIND } from '../../format/values/entry.ts';
import { EXIT } from '../process/exit-status.ts';
import type { Context } from '../ui/context.ts';

export async function runMembers({ streams, outcome }: Context, path: string, prefix: string): Promise<void> {
  const names = await nextNames(path, fromText(prefix)).catch(() => undefined);
  if (names === undefined) outcome.atLeast(EXIT.failed);
  else streams.write(toBytes([...names].map((name) => `${name}\0`).join('')));
}

async function nextNames(path: string, prefix: ByteString): Promise<Set<ByteString>> {
  const names = new Set<ByteString>();
  // Only a regular file: anything else could make the terminal wait.
  if (!statSync(path).isFile()) return names;
  const archive = await openArchive(path);
  try {
    for (const { batch, row } of await archive.entries()) {
      const name = batch.path(row);
      if (!name.startsWith(prefix)) continue;
      const slash = name.indexOf('/', prefix.length);
      if (slash >= 0) names.add(name.slice(0, slash + 1));
      else names.add(batch.kinds[row] === KIND.directory ? `${name}/` : name);
    }
  } finally {
    archive.close();
  }
  return names;
}
