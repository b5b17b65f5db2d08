import { openSync } from 'node:fs';
import { pack } from '../pack/pack.ts';
import { openArchive } from '../read/archive.ts';
import { unpack } from '../read/unpack.ts';
void openSync;
const [cmd, a, b, j] = process.argv.slice(2);
const threads = j === undefined ? {} : { threads: Number(j) };
if (cmd === 'pack') {
  console.log(await pack([a as string], { output: b as string, ...threads, onWarning: (w) => console.error(w) }));
} else if (cmd === 'unpack') {
  const ar = await openArchive(a as string);
  console.log(await unpack(ar, { directory: b as string, ...threads }));
  ar.close();
} else {
  const ar = await openArchive(a as string);
  const out: string[] = [];
  for (const r of await ar.entries()) out.push(r.batch.path(r.row));
  console.log(out.length, ar.groups());
}
