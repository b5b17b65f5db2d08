/**
 * What docs/comparison.md asks of every way to read a tar stream of others: what a member of each kind becomes. `a.tar` has the
 * member, `x`, between two files. Each outcome is bash that is run when the stream has been unpacked into `out`, with $status;
 * the first one that is true is the answer.
 */

/** @typedef {import('./abilities.js').Ability} Ability */
/** @typedef {import('./tools.js').Tool} Tool */

const ZNIP = 'said() { grep -qw x said; }';

/** @type {Record<string, Tool>} */
export const READERS = {
  unpack: {
    name: 'znip unpack',
    programs: [],
    version: '',
    functions: `${ZNIP}
read_it() { znip unpack a.tar -C out 2> said; }`,
  },
  packed: {
    name: 'znip pack --tar, unpack',
    programs: [],
    version: '',
    functions: `${ZNIP}
read_it() { znip pack -q --tar a.tar -o a.znip 2> packed || test $? = 3 || return $?; znip unpack a.znip -C out 2> said; }`,
  },
  tar: {
    name: 'GNU tar',
    programs: ['tar'],
    version: 'tar --version | head -1',
    functions: `
said() { grep -qw x said; }
read_it() { tar --no-same-owner -xf a.tar -C out 2> said; }`,
  },
  bsdtar: {
    name: 'bsdtar',
    programs: ['bsdtar'],
    version: 'bsdtar --version | grep -o "bsdtar [0-9.]*"',
    functions: `
said() { grep -qw x said; }
read_it() { bsdtar --no-same-owner -xf a.tar -C out 2> said; }`,
  },
};

/** The files around it are there: otherwise the rest of the stream is lost. */
const AROUND = 'cmp -s one out/before; cmp -s one out/after';

/** @param {string} name */
const neighbour = (name) => JSON.stringify({ name, content: 'one\n' });

/** @param {string} answer */
const told = (answer) => `${answer}, named`;

/**
 * A row: what is true of `out/x` and how that is called, by preference.
 *
 * @param {string} name
 * @param {readonly object[]} members
 * @param {readonly [check: string, answer: string][]} outcomes
 * @param {string} [extra] a preparation
 * @returns {Ability}
 */
function kind(name, members, outcomes, extra = '') {
  const all = [neighbour('before'), ...members.map((member) => JSON.stringify(member)), neighbour('after')];
  const setup = `
echo one > one
tar_of ${all.map((member) => `'${member}'`).join(' ')} > a.tar
mkdir out; status=0; read_it || status=$?; export status ${extra}`;
  /** @type {[string, string][]} */
  const ways = [];
  for (const [check, answer] of [...outcomes, ...COMMON]) {
    ways.push([`${AROUND}; test $status = 0; said; ${check}`, told(answer)]);
    ways.push([`${AROUND}; test $status = 0; ${check}`, answer]);
    ways.push([`${AROUND}; test $status = 3; said; ${check}`, `${told(answer)}, status 3`]);
    ways.push([`${AROUND}; test $status -gt 0; said; ${check}`, `${told(answer)}, status of an error`]);
    ways.push([`${AROUND}; test $status -gt 0; ${check}`, `${answer}, status of an error`]);
  }
  ways.push(['fails test -e out/before; test $status -gt 0; said', 'refused, named: nothing is unpacked']);
  return { name, setup, ways: { all: ways } };
}

/** @type {readonly [string, string][]} */
const COMMON = [
  ['test -f out/x && fails test -L out/x && fails test -s out/x', 'an empty file'],
  ['test -f out/x && fails test -L out/x', 'a file'],
  ['test -d out/x', 'a directory'],
  ['fails test -e out/x && fails test -L out/x', 'left out'],
];

const FILE = /** @type {const} */ (['test -f out/x && test "$(cat out/x)" = two', 'a file, its content']);

/** 1 MiB with `two` at 500,000, and no more than a few blocks on the disk. */
const RIGHT = `head -c 500000 /dev/zero > right; printf 'two\\n' >> right; truncate -s 1048576 right; cmp -s right out/x`;
const SPARSE = /** @type {[string, string][]} */ ([
  [`${RIGHT} && test $(stat -c %b out/x) -lt 1000`, 'a file with its holes'],
  [RIGHT, 'a file, its holes filled'],
]);
const octal = (/** @type {number} */ value) => value.toString(8).padStart(11, '0');
const NAME = ['GNU.sparse.name', 'x'];
const SIZES = [['GNU.sparse.size', '1048576'], ['GNU.sparse.numblocks', '2'], NAME];
const STORED = 'GNUSparseFile.0/x';

/** @type {Ability[]} */
export const MEMBERS = [
  kind('file', [{ name: 'x', content: 'two\n' }], [[...FILE]]),
  kind('contiguous file (`7`)', [{ name: 'x', type: '7', content: 'two\n' }], [[...FILE]]),
  kind('unknown type, with data', [{ name: 'x', type: 'q', content: 'two\n' }], [[...FILE]]),
  kind('directory', [{ name: 'x/', type: '5' }], [['test -d out/x', 'a directory']]),
  kind(
    'hard link',
    [{ name: 'x', type: '1', link: 'before' }],
    [['test out/x -ef out/before', 'a hard link']],
  ),
  kind(
    'hard link with the content (pax)',
    [{ name: 'x', type: '1', link: 'before', content: 'one\n' }],
    [['test out/x -ef out/before', 'a hard link']],
  ),
  kind(
    'hard link to what is not there',
    [{ name: 'x', type: '1', link: 'nothing' }],
    [['test -f out/x', 'a file']],
  ),
  kind(
    'symlink',
    [{ name: 'x', type: '2', link: 'before' }],
    [['test "$(readlink out/x)" = before', 'a symlink']],
  ),
  kind('FIFO', [{ name: 'x', type: '6' }], [['test -p out/x', 'a FIFO']]),
  kind(
    'character device',
    [{ name: 'x', type: '3', fields: { 329: '0000001', 337: '0000003' } }],
    [['test -c out/x', 'a device (as root)']],
  ),
  kind(
    'sparse file, old GNU',
    [
      {
        name: 'x',
        type: 'S',
        content: 'two\n',
        fields: {
          257: 'ustar  \0',
          386: octal(500_000),
          398: octal(4),
          410: octal(1_048_576),
          422: octal(0),
          483: octal(1_048_576),
        },
      },
    ],
    SPARSE,
  ),
  kind(
    'sparse file, pax 0.0',
    [
      {
        name: 'x',
        content: 'two\n',
        pax: [
          ...SIZES,
          ['GNU.sparse.offset', '500000'],
          ['GNU.sparse.numbytes', '4'],
          ['GNU.sparse.offset', '1048576'],
          ['GNU.sparse.numbytes', '0'],
        ],
      },
    ],
    SPARSE,
  ),
  kind(
    'sparse file, pax 0.1',
    [{ name: STORED, content: 'two\n', pax: [...SIZES, ['GNU.sparse.map', '500000,4,1048576,0']] }],
    SPARSE,
  ),
  kind(
    'sparse file, pax 1.0',
    [
      {
        name: STORED,
        content: `${'2\n500000\n4\n1048576\n0\n'.padEnd(512, '\0')}two\n`,
        pax: [['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '1048576'], NAME],
      },
    ],
    SPARSE,
  ),
  kind('directory of a GNU dump (`D`)', [{ name: 'x/', type: 'D', content: 'Nfile\0\0' }], []),
  kind('volume label (`V`)', [{ name: 'x', type: 'V' }], []),
  kind('rest of a file from another volume (`M`)', [{ name: 'x', type: 'M', content: 'two\n' }], []),
  kind(
    'extended attributes (`SCHILY.xattr`)',
    [{ name: 'x', content: 'two\n', pax: [['SCHILY.xattr.user.a', 'b']] }],
    [['test "$(cat out/x)" = two', 'a file, without them unless asked']],
  ),
  kind(
    'access control list (`SCHILY.acl`)',
    [
      {
        name: 'x',
        content: 'two\n',
        pax: [['SCHILY.acl.access', 'user::rw-,user:12345:r--,group::r--,mask::r--,other::r--']],
      },
    ],
    [['test "$(cat out/x)" = two', 'a file, without it unless asked']],
  ),
  kind(
    'global header with a comment',
    [
      { name: 'pax_global_header', type: 'g', content: '20 comment=unimport\n' },
      { name: 'x', content: 'two\n' },
    ],
    [[...FILE]],
  ),
  kind('name with a `/` in front', [{ name: '/x', content: 'two\n' }], [[...FILE]]),
  kind('name with `..`', [{ name: 'd/../x', content: 'two\n' }], [[...FILE]]),
];
