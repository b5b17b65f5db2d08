//! Calls of POSIX and Linux that Node.js lacks or makes slow.

use std::ffi::CStr;

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::io::{Errno, Result};
use rustix::path::Arg;

/// What the file system says about a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStat {
    /// Type and permission bits, as in `st_mode` (POSIX, sys/stat.h).
    pub mode: u32,
    /// Names.
    pub nlink: u64,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// File system.
    pub dev: u64,
    /// File on it.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Modification time: whole seconds since 1970, rounded down.
    pub mtime_seconds: i64,
    /// The rest of it, 0 to 999,999,999 ns.
    pub mtime_nanoseconds: u32,
}

const MAX_TIME: i128 = i64::MAX as i128;

impl FileStat {
    /// Modification time in nanoseconds since 1970, as an entry can hold it: from 1677 to 2262.
    pub fn mtime(&self) -> i64 {
        self.nanoseconds().clamp(-MAX_TIME, MAX_TIME) as i64
    }

    /// Whether that is not the time itself.
    pub fn is_out_of_range(&self) -> bool {
        !(-MAX_TIME..=MAX_TIME).contains(&self.nanoseconds())
    }

    fn nanoseconds(&self) -> i128 {
        i128::from(self.mtime_seconds) * 1_000_000_000 + i128::from(self.mtime_nanoseconds)
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.mode & 0o170_000 == 0o100_000
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.mode & 0o170_000 == 0o120_000
    }
}

impl From<rustix::fs::Stat> for FileStat {
    // The fields have other widths on other systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    fn from(stat: rustix::fs::Stat) -> FileStat {
        FileStat {
            mode: u32::from(stat.st_mode),
            nlink: stat.st_nlink as u64,
            uid: stat.st_uid,
            gid: stat.st_gid,
            dev: stat.st_dev as u64,
            ino: stat.st_ino as u64,
            size: stat.st_size as u64,
            mtime_seconds: stat.st_mtime as i64,
            mtime_nanoseconds: stat.st_mtime_nsec as u32,
        }
    }
}

/// The file with this name in a directory; with `follow`, the file that the name leads to.
pub fn stat_at(directory: impl AsFd, name: impl Arg, follow: bool) -> Result<FileStat> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    rustix::fs::statat(directory, name, flags).map(FileStat::from)
}

/// Reads the target of a symlink to `target`. Gives its length; fails with ENAMETOOLONG if there may be more of it.
pub fn read_link(directory: impl AsFd, name: &[u8], target: &mut [u8]) -> Result<usize> {
    let room = target.len();
    let length = rustix::fs::readlinkat_raw(directory, name, target)?;
    if length < room { Ok(length) } else { Err(Errno::NAMETOOLONG) }
}

/// The open file.
pub fn stat(fd: impl AsFd) -> Result<FileStat> {
    rustix::fs::fstat(fd).map(FileStat::from)
}

/// openat(2), closed on exec. The caller closes the descriptor.
pub fn open_at(directory: impl AsFd, name: &CStr, flags: u32, mode: u32) -> Result<RawFd> {
    let flags = OFlags::from_bits_retain(flags as _) | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(directory, name, flags, Mode::from_bits_truncate(mode as _))?;
    Ok(opened.into_raw_fd())
}

/// Both times for a call that sets only the modification time.
pub fn only_mtime(mtime: i64) -> Timestamps {
    let second = 1_000_000_000;
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT as _ },
        last_modification: Timespec {
            tv_sec: mtime.div_euclid(second),
            tv_nsec: mtime.rem_euclid(second) as _,
        },
    }
}

/// Sets the modification time of an open file, in nanoseconds since 1970.
pub fn set_time(fd: BorrowedFd<'_>, mtime: i64) -> Result<()> {
    rustix::fs::futimens(fd, &only_mtime(mtime))
}

/// The same for a file that is open for nothing else (O_PATH).
pub fn set_held_time(fd: BorrowedFd<'_>, mtime: i64) -> Result<()> {
    #[cfg(target_os = "linux")]
    return rustix::fs::utimensat(fd, c"", &only_mtime(mtime), AtFlags::EMPTY_PATH);
    #[cfg(not(target_os = "linux"))]
    set_time(fd, mtime)
}

/// The same for the file with this name; with `follow`, for the file that the name leads to.
pub fn set_time_at(directory: impl AsFd, name: &CStr, mtime: i64, follow: bool) -> Result<()> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    rustix::fs::utimensat(directory, name, &only_mtime(mtime), flags)
}

/// linkat(2) that follows a symlink at `from`: gives the file that `from` leads to another name.
pub fn link_at(from: &CStr, directory: impl AsFd, name: &CStr) -> Result<()> {
    rustix::fs::linkat(rustix::fs::CWD, from, directory, name, AtFlags::SYMLINK_FOLLOW)
}

/// Reads an open file that has holes from byte `position` on, into all of `target`: what is a hole becomes zeros without being read.
/// Gives how many bytes there were up to the end of the file. Fails where the system does not tell holes; the file's own
/// position moves.
pub fn read_by_holes(fd: impl AsFd, target: &mut [u8], position: u64) -> Result<usize> {
    let mut done = 0;
    while done < target.len() {
        let at = position + done as u64;
        let (from, to) = data_run(&fd, at)?;
        let left = &mut target[done..];
        let hole = left.len().min(from.saturating_sub(at) as usize);
        if hole > 0 {
            left[..hole].fill(0);
            done += hole;
            continue;
        }
        let most = left.len().min(to.saturating_sub(at) as usize);
        let read = uninterrupted(|| rustix::io::pread(&fd, &mut left[..most], at))?;
        if read == 0 {
            break;
        }
        done += read;
    }
    Ok(done)
}

/// Where the next data at or behind `offset` begins and ends: lseek(2) with SEEK_DATA and SEEK_HOLE. Behind the last, there is
/// only a hole, up to the end of the file.
#[cfg(target_os = "linux")]
fn data_run(fd: impl AsFd, offset: u64) -> Result<(u64, u64)> {
    use rustix::fs::{SeekFrom, fstat, seek};
    match seek(&fd, SeekFrom::Data(offset)) {
        Err(Errno::NXIO) => Ok((offset.max(fstat(&fd)?.st_size as u64), u64::MAX)),
        from => Ok((from?, seek(&fd, SeekFrom::Hole(from?))?)),
    }
}

#[cfg(not(target_os = "linux"))]
fn data_run(_fd: impl AsFd, _offset: u64) -> Result<(u64, u64)> {
    Err(Errno::NOSYS)
}

/// Renames within a directory; the new name must be unused.
pub fn rename_new(directory: BorrowedFd<'_>, from: impl Arg, to: impl Arg) -> Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    return rustix::fs::renameat_with(directory, from, directory, to, rustix::fs::RenameFlags::NOREPLACE);
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    Err(Errno::NOSYS)
}

/// Names of the extended attributes of an open file, each with a NUL after it. Gives the length, 0 for none.
pub fn attribute_names(fd: impl AsFd, names: &mut [u8]) -> Result<usize> {
    rustix::fs::flistxattr(fd, names)
}

/// The same for the file with a name; with `follow`, for what the name leads to.
pub fn attribute_names_at(path: &CStr, names: &mut [u8], follow: bool) -> Result<usize> {
    if follow { rustix::fs::listxattr(path, names) } else { rustix::fs::llistxattr(path, names) }
}

/// The value of an extended attribute of the file with a name; with `follow`, of what the name leads to. Gives its length.
pub fn attribute_at(path: &CStr, name: &CStr, value: &mut [u8], follow: bool) -> Result<usize> {
    if follow { rustix::fs::getxattr(path, name, value) } else { rustix::fs::lgetxattr(path, name, value) }
}

/// Sets an extended attribute of an open file. On Linux, it may be open for its name alone (`O_PATH`).
pub fn set_attribute(fd: impl AsFd, name: &CStr, value: &[u8]) -> Result<()> {
    let flags = rustix::fs::XattrFlags::empty();
    match rustix::fs::fsetxattr(&fd, name, value, flags) {
        #[cfg(target_os = "linux")]
        Err(Errno::BADF) => {
            let own = format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd());
            rustix::fs::setxattr(own, name, value, flags)
        }
        result => result,
    }
}

/// Removes an extended attribute of an open file, which may be open for its name alone, as above.
pub fn remove_attribute(fd: impl AsFd, name: &CStr) -> Result<()> {
    match rustix::fs::fremovexattr(&fd, name) {
        #[cfg(target_os = "linux")]
        Err(Errno::BADF) => {
            rustix::fs::removexattr(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()), name)
        }
        result => result,
    }
}

/// Repeats a call as long as a signal interrupts it.
pub fn uninterrupted<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Whether a file has attributes that somebody set on purpose. Labels of security modules do not count.
pub fn says_something(file: BorrowedFd<'_>) -> bool {
    let mut names = [0; 1024];
    match attribute_names(file, &mut names) {
        Ok(length) => names[..length].split(|&byte| byte == 0).any(|name| {
            !name.is_empty() && (!name.starts_with(b"security.") || name == b"security.capability")
        }),
        // Many names. Any other error: the file system has no attributes, or does not say.
        Err(errno) => errno == Errno::RANGE,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn reads_what_is_between_holes() {
        let path = std::env::temp_dir().join(format!("znip-holes-{}", std::process::id()));
        let file = fs::File::create_new(&path).unwrap();
        file.set_len(1_000_000).unwrap();
        for at in [100_000, 500_000] {
            file.write_all_at(&[7; 3000], at).unwrap();
        }
        let file = fs::File::open(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for (position, length) in [(0, 1_000_000), (99_999, 3), (101_000, 600_000), (999_990, 10)] {
            let mut target = vec![1; length];
            assert_eq!(read_by_holes(&file, &mut target, position as u64), Ok(length));
            assert_eq!(target, whole[position..position + length]);
        }
        // Past the end, there is nothing.
        let mut target = vec![1; 100];
        assert_eq!(read_by_holes(&file, &mut target, 999_950), Ok(50));
        assert_eq!(read_by_holes(&file, &mut target, 2_000_000), Ok(0));
        fs::remove_file(path).unwrap();
    }
}
