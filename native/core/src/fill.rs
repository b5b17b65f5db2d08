//! Fills a chunk with tar stream: reads files, hashes them and writes their headers.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, Result};

use crate::columns::{Strings, kind};
use crate::hash;
use crate::held::{HeldDirectories, hold_flags, split};
use crate::posix::{self, uninterrupted};
use crate::tar_header::{Encoder, Member, padded};

/// (uid_t)-1, which no owner has: none is recorded.
const NO_ID: u32 = u32::MAX;

/// Members that come into a chunk, in order. Row i of every column is member i.
pub struct Plan<'a> {
    /// The directory that the members were named in; empty for the working directory. Symlinks in it are followed.
    pub base: &'a [u8],
    /// Which directory that was: device and inode.
    pub base_identity: &'a [u64],
    /// Symlinks below it are followed as well.
    pub follow: bool,
    /// The members' directories below the base.
    pub directories: Strings<'a>,
    /// Device and inode of each, one after the other.
    pub directory_identities: &'a [u64],
    /// The directory of each member.
    pub directory_indices: &'a [u32],
    /// Names in the archive.
    pub paths: Strings<'a>,
    /// Names on disk: only what is behind the last slash counts.
    pub sources: Strings<'a>,
    /// One of `columns::kind` each.
    pub kinds: &'a [u8],
    /// Permission bits.
    pub modes: &'a [u16],
    /// Nanoseconds since 1970, as they are recorded.
    pub mtimes: &'a [i64],
    /// Nanoseconds since 1970, as the files had them.
    pub source_mtimes: &'a [i64],
    /// Bytes of content, as the files had them.
    pub sizes: &'a [f64],
    /// Of links; else empty.
    pub link_targets: Strings<'a>,
    /// Owners; empty if none are recorded.
    pub uids: &'a [u32],
    /// Groups; empty if none are recorded.
    pub gids: &'a [u32],
    /// BLAKE3 of each file, where it is known: then files are not read, and the bytes of contents are left as they are. Else
    /// empty.
    pub known: &'a [u8],
}

/// What comes of it. `input` has room for the chunk and one byte more; the other columns are of the members.
pub struct Output<'a> {
    /// The chunk.
    pub input: &'a mut [u8],
    /// Where each content starts in it.
    pub data_offsets: &'a mut [u32],
    /// 0: nothing is unusual.
    pub flags: &'a mut [u32],
    /// Bytes of each content.
    pub sizes: &'a mut [f64],
    /// BLAKE3 of each.
    pub checksums: &'a mut [u8],
}

/// Puts members `from` to `to` into the chunk, from byte `position` on. Stops before a member that is not as it should be:
/// a file that cannot be read, has changed, or has attributes that say something. Gives the member at which it stopped, or
/// `to`, and the byte behind what is filled.
pub fn fill(
    plan: &Plan<'_>,
    output: &mut Output<'_>,
    from: usize,
    to: usize,
    position: usize,
) -> (usize, usize) {
    let mut encoder = Encoder::default();
    let mut files = Files::new(plan);
    let mut position = position;
    for row in from..to.min(plan.paths.len()) {
        match put(plan, output, row, position, &mut encoder, &mut files) {
            Some(end) => position = end,
            None => return (row, position),
        }
    }
    (to, position)
}

fn put(
    plan: &Plan<'_>,
    output: &mut Output<'_>,
    row: usize,
    position: usize,
    encoder: &mut Encoder,
    files: &mut Files<'_>,
) -> Option<usize> {
    let id = |ids: &[u32]| ids.get(row).copied().filter(|&id| id != NO_ID);
    let member = Member {
        path: plan.paths.get(row),
        kind: *plan.kinds.get(row)?,
        mode: *plan.modes.get(row)?,
        mtime: *plan.mtimes.get(row)?,
        size: *plan.sizes.get(row)? as u64,
        link_target: plan.link_targets.get(row),
        uid: id(plan.uids),
        gid: id(plan.gids),
    };
    let size = usize::try_from(member.size).ok()?;
    let data = position + encoder.prepare(&member);
    let end = data + padded(size);
    // One byte more than the file has, to notice that it grew.
    let room = output.input.get_mut(position..(data + size + 1).max(end))?;
    if member.kind == kind::FILE {
        let place = row * hash::LENGTH..(row + 1) * hash::LENGTH;
        let checksum = output.checksums.get_mut(place.clone())?;
        if plan.known.is_empty() {
            let content = &mut room[data - position..data - position + size + 1];
            files.read(row, content).ok()??;
            checksum.copy_from_slice(&hash::of(&content[..size]));
        } else {
            checksum.copy_from_slice(plan.known.get(place)?);
        }
        // The slot held another chunk before.
        room[data - position + size..end - position].fill(0);
    }
    encoder.write(&member, room);
    *output.data_offsets.get_mut(row)? = data as u32;
    *output.flags.get_mut(row)? = 0;
    *output.sizes.get_mut(row)? = member.size as f64;
    Some(end)
}

/// The files of a plan, in their directories.
struct Files<'a> {
    plan: &'a Plan<'a>,
    /// None if the base is no longer there, or is another one.
    held: Option<HeldDirectories<OwnedFd>>,
    /// The directory that was entered last, if it is the right one.
    entered: Option<u32>,
}

impl<'a> Files<'a> {
    fn new(plan: &'a Plan<'a>) -> Files<'a> {
        let held = open_base(plan).ok().map(|base| HeldDirectories::new(base, plan.follow));
        Files { plan, held, entered: None }
    }

    /// Reads the file of a member: `content` is one byte longer than it should be. None if it is not as it should be.
    fn read(&mut self, row: usize, content: &mut [u8]) -> Result<Option<()>> {
        let plan = self.plan;
        let (Some(held), Some(&index)) = (&mut self.held, plan.directory_indices.get(row)) else {
            return Ok(None);
        };
        let directory = held.descriptor(plan.directories.get(index as usize))?;
        if self.entered != Some(index) {
            self.entered = None;
            let identity = plan.directory_identities.get(2 * index as usize..2 * index as usize + 2);
            let found = posix::stat(directory)?;
            if identity != Some(&[found.dev, found.ino]) {
                return Ok(None);
            }
            self.entered = Some(index);
        }
        let (_, name) = split(plan.sources.get(row))?;
        // Does not wait for a FIFO that has taken the file's place.
        let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        if !plan.follow {
            flags |= OFlags::NOFOLLOW;
        }
        let file = rustix::fs::openat(directory, name, flags, Mode::empty())?;
        let size = content.len() - 1;
        let mut length = 0;
        // The usual case: one call reads all of it. What was added meanwhile shows in the size.
        while length < size {
            let read = uninterrupted(|| rustix::io::read(&file, &mut content[length..]))?;
            if read == 0 {
                return Ok(None);
            }
            length += read;
        }
        if length == 0 && uninterrupted(|| rustix::io::read(&file, &mut content[..]))? > 0 {
            return Ok(None);
        }
        let stat = posix::stat(&file)?;
        let same = length == size
            && stat.is_file()
            && stat.size == size as u64
            && Some(&stat.mtime()) == plan.source_mtimes.get(row);
        Ok((same && !posix::says_something(file.as_fd())).then_some(()))
    }
}

fn open_base(plan: &Plan<'_>) -> Result<OwnedFd> {
    let path = if plan.base.is_empty() { b"." } else { plan.base };
    let base = rustix::fs::openat(CWD, path, hold_flags(true), Mode::empty())?;
    let found = posix::stat(&base)?;
    if plan.base_identity == [found.dev, found.ino] { Ok(base) } else { Err(Errno::NOENT) }
}
