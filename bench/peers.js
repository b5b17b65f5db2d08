/**
 * The programs that are compared, one row each. znip is the first; the others are what it is measured
 * against.
 *
 * Every command is a pipeline of programs (bench/measure.js). `pack` runs in the directory that holds
 * the source, which is given by its name there; all other paths are absolute. `unpack` finds an empty
 * target, and `pack` no archive.
 */

/**
 * @typedef {import('./measure.js').Pipeline} Pipeline
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} about how it is used here, for --help
 * @property {string} extension of its archives
 * @property {string[][]} versions a command for each program that it needs, printing its version
 * @property {(source: string, archive: string) => Pipeline} pack
 * @property {(archive: string, target: string) => Pipeline} unpack
 * @property {(archive: string) => Pipeline} list
 */

/**
 * @param {string} script bin/znip.js of the build to measure
 * @returns {Peer}
 */
export function znipPeer(script) {
  const znip = [process.execPath, script];
  return {
    name: 'znip',
    about: 'this program, as it comes',
    extension: 'znip',
    versions: [[...znip, '--version']],
    pack: (source, archive) => [[...znip, 'pack', source, '-o', archive]],
    unpack: (archive, target) => [[...znip, 'unpack', archive, '-C', target]],
    list: (archive) => [[...znip, 'ls', archive]],
  };
}

/** @type {readonly Peer[]} */
export const PEERS = [
  {
    name: 'tar+zstd',
    about: 'GNU tar through zstd -3 -T0: the same level, all cores',
    extension: 'tar.zst',
    versions: [
      ['tar', '--version'],
      ['zstd', '--version'],
    ],
    pack: (source, archive) => [
      ['tar', '-c', '-f', '-', source],
      ['zstd', '-3', '-T0', '-q', '-f', '-o', archive],
    ],
    unpack: (archive, target) => [
      ['zstd', '-dc', archive],
      ['tar', '-x', '-f', '-', '-C', target],
    ],
    list: (archive) => [['tar', '--zstd', '-tf', archive]],
  },
  {
    name: 'bsdtar',
    about: 'libarchive with its own zstd, level 3, all cores',
    extension: 'tar.zst',
    versions: [['bsdtar', '--version']],
    pack: (source, archive) => [
      [
        'bsdtar',
        '-c',
        '--zstd',
        '--options',
        'zstd:compression-level=3,zstd:threads=0',
        '-f',
        archive,
        source,
      ],
    ],
    unpack: (archive, target) => [['bsdtar', '-x', '-f', archive, '-C', target]],
    list: (archive) => [['bsdtar', '-t', '-f', archive]],
  },
  {
    name: 'zip',
    about: 'Info-ZIP, symlinks stored as such',
    extension: 'zip',
    versions: [
      ['zip', '-v'],
      ['unzip', '-v'],
    ],
    pack: (source, archive) => [['zip', '-q', '-r', '-y', archive, source]],
    unpack: (archive, target) => [['unzip', '-q', archive, '-d', target]],
    list: (archive) => [['unzip', '-Z1', archive]],
  },
];
