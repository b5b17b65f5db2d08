// Finds files in many archives by name, glob or package type, reading no more of them than their indexes.
//
//     node examples/find.js PATTERN ARCHIVE...            node examples/find.js --type npm ARCHIVE...
import { parseArgs } from 'node:util';
import { open } from 'znip';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { type: { type: 'string' } } });
const archives = values.type === undefined ? positionals.slice(1) : positionals;
const selection =
  values.type === undefined ? { patterns: positionals.slice(0, 1) } : { packageTypes: [values.type] };

let found = 0;
// One cannot be read: the others still can.
for (const path of archives) {
  try {
    const archive = await open(path);
    try {
      for await (const entry of archive.entries(selection)) {
        found += 1;
        console.log(
          [path, entry.path, entry.size, entry.mtime.toISOString(), entry.checksum ?? entry.kind].join('\t'),
        );
      }
    } finally {
      await archive.close();
    }
  } catch (error) {
    console.error(`${path}: ${error.message}`);
    process.exitCode = 2;
  }
}
if (found === 0) process.exitCode ??= 1;
