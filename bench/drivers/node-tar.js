/**
 * node-tar as a program, for the benchmark: `node-tar.js pack SOURCE ARCHIVE`, `unpack ARCHIVE|- TARGET`,
 * `list ARCHIVE`, `extract ARCHIVE MEMBER` to standard output, and `version`.
 */
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import * as zlib from 'node:zlib';
import { create, extract, list } from 'tar';

/** @param {import('tar').ReadEntry} entry */
function printName(entry) {
  process.stdout.write(`${entry.path}\n`);
  entry.resume();
}

const [command, ...operands] = process.argv.slice(2);
const [first = '', second = ''] = operands;

switch (command) {
  case 'version': {
    const manifest = new URL('../../package.json', import.meta.resolve('tar'));
    console.log(JSON.parse(readFileSync(fileURLToPath(manifest), 'utf8')).version);
    break;
  }
  case 'pack': {
    const compression = 'createZstdCompress' in zlib ? { zstd: true } : { gzip: true };
    await create.asyncFile({ file: second, ...compression }, [first]);
    break;
  }
  case 'unpack':
    if (first === '-') await pipeline(process.stdin, extract({ cwd: second }));
    else await extract.asyncFile({ file: first, cwd: second }, []);
    break;
  case 'list':
    await list.asyncFile({ file: first, onReadEntry: printName }, []);
    break;
  case 'extract':
    // It has no way to stop at the member that it was asked for.
    await list.asyncFile(
      { file: first, filter: (path) => path === second, onReadEntry: (entry) => entry.pipe(process.stdout) },
      [],
    );
    break;
  default:
    throw new Error(`${command}: no such command`);
}
