//! Compares contents of files on disk with the hashes that they should have.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fd::BorrowedFd;
use rustix::fs::{Mode, OFlags};

use crate::columns::Strings;
use crate::hash::{Hasher, LENGTH};
use crate::held::{HeldDirectories, split};

/// Files that are compared. Row i of every column is file i.
pub struct Expected<'a> {
    /// Names below the target.
    pub paths: Strings<'a>,
    /// BLAKE3 of each content.
    pub checksums: &'a [u8],
}

/// Rows that a thread takes at a time.
const ROWS: usize = 16;
/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// Sets `same` to 1 for each file whose content has the expected hash. Any other file, and what cannot be read, gets 0. Symlinks
/// are not followed. Uses up to `threads` threads.
pub fn compare(root: BorrowedFd<'_>, files: &Expected<'_>, threads: usize, same: &mut [u8]) {
    let count = files.paths.len().min(same.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut held = HeldDirectories::new(root, false);
        let mut buffer = vec![0; PIECE];
        let mut found = Vec::new();
        loop {
            let from = next.fetch_add(ROWS, Ordering::Relaxed);
            if from >= count {
                return found;
            }
            let rows = from..count.min(from + ROWS);
            found.extend(rows.filter(|&row| has_hash(&mut held, files, row, &mut buffer).is_some()));
        }
    };
    let rows = std::thread::scope(|scope| {
        // A thread that cannot be started is missed by nobody: the others take its rows.
        let others: Vec<_> = (1..threads.clamp(1, count.div_ceil(ROWS).max(1)))
            .filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut rows = work();
        // Rows of a thread that panicked are not the same, so their files are written.
        rows.extend(others.into_iter().flat_map(|other| other.join().unwrap_or_default()));
        rows
    });
    same.fill(0);
    for row in rows {
        same[row] = 1;
    }
}

fn has_hash(
    held: &mut HeldDirectories<BorrowedFd<'_>>,
    files: &Expected<'_>,
    row: usize,
    buffer: &mut [u8],
) -> Option<()> {
    let expected = files.checksums.get(row * LENGTH..(row + 1) * LENGTH)?;
    let (directory, name) = split(files.paths.get(row)).ok()?;
    let directory = held.descriptor(directory).ok()?;
    // A FIFO that took the place of a file must not block.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = std::fs::File::from(rustix::fs::openat(directory, name, flags, Mode::empty()).ok()?);
    let mut hasher = Hasher::new();
    loop {
        match file.read(buffer) {
            Ok(0) => break,
            Ok(length) => {
                hasher.update(&buffer[..length]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    (hasher.finalize().as_bytes() == expected).then_some(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fd::AsFd;
    use rustix::fs::CWD;

    use super::*;
    use crate::hash;
    use crate::held::hold_flags;

    #[test]
    fn finds_the_files_that_have_their_hash() {
        let path = std::env::temp_dir().join(format!("znip-contents-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("d/e")).unwrap();
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        let mut checksums = Vec::new();
        let mut expected = Vec::new();
        for i in 0..100 {
            let name = format!("d/{}f{i}", if i % 2 == 0 { "e/" } else { "" });
            let content = vec![i as u8; i * 7919];
            let is_same = i % 3 != 0;
            if i % 7 == 0 {
                symlink("f1", path.join(&name)).unwrap();
            } else if i % 5 != 0 {
                fs::write(path.join(&name), if is_same { &content[..] } else { b"other" }).unwrap();
            }
            bytes.extend_from_slice(name.as_bytes());
            ends.push(bytes.len() as u32);
            checksums.extend_from_slice(&hash::of(&content));
            expected.push(u8::from(is_same && i % 5 != 0 && i % 7 != 0));
        }
        let root = rustix::fs::openat(CWD, &path, hold_flags(true), Mode::empty()).unwrap();
        let files = Expected { paths: Strings { bytes: &bytes, ends: &ends }, checksums: &checksums };
        for threads in [0, 1, 3, 64] {
            let mut same = vec![7; 100];
            compare(root.as_fd(), &files, threads, &mut same);
            assert_eq!(same, expected, "{threads} threads");
        }
        // Names that lead elsewhere, and columns that are too short.
        let outside = Expected { paths: Strings { bytes: b"../x/d/f1", ends: &[9] }, checksums: &checksums };
        let mut same = [1];
        compare(root.as_fd(), &outside, 1, &mut same);
        assert_eq!(same, [0]);
        compare(root.as_fd(), &Expected { checksums: &[], ..files }, 2, &mut same);
        assert_eq!(same, [0]);
        fs::remove_dir_all(path).unwrap();
    }
}
