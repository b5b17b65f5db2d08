/**
 * The programs that znip is measured against, one row for each setting of each family. bench/peers.js says what the
 * commands are given and what they may count on.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {import('./peers.js').Peer} Peer
 *
 * @typedef {Omit<Peer, 'name' | 'label' | 'about' | 'pack'>} Family
 *
 * @typedef {object} Setting
 * @property {string} label
 * @property {string} about
 * @property {Peer['pack']} pack
 */

/**
 * The first setting stands for how fast the family reads: that depends on the level much less than packing does, and
 * reading with every setting would take several times as long.
 *
 * @param {Family} family
 * @param {readonly Setting[]} settings
 * @returns {Peer[]}
 */
function settingsOf({ family, extension, versions, ...reading }, settings) {
  return settings.map(({ label, about, pack }, index) => ({
    name: label === '' ? family : `${family} ${label}`,
    family,
    label,
    about,
    extension,
    versions,
    pack,
    ...(index === 0 ? reading : {}),
  }));
}

/**
 * @param {string[]} options of zstd
 * @returns {Setting}
 */
function tarZstd(...options) {
  return {
    label: options.join(' '),
    about: `tar | zstd ${options.join(' ')} -T0`,
    pack: (source, archive) => [
      ['tar', '-c', '-f', '-', source],
      ['zstd', ...options, '-T0', '-q', '-f', '-o', archive],
    ],
  };
}

const TAR_ZSTD = settingsOf(
  {
    family: 'tar+zstd',
    extension: 'tar.zst',
    versions: { tar: ['tar', '--version'], zstd: ['zstd', '--version'] },
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
  },
  [tarZstd('-3'), tarZstd('-1'), tarZstd('-6'), tarZstd('-9'), tarZstd('-3', '--long=27')],
);

/**
 * @param {string} label
 * @param {string[]} options of mksquashfs, the level first
 * @returns {Setting}
 */
function squashfs(label, ...options) {
  const always = ['-comp', 'zstd', '-noappend', '-no-xattrs', '-quiet', '-no-progress'];
  return {
    label,
    about: `mksquashfs -comp zstd -Xcompression-level ${options.join(' ')}`,
    pack: (source, archive) => [
      ['mksquashfs', source, archive, ...always, '-Xcompression-level', ...options],
    ],
  };
}

// What it packs has no name of its own: the source's contents are at the root.
const SQUASHFS = settingsOf(
  {
    family: 'squashfs',
    extension: 'squashfs',
    // unsquashfs tells its version with a status other than 0.
    versions: {
      mksquashfs: ['mksquashfs', '-version'],
      unsquashfs: ['sh', '-c', "unsquashfs -version | grep '^unsquashfs version'"],
    },
    unpack: (archive, target, source) => [
      ['unsquashfs', '-quiet', '-no-progress', '-no-xattrs', '-d', join(target, source), archive],
    ],
    list: (archive) => [['unsquashfs', '-l', archive]],
    extract: (archive, member) => [['unsquashfs', '-cat', archive, member.slice(member.indexOf('/') + 1)]],
  },
  [squashfs('-3', '3'), squashfs('-1', '1'), squashfs('-9', '9'), squashfs('-9 -b 1M', '9', '-b', '1M')],
);

/** 7-Zip is `7zz` as its author builds it and `7z` in most distributions. */
const SEVEN_ZIP = ['7zz', '7z'].find((program) => spawnSync(program, ['i']).status === 0) ?? '7zz';

/** @param {string} level @returns {Setting} */
function sevenZip(level) {
  return {
    label: level,
    about: `7-Zip ${level}, symlinks stored as such`,
    pack: (source, archive) => [[SEVEN_ZIP, 'a', '-bd', '-bso0', level, '-mmt=on', '-snl', archive, source]],
  };
}

const SEVEN_ZIPS = settingsOf(
  {
    family: '7z',
    extension: '7z',
    versions: { [SEVEN_ZIP]: [SEVEN_ZIP, '--help'] },
    // -snld: it takes relative links like those of node_modules/.bin for dangerous.
    unpack: (archive, target) => [[SEVEN_ZIP, 'x', '-bd', '-bso0', '-y', '-snld', `-o${target}`, archive]],
    list: (archive) => [[SEVEN_ZIP, 'l', archive]],
    extract: (archive, member) => [[SEVEN_ZIP, 'x', '-so', archive, member]],
  },
  [sevenZip('-mx=1'), sevenZip('-mx=5')],
);

/** @param {string} level @returns {Setting} */
function zip(level) {
  return {
    label: level,
    about: `Info-ZIP ${level}, symlinks stored as such`,
    pack: (source, archive) => [['zip', '-q', '-r', '-y', level, archive, source]],
  };
}

const ZIP = settingsOf(
  {
    family: 'zip',
    extension: 'zip',
    versions: { zip: ['zip', '-v'], unzip: ['unzip', '-v'] },
    unpack: (archive, target) => [['unzip', '-q', archive, '-d', target]],
    list: (archive) => [['unzip', '-Z1', archive]],
    extract: (archive, member) => [['unzip', '-p', archive, member]],
  },
  [zip('-6'), zip('-1')],
);

const BSDTAR = settingsOf(
  {
    family: 'bsdtar',
    extension: 'tar.zst',
    versions: { bsdtar: ['bsdtar', '--version'] },
    unpack: (archive, target) => [['bsdtar', '-x', '-f', archive, '-C', target]],
    unpackPipe: (archive, target) => [
      ['cat', archive],
      ['bsdtar', '-x', '-f', '-', '-C', target],
    ],
    list: (archive) => [['bsdtar', '-t', '-f', archive]],
    // -q: it stops once it has found the member.
    extract: (archive, member) => [['bsdtar', '-x', '-O', '-q', '-f', archive, member]],
  },
  [
    {
      label: '',
      about: 'libarchive with its own zstd, level 3, all cores',
      pack: (source, archive) => {
        const options = 'zstd:compression-level=3,zstd:threads=0';
        return [['bsdtar', '-c', '--zstd', '--options', options, '-f', archive, source]];
      },
    },
  ],
);

/** @param {string} level @returns {Setting} */
function pixz(level) {
  return {
    label: level,
    about: `tar | pixz ${level}: xz on all cores, with an index`,
    pack: (source, archive) => [
      ['tar', '-c', '-f', '-', source],
      ['pixz', level, '-o', archive],
    ],
  };
}

const PIXZ = settingsOf(
  {
    family: 'pixz',
    extension: 'tar.xz',
    // It tells its version among its help on standard error, with a status other than 0.
    versions: { tar: ['tar', '--version'], pixz: ['sh', '-c', "pixz -h 2>&1 | grep '^pixz [0-9]'"] },
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
  },
  [pixz('-1'), pixz('-6')],
);

/** @param {string} name of a script in bench/drivers */
function driver(name) {
  return [process.execPath, fileURLToPath(new URL(`drivers/${name}.js`, import.meta.url))];
}

const NODE_TAR = settingsOf(
  {
    family: 'node-tar',
    extension: 'tar',
    versions: { 'node-tar': [...driver('node-tar'), 'version'] },
    unpack: (archive, target) => [[...driver('node-tar'), 'unpack', archive, target]],
    unpackPipe: (archive, target) => [
      ['cat', archive],
      [...driver('node-tar'), 'unpack', '-', target],
    ],
    list: (archive) => [[...driver('node-tar'), 'list', archive]],
    extract: (archive, member) => [[...driver('node-tar'), 'extract', archive, member]],
  },
  [
    {
      label: '',
      about: "npm's tar package, with zstd where Node.js has it, else gzip",
      pack: (source, archive) => [[...driver('node-tar'), 'pack', source, archive]],
    },
  ],
);

const ARCHIVER = settingsOf(
  { family: 'archiver', extension: 'zip', versions: { archiver: [...driver('archiver'), 'version'] } },
  [
    {
      label: '',
      about: "npm's archiver package, zip with its default level; it only packs",
      pack: (source, archive) => [[...driver('archiver'), 'pack', source, archive]],
    },
  ],
);

/** @type {readonly Peer[]} */
export const PEERS = [
  ...TAR_ZSTD,
  ...SQUASHFS,
  ...SEVEN_ZIPS,
  ...ZIP,
  ...BSDTAR,
  ...PIXZ,
  ...NODE_TAR,
  ...ARCHIVER,
];
