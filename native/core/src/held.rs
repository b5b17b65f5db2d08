//! Directories that are reached component by component and held open, so that no symlink is followed on the way, and
//! nobody who renames or replaces a directory meanwhile can lead reads or writes elsewhere.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, Result};

/// Held at once, without the root. In a deeper path, those nearest to the root are closed, and opened again later.
const MOST: usize = 16;

struct Level {
    /// Where its name ends in the path.
    end: usize,
    /// None if it was closed for want of room.
    fd: Option<OwnedFd>,
}

/// Directories below a root.
pub struct HeldDirectories<Root> {
    root: Root,
    /// Symlinks on the way are followed.
    follow: bool,
    /// The part of the path that is open.
    path: Vec<u8>,
    levels: Vec<Level>,
}

/// How a directory is opened only to be held: it need not be readable.
pub fn hold_flags(follow: bool) -> OFlags {
    #[cfg(target_os = "linux")]
    let only_hold = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let only_hold = OFlags::RDONLY;
    let flags = only_hold | OFlags::DIRECTORY | OFlags::CLOEXEC;
    if follow { flags } else { flags | OFlags::NOFOLLOW }
}

impl<Root: AsFd> HeldDirectories<Root> {
    /// `follow`: symlinks below the root are followed, too.
    pub fn new(root: Root, follow: bool) -> Self {
        HeldDirectories { root, follow, path: Vec::new(), levels: Vec::new() }
    }

    /// A directory below the root; an empty path is the root. Fails with ENOTDIR if a component is a symlink or no
    /// directory, with ENOENT if it is missing, and with EINVAL for a path that is not of plain names.
    pub fn descriptor(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>> {
        if path != self.path {
            self.go(path)?;
        }
        Ok(self.current())
    }

    fn current(&self) -> BorrowedFd<'_> {
        match self.levels.last() {
            Some(Level { fd: Some(fd), .. }) => fd.as_fd(),
            _ => self.root.as_fd(),
        }
    }

    fn go(&mut self, path: &[u8]) -> Result<()> {
        let shared = self
            .levels
            .iter()
            .take_while(|level| {
                path.starts_with(&self.path[..level.end]) && matches!(path.get(level.end), None | Some(b'/'))
            })
            .count();
        self.levels.truncate(shared);
        while self.levels.last().is_some_and(|level| level.fd.is_none()) {
            self.levels.pop();
        }
        let mut start = self.levels.last().map_or(0, |level| level.end + 1);
        self.path.truncate(start.saturating_sub(1));
        while start < path.len() {
            let end = path[start..]
                .iter()
                .position(|&byte| byte == b'/')
                .map_or(path.len(), |length| start + length);
            let name = &path[start..end];
            check_name(name)?;
            let fd = rustix::fs::openat(self.current(), name, hold_flags(self.follow), Mode::empty())?;
            self.levels.push(Level { end, fd: Some(fd) });
            self.path.clear();
            self.path.extend_from_slice(&path[..end]);
            if let Some(far) = self.levels.len().checked_sub(MOST + 1) {
                self.levels[far].fd = None;
            }
            start = end + 1;
        }
        if self.path.len() == path.len() { Ok(()) } else { Err(Errno::INVAL) }
    }
}

/// Refuses what is not one plain name: nothing leads out of a directory or to itself.
pub fn check_name(name: &[u8]) -> Result<()> {
    let is_plain =
        !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/') && !name.contains(&0);
    if is_plain { Ok(()) } else { Err(Errno::INVAL) }
}

/// Directory and name of a path. Fails with EINVAL where the name is not a plain one, and for a path from the root.
pub fn split(path: &[u8]) -> Result<(&[u8], &[u8])> {
    let (directory, name) = match path.iter().rposition(|&byte| byte == b'/') {
        Some(0) => return Err(Errno::INVAL),
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[][..], path),
    };
    check_name(name)?;
    Ok((directory, name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use rustix::fs::CWD;

    use super::*;
    use crate::posix;

    /// A new directory below the system's own for such.
    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("znip-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn open(path: &std::path::Path) -> OwnedFd {
        rustix::fs::openat(CWD, path, hold_flags(true), Mode::empty()).unwrap()
    }

    fn inode(path: &std::path::Path) -> u64 {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).unwrap().ino()
    }

    #[test]
    fn goes_to_each_directory_in_any_order() {
        let root = scratch("held");
        let deep: PathBuf = (0..40).map(|i| format!("d{i}")).collect();
        fs::create_dir_all(root.join(&deep)).unwrap();
        fs::create_dir_all(root.join("d0/other")).unwrap();
        let mut held = HeldDirectories::new(open(&root), false);
        let deep = deep.to_str().unwrap().to_owned();
        for path in [deep.as_str(), "d0/other", "", "d0", deep.as_str(), &deep[..30], "d0/d1", deep.as_str()]
        {
            let path = path.trim_end_matches('/');
            let expected = inode(&root.join(path));
            let found = held.descriptor(path.as_bytes()).map(|fd| posix::stat(fd).unwrap().ino);
            if root.join(path).exists() {
                assert_eq!(found, Ok(expected), "{path}");
            }
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn follows_no_symlink_and_finds_its_way_back() {
        let root = scratch("held-links");
        fs::create_dir_all(root.join("real/below")).unwrap();
        symlink("real", root.join("link")).unwrap();
        fs::write(root.join("file"), "").unwrap();
        let mut held = HeldDirectories::new(open(&root), false);
        assert_eq!(held.descriptor(b"link").unwrap_err(), Errno::NOTDIR);
        assert_eq!(held.descriptor(b"link/below").unwrap_err(), Errno::NOTDIR);
        assert_eq!(held.descriptor(b"file/x").unwrap_err(), Errno::NOTDIR);
        assert_eq!(held.descriptor(b"missing").unwrap_err(), Errno::NOENT);
        assert!(held.descriptor(b"real/below").is_ok());
        let mut following = HeldDirectories::new(open(&root), true);
        assert!(following.descriptor(b"link/below").is_ok());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn leads_nowhere_but_down() {
        let root = scratch("held-up");
        fs::create_dir_all(root.join("a/b")).unwrap();
        let mut held = HeldDirectories::new(open(&root), false);
        for path in ["..", "a/..", "a/../..", ".", "a/.", "a//b", "/a", "a/", "/", "a/b/../../..", "a\0b"] {
            assert_eq!(held.descriptor(path.as_bytes()).unwrap_err(), Errno::INVAL, "{path:?}");
        }
        assert!(held.descriptor(b"a/b").is_ok());
        fs::remove_dir_all(root).unwrap();
    }
}
