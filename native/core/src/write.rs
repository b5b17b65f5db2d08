//! Writes the files of a chunk: hashes each content, and creates the file in its directory.

use rustix::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::{Errno, Result};

use crate::columns::Strings;
use crate::hash;
use crate::held::{HeldDirectories, split};
use crate::posix::{self, uninterrupted};

/// Runs of zeros of this length that begin at a multiple of it become holes.
const HOLE: usize = 64 * 1024;

/// Files that lie in one chunk. Row i of every column is file i.
pub struct Files<'a> {
    /// Names below the target.
    pub paths: Strings<'a>,
    /// Where each content starts in the chunk.
    pub offsets: &'a [f64],
    /// Bytes of each.
    pub sizes: &'a [f64],
    /// Permission bits, as the archive has them.
    pub modes: &'a [u32],
    /// Nanoseconds since 1970.
    pub mtimes: &'a [i64],
    /// BLAKE3 of each content: as the index has it, or to be written here.
    pub checksums: &'a mut [u8],
    /// The index has said what the hashes are.
    pub is_known: bool,
}

/// What is set besides content.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// Bits that open(2) takes away.
    pub umask: u32,
    /// Set them again.
    pub preserve_permissions: bool,
    /// Long runs of zeros become holes.
    pub sparse: bool,
    /// Set modification times.
    pub mtime: bool,
    /// A file gets its name only when it is complete, and then replaces nothing. Until then it has a name that begins so,
    /// beside its own.
    pub part: Option<&'a [u8]>,
    /// Wait until each file is on the disk.
    pub fsync: bool,
}

/// Writes the files of rows `from` to `to`. Stops before a file that is not as it should be: whose content has another hash,
/// whose name is taken, or about which the system refuses something; nothing of it is left. Gives the row at which it
/// stopped, or `to`.
pub fn write(
    root: BorrowedFd<'_>,
    chunk: &[u8],
    files: &mut Files<'_>,
    settings: Settings<'_>,
    from: usize,
    to: usize,
) -> usize {
    let mut held = HeldDirectories::new(root, false);
    for row in from..to.min(files.paths.len()) {
        if put(&mut held, chunk, files, settings, row).is_none() {
            return row;
        }
    }
    to
}

fn put(
    held: &mut HeldDirectories<BorrowedFd<'_>>,
    chunk: &[u8],
    files: &mut Files<'_>,
    settings: Settings<'_>,
    row: usize,
) -> Option<()> {
    let offset = *files.offsets.get(row)? as usize;
    let content = chunk.get(offset..offset.checked_add(*files.sizes.get(row)? as usize)?)?;
    let mode = *files.modes.get(row)? & 0o777;
    let mtime = settings.mtime.then_some(*files.mtimes.get(row)?);
    let checksum = files.checksums.get_mut(row * hash::LENGTH..(row + 1) * hash::LENGTH)?;
    let found = hash::of(content);
    if !files.is_known {
        checksum.copy_from_slice(&found);
    } else if checksum != found {
        return None;
    }
    let (directory, name) = split(files.paths.get(row)).ok()?;
    let directory = held.descriptor(directory).ok()?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if settings.part.is_some_and(|prefix| prefix.contains(&b'/')) {
        return None;
    }
    let part = settings.part.map(|prefix| [prefix, b"-", row.to_string().as_bytes(), b".part"].concat());
    let made_as = part.as_deref().unwrap_or(name);
    let file = rustix::fs::openat(directory, made_as, flags, Mode::from_bits_truncate(mode as _)).ok()?;
    let made = mode & !settings.umask;
    let wanted = if settings.preserve_permissions { mode } else { made };
    let mut written = finish(file, content, (wanted != made).then_some(wanted), mtime, settings);
    if let (Ok(()), Some(part)) = (&written, &part) {
        written = posix::rename_new(directory, part, name);
    }
    if written.is_err() {
        // It is gone already, or nothing can be done about it.
        let _ = rustix::fs::unlinkat(directory, made_as, AtFlags::empty());
    }
    written.ok()
}

fn finish(
    file: OwnedFd,
    content: &[u8],
    mode: Option<u32>,
    mtime: Option<i64>,
    settings: Settings<'_>,
) -> Result<()> {
    if settings.sparse && content.len() >= HOLE {
        write_sparsely(file.as_fd(), content)?;
    } else {
        write_all(file.as_fd(), content, 0)?;
    }
    if let Some(mode) = mode {
        rustix::fs::fchmod(&file, Mode::from_bits_truncate(mode as _))?;
    }
    if let Some(mtime) = mtime {
        posix::set_time(file.as_fd(), mtime)?;
    }
    if settings.fsync {
        uninterrupted(|| rustix::fs::fsync(&file))?;
    }
    // Some network file systems report a full disk only now.
    // SAFETY: nobody else has the descriptor.
    unsafe { rustix::io::try_close(file.into_raw_fd()) }
}

fn write_all(file: BorrowedFd<'_>, bytes: &[u8], position: u64) -> Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        let written = uninterrupted(|| rustix::io::pwrite(file, &bytes[done..], position + done as u64))?;
        if written == 0 {
            return Err(Errno::IO);
        }
        done += written;
    }
    Ok(())
}

fn write_sparsely(file: BorrowedFd<'_>, content: &[u8]) -> Result<()> {
    let mut from = 0;
    let mut blocks = content.chunks_exact(HOLE);
    let mut at = 0;
    for block in &mut blocks {
        if block.iter().all(|&byte| byte == 0) {
            write_all(file, &content[from..at], from as u64)?;
            from = at + HOLE;
        }
        at += HOLE;
    }
    write_all(file, &content[from..], from as u64)?;
    if from > 0 && from == content.len() {
        rustix::fs::ftruncate(file, content.len() as u64)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::{Path, PathBuf};

    use rustix::fs::CWD;

    use super::*;
    use crate::held::hold_flags;

    const SETTINGS: Settings<'_> = Settings {
        umask: 0,
        preserve_permissions: true,
        sparse: true,
        mtime: true,
        part: None,
        fsync: false,
    };

    fn scratch(name: &str) -> (PathBuf, OwnedFd) {
        let path = std::env::temp_dir().join(format!("znip-write-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("a/b")).unwrap();
        let fd = rustix::fs::openat(CWD, &path, hold_flags(true), Mode::empty()).unwrap();
        (path, fd)
    }

    fn write_these(root: &OwnedFd, names: &[&[u8]], content: &[u8]) -> usize {
        write_with(SETTINGS, root, names, content)
    }

    fn write_with(settings: Settings<'_>, root: &OwnedFd, names: &[&[u8]], content: &[u8]) -> usize {
        let mut ends = Vec::new();
        let mut bytes = Vec::new();
        for name in names {
            bytes.extend_from_slice(name);
            ends.push(bytes.len() as u32);
        }
        let count = names.len();
        let mut files = Files {
            paths: Strings { bytes: &bytes, ends: &ends },
            offsets: &vec![0.0; count],
            sizes: &vec![content.len() as f64; count],
            modes: &vec![0o640; count],
            mtimes: &vec![1_500_000_000_123_456_789; count],
            checksums: &mut vec![0; count * hash::LENGTH],
            is_known: false,
        };
        let row = write(root.as_fd(), content, &mut files, settings, 0, count);
        if row == count {
            assert_eq!(files.checksums[..hash::LENGTH], hash::of(content));
        }
        row
    }

    fn is_gone(path: &Path) -> bool {
        fs::symlink_metadata(path).is_err()
    }

    #[test]
    fn writes_content_mode_and_time() {
        let (path, root) = scratch("plain");
        assert_eq!(write_these(&root, &[b"x", b"a/y", b"a/b/z", b"a/w"], b"content"), 4);
        for name in ["x", "a/y", "a/b/z", "a/w"] {
            let found = fs::metadata(path.join(name)).unwrap();
            assert_eq!(fs::read(path.join(name)).unwrap(), b"content");
            assert_eq!(
                (found.mode() & 0o7777, found.mtime(), found.mtime_nsec()),
                (0o640, 1_500_000_000, 123_456_789)
            );
        }
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn leaves_holes_for_zeros() {
        let (path, root) = scratch("sparse");
        let mut content = vec![0; 40 * HOLE + 5];
        content[3] = 1;
        content[20 * HOLE] = 1;
        assert_eq!(write_these(&root, &[b"x"], &content), 1);
        assert_eq!(fs::read(path.join("x")).unwrap(), content);
        assert!(fs::metadata(path.join("x")).unwrap().blocks() * 512 < 5 * HOLE as u64);
        assert_eq!(write_these(&root, &[b"y"], &vec![0; 3 * HOLE]), 1);
        assert_eq!(fs::metadata(path.join("y")).unwrap().len(), 3 * HOLE as u64);
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn stops_at_what_is_there_and_leads_nowhere_else() {
        let (path, root) = scratch("taken");
        fs::create_dir(path.join("outside")).unwrap();
        fs::write(path.join("a/taken"), "old").unwrap();
        symlink("../outside", path.join("a/link")).unwrap();
        symlink("../outside/new", path.join("a/dangling")).unwrap();
        for name in [
            "a/taken",
            "a/link",
            "a/dangling",
            "a/link/x",
            "a/../x",
            "../x",
            "/x",
            "",
            "a/",
            "a/.",
            "missing/x",
        ] {
            assert_eq!(write_these(&root, &[b"first", name.as_bytes()], b"new"), 1, "{name}");
            fs::remove_file(path.join("first")).unwrap();
        }
        assert_eq!(fs::read(path.join("a/taken")).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.join("outside")).unwrap().count(), 0);
        assert!(is_gone(&path.join("x")));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn names_files_when_they_are_complete() {
        let (path, root) = scratch("parts");
        let settings = Settings { part: Some(b".part"), fsync: true, ..SETTINGS };
        fs::write(path.join("a/taken"), "old").unwrap();
        // A temporary name that something else has.
        fs::write(path.join("a/.part-2.part"), "other").unwrap();
        let write = |names: &[&[u8]]| write_with(settings, &root, names, b"content");
        assert_eq!(write(&[b"a/x", b"a/y", b"a/z"]), 2);
        assert_eq!(write(&[b"a/taken"]), 0);
        assert_eq!(write_with(Settings { part: Some(b"../p"), ..settings }, &root, &[b"a/w"], b""), 0);
        let mut names: Vec<_> =
            fs::read_dir(path.join("a")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".part-2.part", "b", "taken", "x", "y"]);
        assert_eq!(fs::read(path.join("a/taken")).unwrap(), b"old");
        assert_eq!(fs::read(path.join("a/x")).unwrap(), b"content");
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn writes_nothing_whose_hash_is_wrong() {
        let (path, root) = scratch("damaged");
        let mut checksums = hash::of(b"other").to_vec();
        let mut files = Files {
            paths: Strings { bytes: b"x", ends: &[1] },
            offsets: &[0.0],
            sizes: &[7.0],
            modes: &[0o644],
            mtimes: &[0],
            checksums: &mut checksums,
            is_known: true,
        };
        assert_eq!(write(root.as_fd(), b"content", &mut files, SETTINGS, 0, 1), 0);
        // A content that reaches past the chunk.
        files.sizes = &[8.0];
        assert_eq!(write(root.as_fd(), b"content", &mut files, SETTINGS, 0, 1), 0);
        assert!(is_gone(&path.join("x")));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn leaves_nothing_of_a_file_that_it_cannot_write() {
        let (path, root) = scratch("full");
        // No file may be longer than this from here on; the signal for it would end the process.
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        if let Ok(full) = full {
            assert_eq!(write_all(full.as_fd(), b"x", 0), Err(Errno::NOSPC));
        }
        let file = rustix::fs::openat(&root, c"x", OFlags::CREATE | OFlags::RDONLY, Mode::RUSR).unwrap();
        assert_eq!(finish(file, b"content", None, None, SETTINGS), Err(Errno::BADF));
        fs::remove_dir_all(path).unwrap();
    }
}
