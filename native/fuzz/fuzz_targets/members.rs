//! Members of archives: any headers, names, places and hashes. Nothing is written outside the target, and nothing of it is
//! changed.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use znip_core::amend::{Written, set_times};
use znip_core::columns::Strings;
use znip_core::contents::{self, Expected};
use znip_core::fingerprint;
use znip_core::list;
use znip_core::names::{self, MemberNames, NameTable};
use znip_core::table_columns::{self, Kinds};
use znip_core::tar_members::{self, Columns};
use znip_core::write::{Files, Settings, write};

/// A folder with a target in it, and beside that a file that must stay as it is.
fn place() -> &'static PathBuf {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = std::env::temp_dir().join(format!("znip-fuzz-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(place.join("outside")).unwrap();
        fs::write(place.join("outside/file"), "stays").unwrap();
        place
    })
}

/// Any names, and any tables that they are taken into; any columns of a table, and any listing.
fn take_names(bytes: &[u8], ends: &[u32]) {
    let paths = Strings { bytes, ends };
    let kinds: Vec<u8> = bytes.iter().map(|byte| byte % 5).collect();
    let words: Vec<u32> =
        bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    for (names, room) in [(4, 64), (8, 4096)] {
        // The second table is one that nobody made: any hashes and slots.
        for (mut hashes, mut slots) in [(vec![0; names], vec![0; 2 * names]), (words.clone(), words.clone())]
        {
            let (mut above, mut above_slots) = (hashes.clone(), slots.clone());
            let mut members = MemberNames {
                members: NameTable {
                    bytes: &mut vec![0; room],
                    ends: &mut vec![0; names],
                    hashes: &mut hashes,
                    slots: &mut slots,
                    size: 0,
                },
                kinds: &mut vec![0; names],
                parents: NameTable {
                    bytes: &mut vec![0; room],
                    ends: &mut vec![0; names],
                    hashes: &mut above,
                    slots: &mut above_slots,
                    size: names / 8,
                },
                key: [1, 2],
            };
            assert!(names::add(&mut members, &paths, &kinds, 0, ends.len()) <= ends.len());
        }
    }
    let numbers: Vec<f64> = words.iter().map(|&word| f64::from(f32::from_bits(word))).collect();
    let columns = Kinds {
        kinds: &kinds,
        modes: &words,
        sizes: &numbers,
        checksums: bytes,
        targets: bytes.get(1..).unwrap_or(&[]),
        path_bytes: &[0],
        target_bytes: &[],
    };
    assert!(table_columns::first_unusual(&columns, 0) <= kinds.len());
    assert!(table_columns::zeros(bytes, ends.len()) <= ends.len());
    assert!(table_columns::first_falling_offset(ends) <= ends.len());
    table_columns::lines(bytes, ends, 0, &mut [0; 64]);
    let (first, last) = table_columns::path_extent(bytes, ends);
    assert!(first.max(last) <= ends.len());
    let (head, chunk) = bytes.split_at(bytes.len() / 2);
    fingerprint::of(chunk, head);
    let mut listed = list::Columns {
        paths: &mut [0; 64],
        path_ends: &mut [0; 4],
        modes: &mut [0; 4],
        sizes: &mut [0.0; 4],
        mtimes: &mut [0; 4],
    };
    list::take(bytes, 0, 2, b"d/", &mut listed, 1);
}

fuzz_target!(|bytes: &[u8]| {
    let [count, sparse, rest @ ..] = bytes else { return };
    let count = usize::from(count % 8);
    if rest.len() < count * 24 {
        return;
    }
    let (numbers, chunk) = rest.split_at(count * 24);
    let word = |at: usize| u64::from_le_bytes(numbers[at..at + 8].try_into().unwrap());
    let ends: Vec<u32> = (0..count).map(|i| (word(24 * i) % (chunk.len() as u64 + 9)) as u32).collect();
    let offsets: Vec<f64> = (0..count).map(|i| f64::from_bits(word(24 * i + 8))).collect();
    let sizes: Vec<f64> = (0..count).map(|i| f64::from_bits(word(24 * i + 16))).collect();
    let place = place();
    let target = place.join("target");
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(target.join("a")).unwrap();
    std::os::unix::fs::symlink("../outside", target.join("l")).unwrap();
    let root = fs::File::open(&target).unwrap();
    let mtimes: Vec<i64> = (0..count).map(|i| word(24 * i) as i64).collect();
    let settings = Settings {
        umask: 0o22,
        preserve_permissions: sparse & 2 != 0,
        sparse: sparse & 1 != 0,
        mtime: true,
        part: (sparse & 8 != 0).then_some(&chunk[..chunk.len().min(9)]),
        fsync: false,
    };
    let paths = Strings { bytes: chunk, ends: &ends };
    tar_members::read(
        chunk,
        usize::from(*sparse),
        &mut Columns {
            paths: &mut [0; 64],
            path_ends: &mut [0; 4],
            kinds: &mut [0; 4],
            modes: &mut [0; 4],
            mtimes: &mut [0; 4],
            sizes: &mut [0.0; 4],
            offsets: &mut [0.0; 4],
            uids: &mut [0; 4],
            gids: &mut [0; 4],
        },
    );
    take_names(chunk, &ends);
    for from in 0..count {
        let mut files = Files {
            paths,
            offsets: &offsets,
            sizes: &sizes,
            modes: &vec![0o644; count],
            mtimes: &mtimes,
            checksums: &mut vec![0; count * 32],
            is_known: sparse & 4 != 0,
        };
        write(std::os::fd::AsFd::as_fd(&root), chunk, &mut files, settings, from, from + 1);
        let written = Written { paths, kinds: &vec![0; count], sizes: &sizes, mtimes: &mtimes, owner: 0 };
        set_times(std::os::fd::AsFd::as_fd(&root), &written, from, from + 1);
    }
    let expected = Expected { paths, checksums: chunk };
    contents::compare(std::os::fd::AsFd::as_fd(&root), &expected, 2, &mut vec![0; count]);
    assert_eq!(fs::read_dir(place).unwrap().count(), 2);
    assert_eq!(fs::read_dir(place.join("outside")).unwrap().count(), 1);
    assert_eq!(fs::read(place.join("outside/file")).unwrap(), b"stays");
});
