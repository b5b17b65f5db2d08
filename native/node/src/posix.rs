//! Calls of the system that Node.js lacks or makes slow. Each returns a negative errno where it fails.

use napi::bindgen_prelude::{BigInt, Result};
use napi_derive::napi;
use rustix::io::Errno;
use znip_core::posix;

use crate::arguments::{ByteString, View, descriptor, or_errno};

/// Words of a `FileStat` in a `BigInt64Array`: mode, nlink, uid, gid, dev, ino, size, seconds, nanoseconds.
pub const STAT_WORDS: usize = 9;

pub fn write_stat(stat: &posix::FileStat, words: &mut [i64]) {
    let values = [
        i64::from(stat.mode),
        stat.nlink as i64,
        i64::from(stat.uid),
        i64::from(stat.gid),
        stat.dev as i64,
        stat.ino as i64,
        stat.size as i64,
        stat.mtime_seconds,
        i64::from(stat.mtime_nanoseconds),
    ];
    words[..STAT_WORDS].copy_from_slice(&values);
}

fn to_words(result: std::result::Result<posix::FileStat, Errno>, words: &mut [i64]) -> i32 {
    or_errno(result.map(|stat| {
        write_stat(&stat, words);
        0
    }))
}

/// openat(2).
#[napi(catch_unwind)]
pub fn open_at(directory: i32, name: ByteString, flags: u32, mode: u32) -> Result<i32> {
    Ok(or_errno(posix::open_at(descriptor(directory), &name.into_name()?, flags, mode)))
}

/// Writes what it finds to `words`.
#[napi(catch_unwind)]
pub fn stat_at(directory: i32, name: ByteString, follow: bool, mut words: View<i64>) -> Result<i32> {
    Ok(to_words(posix::stat_at(descriptor(directory), name.into_name()?, follow), &mut words))
}

/// The same for an open file.
#[napi(catch_unwind)]
pub fn stat_open(fd: i32, mut words: View<i64>) -> i32 {
    to_words(posix::stat(descriptor(fd)), &mut words)
}

/// Sets the modification time of an open file, in nanoseconds since 1970.
#[napi(catch_unwind)]
pub fn set_time(fd: i32, mtime: BigInt) -> i32 {
    or_errno(posix::set_time(descriptor(fd), mtime.get_i64().0).map(|()| 0))
}

/// The same by name.
#[napi(catch_unwind)]
pub fn set_time_at(directory: i32, name: ByteString, mtime: BigInt, follow: bool) -> Result<i32> {
    let name = name.into_name()?;
    Ok(or_errno(posix::set_time_at(descriptor(directory), &name, mtime.get_i64().0, follow).map(|()| 0)))
}

/// Reads a file that has holes; see `posix::read_by_holes`. Gives how many bytes there were.
#[napi(catch_unwind)]
pub fn read_by_holes(fd: i32, mut target: View<u8>, position: f64) -> i32 {
    or_errno(posix::read_by_holes(descriptor(fd), &mut target, position as u64).map(|length| length as i32))
}

/// Gives the file that the name `from` leads to another name, which must be unused.
#[napi(catch_unwind)]
pub fn link_at(from: ByteString, directory: i32, name: ByteString) -> Result<i32> {
    let (from, name) = (from.into_name()?, name.into_name()?);
    Ok(or_errno(posix::link_at(&from, descriptor(directory), &name).map(|()| 0)))
}

/// Renames within a directory to a name that must be unused.
#[napi(catch_unwind)]
pub fn rename_new(directory: i32, from: ByteString, to: ByteString) -> Result<i32> {
    let (from, to) = (from.into_name()?, to.into_name()?);
    Ok(or_errno(posix::rename_new(descriptor(directory), &from, &to).map(|()| 0)))
}

/// Writes the names of the extended attributes of an open file, each with a NUL after it; returns their length.
#[napi(catch_unwind)]
pub fn attribute_names(fd: i32, mut names: View<u8>) -> i32 {
    or_errno(posix::attribute_names(descriptor(fd), &mut names).map(|length| length as i32))
}

/// The same for the file with a name; with `follow`, for what the name leads to.
#[napi(catch_unwind)]
pub fn attribute_names_at(path: ByteString, mut names: View<u8>, follow: bool) -> Result<i32> {
    let length = posix::attribute_names_at(&path.into_name()?, &mut names, follow);
    Ok(or_errno(length.map(|length| length as i32)))
}

/// Writes the value of an extended attribute; returns its length.
#[napi(catch_unwind)]
pub fn attribute_at(path: ByteString, name: ByteString, mut value: View<u8>, follow: bool) -> Result<i32> {
    let length = posix::attribute_at(&path.into_name()?, &name.into_name()?, &mut value, follow);
    Ok(or_errno(length.map(|length| length as i32)))
}

/// Sets an extended attribute of an open file, or of one that is open for its name alone.
#[napi(catch_unwind)]
pub fn set_attribute(fd: i32, name: ByteString, value: View<u8>) -> Result<i32> {
    Ok(or_errno(posix::set_attribute(descriptor(fd), &name.into_name()?, &value).map(|()| 0)))
}

/// Removes one of such a file.
#[napi(catch_unwind)]
pub fn remove_attribute(fd: i32, name: ByteString) -> Result<i32> {
    Ok(or_errno(posix::remove_attribute(descriptor(fd), &name.into_name()?).map(|()| 0)))
}
