//! Lists a directory with everything that a walk wants to know about what is in it.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::{Errno, Result};

use crate::posix::{self, FileStat};

/// One name of a directory.
pub struct Found {
    /// Where it is in `Listing::names`.
    name: (u32, u32),
    /// What it is; or why nobody can tell.
    pub stat: std::result::Result<FileStat, Errno>,
    /// Where the target of a symlink is in `Listing::targets`; both 0 for others, and for one that cannot be read.
    target: (u32, u32),
}

/// The names of a directory, in byte order.
#[derive(Default)]
pub struct Listing {
    names: Vec<u8>,
    targets: Vec<u8>,
    /// In order.
    pub found: Vec<Found>,
    /// The directory itself has extended attributes that somebody set on purpose.
    pub has_attributes: bool,
}

impl Listing {
    /// The name of a row.
    pub fn name(&self, found: &Found) -> &[u8] {
        &self.names[found.name.0 as usize..found.name.1 as usize]
    }

    /// Target of a symlink; empty for others.
    pub fn target(&self, found: &Found) -> &[u8] {
        &self.targets[found.target.0 as usize..found.target.1 as usize]
    }
}

/// Bytes of what an encoded listing says about a name.
const RECORD: usize = 64;

impl Listing {
    /// For each name a record of 64 bytes, and behind all records the names, each followed by the target if it is a symlink. A
    /// record has, in the byte order of this machine: mode, nlink, uid and gid as 32 bits; device, inode, size and modification
    /// time as 64 bits; where the name and where the target ends behind the records, an errno that is not 0 if nothing is known,
    /// and 1 if the time is out of the range of 64-bit nanoseconds, as 32 bits. A time out of range is the nearest one. The last
    /// eight bytes, little-endian: 1 if the directory itself has attributes, and the number of names.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.found.len() * (RECORD + 32));
        let mut texts = Vec::with_capacity(self.found.len() * 32);
        for found in &self.found {
            texts.extend_from_slice(self.name(found));
            let name_end = texts.len() as u32;
            texts.extend_from_slice(self.target(found));
            let (stat, errno) = match found.stat {
                Ok(stat) => (stat, 0),
                Err(errno) => (FileStat::default(), errno.raw_os_error() as u32),
            };
            for word in [stat.mode, stat.nlink.min(u64::from(u32::MAX)) as u32, stat.uid, stat.gid] {
                bytes.extend_from_slice(&word.to_ne_bytes());
            }
            for word in [stat.dev, stat.ino, stat.size, stat.mtime() as u64] {
                bytes.extend_from_slice(&word.to_ne_bytes());
            }
            for word in [name_end, texts.len() as u32, errno, u32::from(stat.is_out_of_range())] {
                bytes.extend_from_slice(&word.to_ne_bytes());
            }
        }
        bytes.extend_from_slice(&texts);
        bytes.extend_from_slice(&u32::from(self.has_attributes).to_le_bytes());
        bytes.extend_from_slice(&(self.found.len() as u32).to_le_bytes());
        bytes
    }
}

/// Columns of members that names of a listing go into.
pub struct Columns<'a> {
    /// Paths, and room for more.
    pub paths: &'a mut [u8],
    /// Where each ends.
    pub path_ends: &'a mut [u32],
    /// Permission bits.
    pub modes: &'a mut [u16],
    /// Bytes of content.
    pub sizes: &'a mut [f64],
    /// Nanoseconds since 1970.
    pub mtimes: &'a mut [i64],
}

/// Copies rows `from` to `to` of an encoded listing into the columns, from the member `row` on, whose paths follow the one
/// before. Each path is `base` and the name. `None` if there is no room, or if there are no such rows.
pub fn take(
    listing: &[u8],
    from: usize,
    to: usize,
    base: &[u8],
    columns: &mut Columns<'_>,
    row: usize,
) -> Option<()> {
    let (rest, count) = listing.split_last_chunk::<4>()?;
    let (rest, _) = rest.split_last_chunk::<4>()?;
    let (records, texts) =
        rest.split_at_checked((u32::from_le_bytes(*count) as usize).checked_mul(RECORD)?)?;
    let word = |at: usize| {
        records.get(at..at + 4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))
    };
    let long =
        |at: usize| records.get(at..at + 8).and_then(|long| long.try_into().ok()).map(u64::from_ne_bytes);
    let mut end = row.checked_sub(1).map_or(Some(0), |last| columns.path_ends.get(last).copied())? as usize;
    let first = from.checked_sub(1).map_or(Some(0), |last| word(last * RECORD + 52))?;
    let mut start = first as usize;
    for (i, at) in (from..to).map(|row| row * RECORD).enumerate() {
        let name = texts.get(start..word(at + 48)? as usize)?;
        let path = columns.paths.get_mut(end..end + base.len() + name.len())?;
        path[..base.len()].copy_from_slice(base);
        path[base.len()..].copy_from_slice(name);
        end += path.len();
        start = word(at + 52)? as usize;
        *columns.path_ends.get_mut(row + i)? = end as u32;
        *columns.modes.get_mut(row + i)? = (word(at)? & 0o7777) as u16;
        *columns.sizes.get_mut(row + i)? = long(at + 32)? as f64;
        *columns.mtimes.get_mut(row + i)? = long(at + 40)? as i64;
    }
    Some(())
}

/// Lists a held directory. With `follow`, a symlink is what it leads to. Fails if it cannot be read.
pub fn list(directory: BorrowedFd<'_>, follow: bool) -> Result<Listing> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = rustix::fs::openat(directory, c".", flags, Mode::empty())?;
    let has_attributes = posix::says_something(open.as_fd());
    let mut listing = Listing { has_attributes, ..Listing::default() };
    let mut entries = Dir::new(open)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." {
            continue;
        }
        let start = listing.names.len() as u32;
        listing.names.extend_from_slice(name);
        let name = (start, listing.names.len() as u32);
        listing.found.push(Found { name, stat: Err(Errno::NOENT), target: (0, 0) });
    }
    let names = &listing.names;
    let bytes = |(start, end): (u32, u32)| &names[start as usize..end as usize];
    listing.found.sort_unstable_by(|a, b| bytes(a.name).cmp(bytes(b.name)));
    let mut target = [0; 4096];
    for found in &mut listing.found {
        let name = bytes(found.name);
        found.stat = posix::stat_at(directory, name, follow);
        if found.stat.is_ok_and(|stat| stat.is_symlink()) {
            let length = posix::read_link(directory, name, &mut target).unwrap_or(0);
            let start = listing.targets.len() as u32;
            listing.targets.extend_from_slice(&target[..length]);
            found.target = (start, start + length as u32);
        }
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Vec<u8> {
        let mut listing = Listing::default();
        for (i, name) in ["a", "bcd", "ef"].iter().enumerate() {
            let start = listing.names.len() as u32;
            listing.names.extend_from_slice(name.as_bytes());
            let stat = FileStat { mode: 0o100_640 + i as u32, size: 10 + i as u64, ..FileStat::default() };
            listing.found.push(Found {
                name: (start, start + name.len() as u32),
                stat: Ok(stat),
                target: (0, 0),
            });
        }
        listing.encode()
    }

    #[test]
    fn takes_rows_into_columns_behind_what_is_there() {
        let (mut paths, mut ends, mut modes, mut sizes, mut times) =
            ([0; 16], [0; 3], [0; 3], [0.0; 3], [0; 3]);
        paths[0] = b'x';
        ends[0] = 1;
        let mut columns = Columns {
            paths: &mut paths,
            path_ends: &mut ends,
            modes: &mut modes,
            sizes: &mut sizes,
            mtimes: &mut times,
        };
        assert_eq!(take(&listing(), 1, 3, b"d/", &mut columns, 1), Some(()));
        assert_eq!(take(&listing(), 1, 3, b"d/", &mut columns, 2), None);
        assert_eq!(take(&listing(), 2, 4, b"d/", &mut columns, 1), None);
        assert_eq!(take(&listing(), 1, 3, &[0; 16], &mut columns, 1), None);
        assert_eq!(take(&[], 0, 1, b"", &mut columns, 0), None);
        assert_eq!(take(&[255; 80], 0, 1, b"", &mut columns, 0), None);
        assert_eq!(take(&listing(), 1, 3, b"d/", &mut columns, 1), Some(()));
        assert_eq!((&paths[..10], ends), (&b"xd/bcdd/ef"[..], [1, 6, 10]));
        assert_eq!((&modes[1..], &sizes[1..]), (&[0o641, 0o642][..], &[11.0, 12.0][..]));
    }
}
