//! Sets the times of files that were written before, when they become known.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Mode, OFlags};

use crate::columns::{Strings, kind};
use crate::held::{HeldDirectories, split};
use crate::posix;

/// Files that a run has written. Row i of every column is file i.
pub struct Written<'a> {
    /// Names below the target.
    pub paths: Strings<'a>,
    /// `columns::kind`: what is no file is passed over.
    pub kinds: &'a [u8],
    /// Bytes of each.
    pub sizes: &'a [f64],
    /// The time that each gets, in nanoseconds since 1970. Whole seconds are there already.
    pub mtimes: &'a [i64],
    /// Who wrote them.
    pub owner: u32,
}

/// Sets the times of rows `from` to `to`. Each file is held open while it is looked at, and its time set on what is held:
/// somebody else may have put another there. Stops before one that may be another, or about which the system refuses
/// something. Gives its row, or `to`.
pub fn set_times(root: BorrowedFd<'_>, files: &Written<'_>, from: usize, to: usize) -> usize {
    let mut held = HeldDirectories::new(root, false);
    (from..to.min(files.paths.len())).find(|&row| set(&mut held, files, row).is_none()).unwrap_or(to)
}

fn set(held: &mut HeldDirectories<BorrowedFd<'_>>, files: &Written<'_>, row: usize) -> Option<()> {
    let mtime = *files.mtimes.get(row)?;
    if *files.kinds.get(row)? != kind::FILE || mtime % 1_000_000_000 == 0 {
        return Some(());
    }
    let (directory, name) = split(files.paths.get(row)).ok()?;
    let directory = held.descriptor(directory).ok()?;
    #[cfg(target_os = "linux")]
    let only_hold = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let only_hold = OFlags::RDONLY | OFlags::NONBLOCK;
    let flags = only_hold | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty()).ok()?;
    let found = posix::stat(&file).ok()?;
    let is_ours = found.is_file()
        && found.nlink == 1
        && found.uid == files.owner
        && found.size == *files.sizes.get(row)? as u64;
    if !is_ours {
        return None;
    }
    posix::set_held_time(file.as_fd(), mtime).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    use rustix::fs::CWD;

    use super::*;
    use crate::held::hold_flags;

    #[test]
    fn sets_the_times_of_what_was_written_and_of_nothing_else() {
        let path = std::env::temp_dir().join(format!("znip-amend-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("d")).unwrap();
        for name in ["x", "d/y", "longer", "linked"] {
            fs::write(path.join(name), if name == "longer" { "content!" } else { "content" }).unwrap();
        }
        fs::hard_link(path.join("linked"), path.join("again")).unwrap();
        symlink("x", path.join("link")).unwrap();
        let root = rustix::fs::openat(CWD, &path, hold_flags(true), Mode::empty()).unwrap();
        let owner = rustix::process::geteuid().as_raw();
        let set = |name: &str, owner: u32| {
            let files = Written {
                paths: Strings { bytes: name.as_bytes(), ends: &[name.len() as u32] },
                kinds: &[kind::FILE],
                sizes: &[7.0],
                mtimes: &[-1_500_000_000_123_456_789],
                owner,
            };
            set_times(root.as_fd(), &files, 0, 1) == 1
        };
        assert!(set("x", owner) && set("d/y", owner));
        for name in ["longer", "linked", "link", "d", "missing", "d/../x", "/x"] {
            assert!(!set(name, owner), "{name}");
        }
        assert!(!set("x", owner + 1));
        let found = fs::metadata(path.join("d/y")).unwrap();
        assert_eq!((found.mtime(), found.mtime_nsec()), (-1_500_000_001, 876_543_211));
        fs::remove_dir_all(path).unwrap();
    }
}
