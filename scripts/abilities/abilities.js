/**
 * What docs/comparison.md asks of every program. Each way of doing it is bash, run in an empty folder with the functions
 * of the program. The first way that ends with status 0 is the answer, "yes" or what stands beside it; where none
 * does, the answer is "no". `all` is for programs that have no way of their own.
 */

/**
 * @typedef {string | [script: string, answer: string]} Way
 *
 * @typedef {object} Ability
 * @property {string} name a row of the table
 * @property {string} [setup] bash that must succeed, the same for every program
 * @property {Record<string, Way[]>} ways by program
 * @property {string[]} [programs] what else must be installed
 */

const PLAIN = 'mkdir t; echo one > t/one; echo two > t/two';
const NOISE = 'mkdir t; echo one > t/a; head -c 4000000 /dev/urandom > t/noise; echo two > t/z';

/** Names of files in an archive, the directory t itself aside. */
const NAMES = `names() { list | sed -E 's|/$||; s|^/||' | grep '^t/' | sort | xargs; }`;

/** A command must read less than a quarter of the archive's bytes, by strace. */
const READS = `
reads_little() {
  # A file for each process: in one for all, calls of several are cut in two.
  strace -ff -y -qq -e trace=read,readv,pread64,preadv,preadv2,mmap -o trace "$@" > read
  # Nothing can be said of a program that maps its archive: none of these does.
  fails grep -q "mmap.*$A>" trace.*
  bytes=$(grep -h "$A>" trace.* | sed -n 's/.* = \\([0-9]*\\)$/\\1/p' | awk '{ sum += $1 } END { print sum + 0 }')
  test "$bytes" -gt 0 && test "$bytes" -lt $(($(stat -c %s $A) / 4))
}`;

/** The byte in the middle of the archive, which is noise there, becomes another. */
const DAMAGE = `
damage() {
  at=$(($(stat -c %s $A) / 2))
  old=$(od -An -tu1 -j $at -N 1 $A)
  printf "\\\\$(printf %o $((old ^ 1)))" | dd of=$A bs=1 seek=$at conv=notrunc status=none
}`;

/** Two trees with the same contents and times, whose directories are in another order, a second apart. */
const TWICE = `
tree() { rm -rf t; mkdir -p t/d; for i in "$@"; do echo $i > t/f$i; done; touch -d 2024-01-01 t/* t; }
twice() {
  tree 1 2 3 4 5 6 7 8 9; "$@"; mv $A first; sleep 2.1
  tree 9 3 8 2 7 1 6 5 4; "$@"; cmp first $A
}`;

/** Where a program's help does not speak of it, it has no option for it. */
const helpSpeaksOf = (program, words) => [`${program} 2>&1 | grep -qiE '${words}'`];

/** @type {Ability[]} */
export const ABILITIES = [
  {
    name: 'packs into a pipe',
    setup: PLAIN,
    ways: {
      znip: ['znip pack -q t -o - | cat > $A; list | grep t/one'],
      tar: ['tar --zstd -cf - t | cat > $A; list | grep t/one'],
      zip: ['zip -qr - t | cat > $A; list | grep t/one'],
      '7z': [
        '7z a -bd -so x.7z t | cat > $A; list | grep t/one',
        ['7z a -bd -so -ttar dummy t | cat > x.tar; tar -tf x.tar | grep t/one', 'only as .tar'],
      ],
      bsdtar: [
        'bsdtar --zstd -cf - t | cat > $A; list | grep t/one',
        ['bsdtar -cf - t | zstd -q | cat > $A; list | grep t/one', 'yes, compressed by zstd(1)'],
      ],
      squashfs: [
        'mksquashfs t /dev/stdout -noappend -quiet -no-progress -no-strip | cat > $A; list | grep t/one',
      ],
    },
  },
  {
    name: 'unpacks from a pipe, everything',
    setup: `${PLAIN}; pack`,
    ways: {
      znip: ['cat $A | znip unpack -q - -C out; cmp t/one out/t/one'],
      tar: ['mkdir out; cat $A | tar --zstd -xf - -C out; cmp t/one out/t/one'],
      zip: [
        'cat $A | unzip -q /dev/stdin -d out; cmp t/one out/t/one',
        ['rm $A; zip -qr -D $A t/one t/two; cat $A | funzip | cmp - t/one', 'only the first file (funzip)'],
      ],
      '7z': [
        'cat $A | 7z x -bd -si -t7z -oout; cmp t/one out/t/one',
        ['7z a -bd -ttar x.tar t; cat x.tar | 7z x -bd -si -ttar -oout; cmp t/one out/t/one', 'only of .tar'],
      ],
      bsdtar: ['mkdir out; cat $A | bsdtar -xf - -C out; cmp t/one out/t/one'],
      squashfs: ['cat $A | unsquashfs -quiet -no-progress -d out /dev/stdin; cmp t/one out/t/one'],
    },
  },
  {
    name: 'packs standard input as one member',
    setup: PLAIN,
    ways: {
      znip: ['cat t/one | znip pack -q --name s -o $A -; unpack; cmp t/one out/s'],
      tar: ['cat t/one | tar --zstd -cf $A -; unpack; cmp t/one out/-'],
      zip: [['cat t/one | zip -q $A -; unpack; cmp t/one out/-', 'yes, named `-`']],
      '7z': ['cat t/one | 7z a -bd -sis $A; unpack; cmp t/one out/s'],
      bsdtar: ['cat t/one | bsdtar --zstd -cf $A -; unpack; cmp t/one out/-'],
      squashfs: [
        [
          'mkdir e; cat t/one | mksquashfs e $A -quiet -no-progress -p "s f 644 0 0 cat"; unpack; cmp t/one out/s',
          'yes, with `-p "NAME f … cat"`',
        ],
      ],
    },
  },
  {
    name: "takes a tar stream's members in, and gives the tar back byte for byte",
    setup: `${PLAIN}; tar -b 40 -cf x.tar t`,
    programs: ['tar'],
    ways: {
      znip: [
        'cat x.tar | znip pack -q --tar - -o $A; list | grep t/one; znip unpack -q --tar - $A | cmp - x.tar',
      ],
      tar: [['zstd -q x.tar -o $A; list | grep t/one; zstd -dc $A | cmp - x.tar', 'yes, by zstd']],
      zip: ['zip -q $A x.tar; unzip -p $A x.tar | cmp - x.tar; list | grep t/one'],
      '7z': ['7z a -bd $A x.tar; 7z x -so $A x.tar | cmp - x.tar; list | grep t/one'],
      bsdtar: [
        'bsdtar --zstd -cf $A @x.tar; list | grep t/one; bsdtar -cf - @$A | cmp - x.tar',
        ['bsdtar --zstd -cf $A @x.tar; list | grep t/one', 'takes the members in'],
      ],
      squashfs: [
        ['mksquashfs - $A -tar -quiet -no-progress < x.tar; list | grep t/one', 'takes the members in'],
      ],
    },
  },
  {
    name: 'lists without reading the contents',
    setup: `${NOISE}; pack; ${READS}`,
    programs: ['strace'],
    ways: {
      znip: ['reads_little znip ls $A; grep t/noise read'],
      tar: ['reads_little tar --zstd -tf $A; grep t/noise read'],
      zip: ['reads_little unzip -Z1 $A; grep t/noise read'],
      '7z': ['reads_little 7z l $A; grep t/noise read'],
      bsdtar: ['reads_little bsdtar -tf $A; grep t/noise read'],
      squashfs: ['reads_little unsquashfs -l $A; grep t/noise read'],
    },
  },
  {
    name: 'writes one member to a pipe without reading the others',
    setup: `${NOISE}; pack; ${READS}`,
    programs: ['strace'],
    ways: {
      znip: ['reads_little znip cat $A t/z; cmp t/z read'],
      tar: ['reads_little tar --zstd -xOf $A t/z; cmp t/z read'],
      zip: ['reads_little unzip -p $A t/z; cmp t/z read'],
      '7z': [
        'reads_little 7z x -so $A t/z; cmp t/z read',
        ['rm $A; pack -ms=off; reads_little 7z x -so $A t/z; cmp t/z read', 'yes, packed with `-ms=off`'],
      ],
      bsdtar: ['reads_little bsdtar -xOf $A t/z; cmp t/z read'],
      squashfs: ['reads_little sqfscat $A t/z; cmp t/z read'],
    },
  },
  {
    name: 'writes the end of a large member without reading the rest of it',
    setup: `${NOISE}; pack; ${READS}; tail -c 100 t/noise > end`,
    programs: ['strace'],
    ways: {
      znip: ['reads_little znip cat $A t/noise --range -100; cmp end read'],
      tar: ["reads_little sh -c 'tar --zstd -xOf $0 t/noise | tail -c 100' $A; cmp end read"],
      zip: ["reads_little sh -c 'unzip -p $0 t/noise | tail -c 100' $A; cmp end read"],
      '7z': ["reads_little sh -c '7z x -so $0 t/noise | tail -c 100' $A; cmp end read"],
      bsdtar: ["reads_little sh -c 'bsdtar -xOf $0 t/noise | tail -c 100' $A; cmp end read"],
      squashfs: ["reads_little sh -c 'sqfscat $0 t/noise | tail -c 100' $A; cmp end read"],
    },
  },
  {
    name: 'leaves out what nested `.gitignore` files name',
    setup: `mkdir -p t/sub/tmp; cd t; git init -q .
printf '*.log\\n' > .gitignore; printf 'tmp\\n' > sub/.gitignore; touch a.log b sub/tmp/x sub/y.log sub/tmp.txt
${NAMES}; is_as_git() { test "$(names | tr ' ' '\\n' | grep -v '^t/.git$\\|^t/.git/\\|^t/sub$' | xargs)" = "$want"; }
want='t/.gitignore t/b t/sub/.gitignore t/sub/tmp.txt'
harder() { printf '*.log\\n!keep.log\\n' > t/.gitignore; printf 'tmp/\\n' > t/sub/.gitignore; touch t/keep.log; want=\${want/t\\/sub/t/keep.log t/sub}; }; cd ..`,
    programs: ['git'],
    ways: {
      znip: ['harder; pack --gitignore; is_as_git'],
      tar: [
        'harder; pack --exclude-vcs-ignores; is_as_git',
        ['pack --exclude-vcs-ignores; is_as_git', 'only without `!` and `/`'],
      ],
      zip: ['zip -qr $A t -x@t/.gitignore; is_as_git'],
      '7z': ['pack -xr@t/.gitignore; is_as_git'],
      bsdtar: ['pack -X t/.gitignore; is_as_git'],
      squashfs: ['pack -wildcards -ef t/.gitignore; is_as_git'],
    },
  },
  {
    name: 'leaves out what caches hold (`CACHEDIR.TAG`)',
    setup: `mkdir -p t/cache t/kept; touch t/cache/x t/kept/x; ${NAMES}
echo 'Signature: 8a477f597d28d172789f06886806bc55' > t/cache/CACHEDIR.TAG`,
    ways: {
      znip: ['pack --exclude-caches; test "$(names)" = "t/cache t/cache/CACHEDIR.TAG t/kept t/kept/x"'],
      tar: ['pack --exclude-caches; test "$(names)" = "t/cache t/cache/CACHEDIR.TAG t/kept t/kept/x"'],
      zip: helpSpeaksOf('zip -h2', 'cache'),
      '7z': helpSpeaksOf('7z', 'cache'),
      bsdtar: ['pack --exclude-caches; test "$(names)" = "t/cache t/cache/CACHEDIR.TAG t/kept t/kept/x"'],
      squashfs: helpSpeaksOf('mksquashfs -help', 'cachedir'),
    },
  },
  {
    name: 'takes names from a list, each ended by NUL',
    setup: `mkdir t; echo 1 > "t/new
line"; find t -type f -print0 > names; echo 2 > t/plain; echo t/plain > lines; same() { cmp "$1" "out/$1"; }`,
    ways: {
      znip: ['znip pack -q -T names -0 -o $A; unpack; same t/new*'],
      tar: ['tar --zstd --null -T names -cf $A; unpack; same t/new*'],
      zip: [
        'zip -q $A -@ < names; unpack; same t/new*',
        ['zip -q $A -@ < lines; unpack; same t/plain', 'only one on a line'],
      ],
      '7z': [
        '7z a -bd $A @names; unpack; same t/new*',
        ['7z a -bd $A @lines; unpack; same t/plain', 'only one on a line'],
      ],
      bsdtar: ['bsdtar --zstd --null -T names -cf $A; unpack; same t/new*'],
      squashfs: [
        'timeout 20 mksquashfs - $A -cpiostyle0 -quiet -no-progress < names; unpack; same t/new*',
        [
          'timeout 20 mksquashfs - $A -cpiostyle0 -quiet -no-progress < names || test $? = 124',
          'no: never ends',
        ],
      ],
    },
  },
  {
    name: 'keeps times to the nanosecond',
    setup: `${PLAIN}; touch -d 2024-02-29T12:34:57.123456789Z t/one
kept() { test "$(stat -c %y out/t/one | cut -c -$1)" = "$(stat -c %y t/one | cut -c -$1)"; }`,
    ways: {
      all: [
        'pack; unpack; kept 29',
        ['pack; unpack; kept 27', 'to 100 ns'],
        ['pack; unpack; kept 19', 'to the second'],
      ],
      tar: [['pack --format=posix; unpack; kept 29', 'yes, with `--format=posix`']],
      bsdtar: ['pack; unpack; kept 29', ['pack --format=pax; unpack; kept 29', 'yes, with `--format=pax`']],
      zip: [['pack; unpack; kept 19', 'to the second']],
    },
  },
  {
    name: 'keeps names that are not UTF-8',
    setup: "mkdir t; echo 1 > $'t/n\\xff\\xfe'; same() { cmp $'t/n\\xff\\xfe' $'out/t/n\\xff\\xfe'; }",
    ways: {
      zip: ['pack; unpack; same', ['pack; unpack -^; same', 'yes, with `unzip -^`']],
      all: ['pack; unpack; same', ['export LC_ALL=C; pack; unpack; same', 'yes, with `LC_ALL=C`']],
    },
  },
  {
    name: 'keeps symlinks',
    setup: `${PLAIN}; ln -s one t/link`,
    ways: {
      all: ['pack; unpack; test "$(readlink out/t/link)" = one'],
      zip: [['pack; unpack; test "$(readlink out/t/link)" = one', 'yes, with `-y`']],
      '7z': [['pack; unpack; test "$(readlink out/t/link)" = one', 'yes, with `-snl`']],
    },
  },
  {
    name: 'keeps hard links',
    setup: `${PLAIN}; ln t/one t/hard; same() { unpack; test out/t/one -ef out/t/hard; }`,
    ways: {
      all: ['pack; same'],
      '7z': [
        'pack -snh; same',
        ['7z a -bd -snh -ttar $A t; 7z x -bd -snh $A -oout; test out/t/one -ef out/t/hard', 'only as .tar'],
      ],
    },
  },
  {
    name: 'keeps empty directories and permissions',
    setup: `${PLAIN}; mkdir t/empty; chmod 0750 t/empty; chmod 0640 t/one`,
    ways: {
      all: ['pack; unpack; test "$(stat -c %a out/t/empty)" = 750 && test "$(stat -c %a out/t/one)" = 640'],
    },
  },
  {
    name: 'keeps FIFOs',
    setup: `${PLAIN}; mkfifo t/fifo`,
    ways: {
      all: ['timeout 10 bash -c "$(declare -f pack); A=$A; pack"; unpack; test -p out/t/fifo'],
      zip: ['timeout 10 zip -qr $A t < /dev/null; unpack; test -p out/t/fifo'],
    },
  },
  {
    name: 'keeps extended attributes',
    setup: `${PLAIN}; python3 -c 'import os; os.setxattr("t/one", "user.note", b"n")' || exit $CANNOT_ASK
kept() { test "$(python3 -c 'import os; print(os.getxattr("out/t/one", "user.note").decode())')" = n; }`,
    programs: ['python3'],
    ways: {
      all: ['pack; unpack; kept'],
      znip: [['pack --xattrs; unpack --xattrs; kept', 'yes, with `--xattrs`']],
      tar: [['pack --xattrs; unpack --xattrs; kept', 'yes, with `--xattrs`']],
      bsdtar: ['pack; unpack; kept', ['pack --xattrs; unpack --xattrs -p; kept', 'yes, with `--xattrs`']],
    },
  },
  {
    name: 'keeps the holes of sparse files',
    setup:
      'mkdir t; truncate -s 8M t/hole; echo end >> t/hole; kept() { unpack "$@"; test "$(stat -c %b out/t/hole)" -lt 4000; }',
    ways: {
      all: ['pack; kept'],
      tar: [['pack -S; kept', 'yes, with `-S`']],
      bsdtar: ['pack; kept', ['pack; kept -S', 'yes, with `-S`']],
    },
  },
  {
    name: 'takes leading components off names',
    setup: 'mkdir -p t/d; echo one > t/d/one; pack; kept() { cmp t/d/one out/d/one; }',
    ways: {
      znip: ['unpack --strip-components 1; kept'],
      tar: ['unpack --strip-components=1; kept'],
      zip: ['unpack -j; kept', ['unpack -j; cmp t/d/one out/one', 'only all of them (`-j`)']],
      '7z': ['unpack -spe; kept', ['7z e -bd $A -oout; cmp t/d/one out/one', 'only all of them (`e`)']],
      bsdtar: ['unpack --strip-components 1; kept'],
      squashfs: helpSpeaksOf('unsquashfs -help', 'strip-comp'),
    },
  },
  {
    name: 'replaces only files that are older than the archive has them',
    setup: `${PLAIN}; touch -d 2024-01-01 t/*; pack; mkdir -p out/t; echo mine > out/t/one; echo old > out/t/two
touch -d 2024-06-01 out/t/one; touch -d 2023-01-01 out/t/two; right() { cmp t/two out/t/two; grep mine out/t/one; }`,
    ways: {
      znip: ['unpack --keep-newer; right'],
      tar: ['unpack --keep-newer-files; right'],
      zip: ['unpack -uo; right'],
      '7z': ['unpack -u -y; right', 'unpack -aos; right'],
      bsdtar: ['unpack --keep-newer-files; right'],
      squashfs: ['unpack -f; right'],
    },
  },
  {
    name: 'notices a changed bit in any content',
    setup: `${NOISE}; pack; ${DAMAGE}; testing; damage`,
    ways: {
      all: ['fails testing'],
    },
  },
  {
    name: 'tells a damaged archive from a missing one by its status',
    setup: `${NOISE}; pack; ${DAMAGE}; cp $A whole; status() { local s=0; testing > /dev/null || s=$?; echo $s; }
changed() { cp whole $A; damage; status; }; cut_off() { head -c 2000000 whole > $A; status; }
missing() { mv $A elsewhere; status; }; differ() { test $a != 0 && test $a != $b; }`,
    ways: {
      all: [
        'a=$(cut_off) b=$(missing); differ; a=$(changed); differ',
        ['a=$(changed) b=$(missing); differ', 'a changed one, not one that was cut'],
        ['a=$(cut_off) b=$(missing); differ', 'one that was cut, not a changed one'],
      ],
    },
  },
  {
    name: 'gives what is whole of an archive that was cut in the middle',
    setup: `${NOISE}; files='t/a t/noise t/z'; cut_off() { head -c 2000000 $A > cut; mv cut $A; }`,
    ways: {
      znip: ['znip pack -q $files -o $A; cut_off; znip recover -q $A -C out || true; cmp t/a out/t/a'],
      tar: ['tar --zstd -cf $A $files; cut_off; unpack || true; cmp t/a out/t/a'],
      zip: [
        'zip -q $A $files; cut_off; unpack || true; cmp t/a out/t/a',
        [
          'zip -q $A $files; cut_off; echo y | zip -FF $A --out fixed.zip || true; mv fixed.zip $A; unpack || true; cmp t/a out/t/a',
          'yes, after `zip -FF`',
        ],
      ],
      '7z': ['7z a -bd -ms=off $A $files; cut_off; unpack || true; cmp t/a out/t/a'],
      bsdtar: ['bsdtar --zstd -cf $A $files; cut_off; unpack || true; cmp t/a out/t/a'],
      squashfs: ['pack; cut_off; unpack -ignore-errors || true; cmp t/a out/t/a'],
    },
  },
  {
    name: 'compares an archive with a directory, by contents',
    setup: `${PLAIN}; touch -d 2024-01-01 t/* t; pack
changes() { echo 0ne > t/one; touch -d 2024-01-01 t/one t; fails "$@"; echo one > t/one; touch -d 2024-01-01 t/one t; "$@"; }`,
    ways: {
      znip: ['changes znip diff $A t'],
      tar: ['changes tar --zstd -df $A'],
      zip: helpSpeaksOf('{ zip -h2; unzip -hh; }', '-compare'),
      '7z': helpSpeaksOf('7z', 'compare'),
      bsdtar: ['changes bsdtar -df $A'],
      squashfs: helpSpeaksOf('{ mksquashfs -help; unsquashfs -help; }', 'compare'),
    },
  },
  {
    name: 'makes the same bytes of the same tree',
    setup: TWICE,
    ways: {
      znip: ['twice pack'],
      tar: ['twice pack', ['twice pack --sort=name', 'yes, with `--sort=name`']],
      zip: [
        'twice pack',
        'twice pack -X',
        [
          'sorted() { find t | LC_ALL=C sort | zip -qX $A -@; }; twice sorted',
          'yes, with `-X` and a sorted list',
        ],
      ],
      '7z': ['twice pack'],
      bsdtar: [
        'twice pack',
        [
          'sorted() { find t | LC_ALL=C sort | bsdtar --zstd -n -T - -cf $A; }; twice sorted',
          'yes, with a sorted list',
        ],
      ],
      squashfs: [
        'twice pack',
        ['twice mksquashfs t $A -noappend -quiet -no-progress -mkfs-time 0', 'yes, with `-mkfs-time`'],
      ],
    },
  },
  {
    name: 'keeps the old archive whole when packing fails',
    setup: `${NOISE}; mkdir old; echo old > old/file; trap '' XFSZ
limited() { (ulimit -f 100; "$@"); }; failing() { cp $A before; fails limited "$@"; cmp before $A; }`,
    ways: {
      znip: ['znip pack -q old -o $A; failing pack'],
      tar: ['tar --zstd -cf $A old; failing pack'],
      zip: ['zip -qr $A old; failing pack'],
      '7z': ['7z a -bd $A old; failing pack'],
      bsdtar: ['bsdtar --zstd -cf $A old; failing pack'],
      squashfs: [
        'mksquashfs old $A -quiet -no-progress; failing pack',
        [
          'mksquashfs old $A -quiet -no-progress; failing mksquashfs t $A -quiet -no-progress',
          'when it adds to one',
        ],
      ],
    },
  },
  {
    name: 'adds to an archive that exists',
    setup: `${PLAIN}; pack; mkdir u; echo 3 > u/three; both() { list | grep one && list | grep three; }`,
    ways: {
      znip: helpSpeaksOf('znip pack --help', 'append'),
      tar: ['tar --zstd -rf $A u; both'],
      zip: ['zip -qr $A u; both'],
      '7z': ['7z a -bd $A u; both'],
      bsdtar: ['bsdtar --zstd -rf $A u; both'],
      squashfs: ['mksquashfs u $A -quiet -no-progress; both'],
    },
  },
  {
    name: 'encrypts',
    setup: PLAIN,
    ways: {
      znip: helpSpeaksOf('znip pack --help', 'encrypt|password'),
      tar: helpSpeaksOf('{ tar --help; zstd --help; }', 'encrypt|password'),
      zip: [
        [
          'pack -P secret; unpack -P secret; cmp t/one out/t/one; fails unzip -qo -P wrong $A -d no',
          'yes, weakly',
        ],
      ],
      '7z': ['pack -psecret -mhe; unpack -psecret; cmp t/one out/t/one; fails 7z l -pwrong $A'],
      bsdtar: [
        [
          'bsdtar -a -cf x.zip --options zip:encryption=aes256 --passphrase secret t; mkdir out; bsdtar -xf x.zip --passphrase secret -C out; cmp t/one out/t/one; fails bsdtar -xOf x.zip --passphrase wrong',
          'only as .zip',
        ],
      ],
      squashfs: helpSpeaksOf('mksquashfs -help', 'encrypt|password'),
    },
  },
  {
    name: 'is opened by other programs, too',
    setup: `${PLAIN}; pack; mkdir out; same() { cmp t/one out/t/one; }`,
    programs: ['tar', 'zstd', 'bsdtar', '7z'],
    ways: {
      znip: [
        [
          'zstd -qdc $A | tar -x -C out; same; rm -r out/t; bsdtar -xf $A -C out; same',
          'tar with zstd, bsdtar',
        ],
      ],
      tar: [['bsdtar -xf $A -C out; same; znip unpack -q $A -C too; cmp t/one too/t/one', 'bsdtar, znip']],
      zip: [['bsdtar -xf $A -C out; same; rm -r out/t; 7z x -bd $A -oout; same', '7-Zip, bsdtar']],
      '7z': [['bsdtar -xf $A -C out; same', 'bsdtar']],
      bsdtar: [
        [
          'zstd -qdc $A | tar -x -C out; same; znip unpack -q $A -C too; cmp t/one too/t/one',
          'tar with zstd, znip',
        ],
      ],
      squashfs: [['7z x -bd $A -oout; same', '7-Zip']],
    },
  },
  {
    name: 'lists as JSON, for programs',
    setup: `${PLAIN}; pack`,
    programs: ['jq'],
    ways: {
      znip: [`test "$(znip ls --json $A | jq -r 'select(.path == "t/one").size')" = 4`],
      tar: helpSpeaksOf('tar --help', 'json'),
      zip: helpSpeaksOf('{ unzip -hh; zipinfo -h; }', 'json'),
      '7z': helpSpeaksOf('7z', 'json'),
      bsdtar: helpSpeaksOf('bsdtar --help', 'json'),
      squashfs: helpSpeaksOf('unsquashfs -help', 'json'),
    },
  },
];
