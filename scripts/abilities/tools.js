/**
 * The programs that docs/comparison.md compares, each as bash functions with one meaning: `pack OPTION...` makes $A of
 * the directory t, `unpack OPTION...` writes it below out, `list` prints names, `testing` looks for damage.
 */

/**
 * @typedef {object} Tool
 * @property {string} name as the table's heading has it
 * @property {string[]} programs what must be installed
 * @property {string} version a command that prints it
 * @property {string} functions bash
 */

/** @type {Record<string, Tool>} */
export const TOOLS = {
  znip: {
    name: 'znip',
    programs: [],
    version: 'znip --version',
    functions: `
A=a.znip
pack() { znip pack -q t -o $A "$@"; }
unpack() { znip unpack -q $A -C out "$@"; }
list() { znip ls $A; }
testing() { znip verify -q $A; }`,
  },
  tar: {
    name: 'GNU tar, zstd',
    programs: ['tar', 'zstd'],
    version: 'tar --version | head -1; zstd --version | grep -o "v[0-9.]*" | sed "s/v/zstd /"',
    functions: `
A=a.tar.zst
pack() { tar --zstd -cf $A "$@" t; }
unpack() { mkdir -p out; tar --zstd -xf $A -C out "$@"; }
list() { tar --zstd -tf $A; }
testing() { tar --zstd -tf $A; }`,
  },
  zip: {
    name: 'zip, unzip',
    programs: ['zip', 'unzip', 'funzip'],
    version: 'zip -v | grep -o "Zip [0-9.]*" | head -1; unzip -v | grep -o "UnZip [0-9.]*" | head -1',
    functions: `
A=a.zip
pack() { zip -qry $A t "$@"; }
unpack() { unzip -q "$@" $A -d out; }
list() { unzip -Z1 $A; }
testing() { unzip -tqq $A; }`,
  },
  '7z': {
    name: '7-Zip (.7z)',
    programs: ['7z'],
    version:
      '7z | grep -o "7-Zip.*[0-9]" | sed -E "s/ *\\[64\\]| :.*|Copyright.*//g" | head -1; 7z | grep -o "^p7zip Version [0-9.]*"',
    functions: `
A=a.7z
pack() { 7z a -bd -bso0 -snl $A t "$@"; }
unpack() { 7z x -bd -bso0 -snl $A -oout "$@"; }
list() { 7z l -ba -slt $A | sed -n 's/^Path = //p'; }
testing() { 7z t -bd -bso0 $A; }`,
  },
  bsdtar: {
    name: 'bsdtar (.tar.zst)',
    programs: ['bsdtar'],
    version: 'bsdtar --version | cut -d" " -f1,2',
    functions: `
A=a.tar.zst
pack() { bsdtar --zstd -cf $A "$@" t; }
unpack() { mkdir -p out; bsdtar -xf $A -C out "$@"; }
list() { bsdtar -tf $A; }
testing() { bsdtar -tf $A; }`,
  },
  squashfs: {
    name: 'squashfs-tools',
    programs: ['mksquashfs', 'unsquashfs', 'sqfscat'],
    version: 'mksquashfs -version | head -1 | cut -d" " -f1,3',
    functions: `
A=a.squashfs
pack() { mksquashfs t $A -noappend -quiet -no-progress -no-strip "$@"; }
unpack() { unsquashfs -quiet -no-progress -d out $A "$@"; }
list() { unsquashfs -quiet -l -d '' $A | sed 's|^/||'; }
testing() { rm -rf tested; unsquashfs -quiet -no-progress -strict-errors -d tested $A; }`,
  },
};
