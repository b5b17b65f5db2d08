/**
 * Unpacks hostile archives through the library, each by its index and as a stream, with one thread and with
 * three, and once with everything that an update may replace and remove, and tells what became of each: a JSON list on standard output. A program of its own, so that it can
 * run as another user. Usage: node attempts.js CASES.json DIRECTORY
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openArchive, unpack, unpackStream } from '../../dist/internal.js';

const [, , casesFile, directory] = process.argv;

/** What can stand in a place before an archive is unpacked there; names are relative to the target. */
const PREPARE = {
  file: (path, text) => writeFileSync(path, text),
  directory: (path, mode) => {
    mkdirSync(path);
    chmodSync(path, mode ?? 0o755);
  },
  symlink: (path, target) => symlinkSync(target, path),
  link: (path, target) => linkSync(target, path),
  fifo: (path) => spawnSync('mkfifo', [path]),
};

/** Everything below a directory: kind, permissions, and content or link target. */
function describe(root, base = '', found = {}) {
  for (const name of readdirSync(join(root, base))) {
    const path = base === '' ? name : `${base}/${name}`;
    const stats = lstatSync(join(root, path));
    const mode = (stats.mode & 0o7777).toString(8);
    if (stats.isDirectory()) {
      found[path] = `directory ${mode}`;
      if (stats.mode & 0o400 || process.getuid() === 0) describe(root, path, found);
    } else if (stats.isSymbolicLink()) found[path] = `symlink ${readlinkSync(join(root, path))}`;
    else if (stats.isFile()) {
      const text = stats.size > 1000 ? `${stats.size} bytes` : readFileSync(join(root, path), 'latin1');
      found[path] = `file ${mode} ${stats.mtimeMs < 1e12 ? 'old' : 'new'} ${text}`;
    } else found[path] = stats.isFIFO() ? 'fifo' : 'other';
  }
  return found;
}

function clear(path) {
  spawnSync('chmod', ['-R', 'u+rwx', path]);
  rmSync(path, { recursive: true, force: true });
}

const results = [];
for (const { name, archive, prepare = [], options = {} } of JSON.parse(readFileSync(casesFile, 'utf8'))) {
  for (const way of ['index', 'stream', 'changed']) {
    for (const threads of way === 'changed' ? [1] : [1, 3]) {
      const place = join(directory, 'place');
      const target = join(place, 'target');
      mkdirSync(target, { recursive: true });
      // What nobody may reach from the target.
      mkdirSync(join(place, 'elsewhere'), { mode: 0o700 });
      writeFileSync(join(place, 'elsewhere/victim'), 'untouched', { mode: 0o600 });
      for (const [what, path, argument] of prepare) {
        const where = what === 'link' ? join(target, argument) : argument;
        PREPARE[what](join(target, path), where);
      }
      const before = describe(place);
      const result = { name, way, threads, user: process.getuid(), code: 'done', message: '', refused: [] };
      const onLost = (path, reason) => result.refused.push(`${path}: ${reason}`);
      try {
        const settings = { ...options, directory: target, threads };
        if (way !== 'stream') {
          const opened = await openArchive(archive);
          // Whatever a case asks for: everything that differs is replaced, and what is in the way is removed.
          const update = { directory: target, threads, changed: true, delete: true };
          try {
            await unpack(opened, { ...(way === 'changed' ? update : settings), onLost });
          } finally {
            opened.close();
          }
        } else {
          const fd = openSync(archive, 'r');
          try {
            await unpackStream(fd, { ...settings, onLost });
          } finally {
            closeSync(fd);
          }
        }
      } catch (error) {
        result.code = error.code ?? 'no ZnipError';
        result.message = error.message;
      }
      const after = describe(place);
      result.target = {};
      result.outside = [];
      for (const path of new Set([...Object.keys(before), ...Object.keys(after)])) {
        if (path.startsWith('target/')) {
          if (after[path] !== undefined) result.target[path.slice(7)] = after[path];
        } else if (path !== 'target' && before[path] !== after[path]) {
          result.outside.push(`${path}: ${before[path]} -> ${after[path]}`);
        }
      }
      result.unchanged = Object.keys(after).every(
        (path) => path === 'target' || after[path] === before[path],
      );
      results.push(result);
      clear(place);
    }
  }
}
process.stdout.write(JSON.stringify(results));
