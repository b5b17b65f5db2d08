/**
 * What takes part in a comparison, and znip's own settings; bench/families.js has what it is measured against.
 *
 * Every command is a pipeline of programs (bench/measure.js). `pack` runs in the directory that holds
 * the source, which is given by its name there; all other paths are absolute. `unpack` finds an empty
 * target, and `pack` no archive. Members are named as tar names them, from the source's name on.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** This project's own build. */
export const ZNIP = fileURLToPath(new URL('../bin/znip.cjs', import.meta.url));

/**
 * @typedef {import('./measure.js').Pipeline} Pipeline
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} family what it has in common with its other settings
 * @property {string} about how it is used here
 * @property {string} extension of its archives
 * @property {Record<string, string[]>} versions for each program that it needs, a command that prints its version
 * @property {(source: string, archive: string) => Pipeline} pack
 * @property {(archive: string, target: string, source: string) => Pipeline} [unpack]
 * @property {(archive: string, target: string) => Pipeline} [unpackPipe] of an archive that arrives on a pipe
 * @property {(archive: string) => Pipeline} [list]
 * @property {(archive: string, member: string) => Pipeline} [extract] to standard output
 * @property {(archive: string, member: string, start: number, length: number) => Pipeline} [range]
 */

/**
 * @param {string} script bin/znip.cjs of the build to measure
 * @returns {Required<Peer>} with its default settings; throws when that is not built
 */
export function znipPeer(script) {
  if (!existsSync(new URL('../dist/cli.cjs', pathToFileURL(script)))) {
    throw new Error(`${script} is not built: run npm run build first`);
  }
  const znip = [process.execPath, script];
  return {
    name: 'znip',
    family: 'znip',
    about: 'this program, as it comes',
    extension: 'znip',
    versions: { znip: [...znip, '--version'] },
    pack: (source, archive) => [[...znip, 'pack', source, '-o', archive]],
    unpack: (archive, target) => [[...znip, 'unpack', archive, '-C', target]],
    unpackPipe: (archive, target) => [
      ['cat', archive],
      [...znip, 'unpack', '-', '-C', target],
    ],
    list: (archive) => [[...znip, 'ls', archive]],
    extract: (archive, member) => [[...znip, 'cat', archive, member]],
    range: (archive, member, start, length) => [
      [...znip, 'cat', archive, member, '--range', `${start}-${start + length - 1}`],
    ],
  };
}

/** Options of `znip pack` that are always measured, from fast to small. */
const ZNIP_SETTINGS = [
  ['-1'],
  ['-2'],
  ['-4', '--chunk-size', '32M'],
  ['-6', '--chunk-size', '32M'],
  ['-9', '--chunk-size', '64M'],
  ['--long'],
  ['-6', '--long'],
];

/**
 * @param {string} script
 * @param {readonly string[][]} more options of `znip pack`, besides those that are always measured
 * @returns {Peer[]} only packing: reading is the default's
 */
export function znipSettings(script, more) {
  return [...ZNIP_SETTINGS, ...more].map((options) => ({
    name: `znip ${options.join(' ')}`,
    family: 'znip',
    about: `pack ${options.join(' ')}`,
    extension: 'znip',
    versions: {},
    pack: (source, archive) => [[process.execPath, script, 'pack', ...options, source, '-o', archive]],
  }));
}
