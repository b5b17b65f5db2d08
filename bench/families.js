/**
 * The programs that znip is measured against, a family each with its settings. bench/peers.js says what the
 * commands are given and what they may count on.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {import('./peers.js').Peer} Peer
 *
 * @typedef {Omit<Peer, 'name' | 'about' | 'pack'> & {
 *   about: (options: string) => string,
 *   pack: (source: string, archive: string, ...options: string[]) => import('./measure.js').Pipeline,
 *   settings?: string[][],
 * }} Family
 */

/**
 * The first setting stands for how fast the family reads: that depends on the level much less than packing does, and
 * reading with every setting would take several times as long.
 *
 * @param {Family} family
 * @returns {Peer[]}
 */
function settingsOf({ family, extension, versions, about, pack, settings = [[]], ...reading }) {
  return settings.map((options, index) => ({
    name: [family, ...options].join(' '),
    family,
    about: about(options.join(' ')),
    extension,
    versions,
    pack: (source, archive) => pack(source, archive, ...options),
    ...(index === 0 ? reading : {}),
  }));
}

/** @type {Family} */
const TAR_ZSTD = {
  family: 'tar+zstd',
  extension: 'tar.zst',
  versions: { tar: ['tar', '--version'], zstd: ['zstd', '--version'] },
  about: (options) => `tar | zstd ${options} -T0`,
  settings: [['-3'], ['-1'], ['-6'], ['-9'], ['-3', '--long=27']],
  pack: (source, archive, ...options) => [
    ['tar', '-c', '-f', '-', source],
    ['zstd', ...options, '-T0', '-q', '-f', '-o', archive],
  ],
  unpack: (archive, target) => [
    ['zstd', '-dc', archive],
    ['tar', '-x', '-f', '-', '-C', target],
  ],
  unpackPipe: (archive, target) => [
    ['cat', archive],
    ['zstd', '-dc'],
    ['tar', '-x', '-f', '-', '-C', target],
  ],
  list: (archive) => [['tar', '--zstd', '-tf', archive]],
  // --occurrence: it stops once it has found the member.
  extract: (archive, member) => [['tar', '--zstd', '-xOf', archive, '--occurrence=1', member]],
};

/**
 * What it packs has no name of its own: the source's contents are at the root.
 *
 * @type {Family}
 */
const SQUASHFS = {
  family: 'squashfs',
  extension: 'squashfs',
  // unsquashfs tells its version with a status other than 0.
  versions: {
    mksquashfs: ['mksquashfs', '-version'],
    unsquashfs: ['sh', '-c', "unsquashfs -version | grep '^unsquashfs version'"],
  },
  about: (options) => `mksquashfs -comp zstd -Xcompression-level ${options.slice(1)}`,
  settings: [['-3'], ['-1'], ['-9'], ['-9', '-b', '1M']],
  pack: (source, archive, level = '', ...options) => {
    const always = ['-comp', 'zstd', '-noappend', '-no-xattrs', '-quiet', '-no-progress'];
    return [['mksquashfs', source, archive, ...always, '-Xcompression-level', level.slice(1), ...options]];
  },
  unpack: (archive, target, source) => [
    ['unsquashfs', '-quiet', '-no-progress', '-no-xattrs', '-d', join(target, source), archive],
  ],
  list: (archive) => [['unsquashfs', '-l', archive]],
  extract: (archive, member) => [['unsquashfs', '-cat', archive, member.slice(member.indexOf('/') + 1)]],
};

/** 7-Zip is `7zz` as its author builds it and `7z` in most distributions. */
const SEVEN_ZIP = ['7zz', '7z'].find((program) => spawnSync(program, ['i']).status === 0) ?? '7zz';

/** @type {Family} */
const SEVEN_ZIPS = {
  family: '7z',
  extension: '7z',
  versions: { [SEVEN_ZIP]: [SEVEN_ZIP, '--help'] },
  about: (level) => `7-Zip ${level}, symlinks stored as such`,
  settings: [['-mx=1'], ['-mx=5']],
  pack: (source, archive, level = '') => [
    [SEVEN_ZIP, 'a', '-bd', '-bso0', level, '-mmt=on', '-snl', archive, source],
  ],
  // -snld: it takes relative links like those of node_modules/.bin for dangerous.
  unpack: (archive, target) => [[SEVEN_ZIP, 'x', '-bd', '-bso0', '-y', '-snld', `-o${target}`, archive]],
  list: (archive) => [[SEVEN_ZIP, 'l', archive]],
  extract: (archive, member) => [[SEVEN_ZIP, 'x', '-so', archive, member]],
};

/** @type {Family} */
const ZIP = {
  family: 'zip',
  extension: 'zip',
  versions: { zip: ['zip', '-v'], unzip: ['unzip', '-v'] },
  about: (level) => `Info-ZIP ${level}, symlinks stored as such`,
  settings: [['-6'], ['-1']],
  pack: (source, archive, level = '') => [['zip', '-q', '-r', '-y', level, archive, source]],
  unpack: (archive, target) => [['unzip', '-q', archive, '-d', target]],
  list: (archive) => [['unzip', '-Z1', archive]],
  extract: (archive, member) => [['unzip', '-p', archive, member]],
};

/** @type {Family} */
const BSDTAR = {
  family: 'bsdtar',
  extension: 'tar.zst',
  versions: { bsdtar: ['bsdtar', '--version'] },
  about: () => 'libarchive with its own zstd, level 3, all cores',
  pack: (source, archive) => {
    const options = 'zstd:compression-level=3,zstd:threads=0';
    return [['bsdtar', '-c', '--zstd', '--options', options, '-f', archive, source]];
  },
  unpack: (archive, target) => [['bsdtar', '-x', '-f', archive, '-C', target]],
  unpackPipe: (archive, target) => [
    ['cat', archive],
    ['bsdtar', '-x', '-f', '-', '-C', target],
  ],
  list: (archive) => [['bsdtar', '-t', '-f', archive]],
  // -q: it stops once it has found the member.
  extract: (archive, member) => [['bsdtar', '-x', '-O', '-q', '-f', archive, member]],
};

/** @type {Family} */
const PIXZ = {
  family: 'pixz',
  extension: 'tar.xz',
  // It tells its version among its help on standard error, with a status other than 0.
  versions: { tar: ['tar', '--version'], pixz: ['sh', '-c', "pixz -h 2>&1 | grep '^pixz [0-9]'"] },
  about: (level) => `tar | pixz ${level}: xz on all cores, with an index`,
  settings: [['-1'], ['-6']],
  pack: (source, archive, level = '') => [
    ['tar', '-c', '-f', '-', source],
    ['pixz', level, '-o', archive],
  ],
  unpack: (archive, target) => [
    ['pixz', '-d', '-i', archive],
    ['tar', '-x', '-f', '-', '-C', target],
  ],
  unpackPipe: (archive, target) => [
    ['cat', archive],
    ['pixz', '-d'],
    ['tar', '-x', '-f', '-', '-C', target],
  ],
  list: (archive) => [['pixz', '-l', archive]],
  extract: (archive, member) => [
    ['pixz', '-x', member, '-i', archive],
    ['tar', '-x', '-O', '-f', '-'],
  ],
};

const NODE_TAR_PROGRAM = [process.execPath, fileURLToPath(new URL('drivers/node-tar.js', import.meta.url))];

/** @type {Family} */
const NODE_TAR = {
  family: 'node-tar',
  extension: 'tar',
  versions: { 'node-tar': [...NODE_TAR_PROGRAM, 'version'] },
  about: () => "npm's tar package, with zstd where Node.js has it, else gzip",
  pack: (source, archive) => [[...NODE_TAR_PROGRAM, 'pack', source, archive]],
  unpack: (archive, target) => [[...NODE_TAR_PROGRAM, 'unpack', archive, target]],
  unpackPipe: (archive, target) => [
    ['cat', archive],
    [...NODE_TAR_PROGRAM, 'unpack', '-', target],
  ],
  list: (archive) => [[...NODE_TAR_PROGRAM, 'list', archive]],
  extract: (archive, member) => [[...NODE_TAR_PROGRAM, 'extract', archive, member]],
};

/** @type {readonly Peer[]} */
export const PEERS = [TAR_ZSTD, SQUASHFS, SEVEN_ZIPS, ZIP, BSDTAR, PIXZ, NODE_TAR].flatMap(settingsOf);
