//! Lists a directory with everything that a walk wants to know about what is in it.

use rustix::fd::BorrowedFd;
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

/// Lists a held directory. With `follow`, a symlink is what it leads to. Fails if it cannot be read.
pub fn list(directory: BorrowedFd<'_>, follow: bool) -> Result<Listing> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = rustix::fs::openat(directory, c".", flags, Mode::empty())?;
    let mut listing = Listing::default();
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
