//! The batches of packing.

use napi::bindgen_prelude::{BufferSlice, JsObjectValue, Object, Result};
use napi::{Either, Env};
use napi_derive::napi;
use znip_core::fill::{self, Output, Plan};
use znip_core::list;

use crate::arguments::{View, column, column_mut, descriptor, strings};

/// Bytes of what `list_directory` says about a name.
const RECORD: usize = 64;

/// Lists a held directory. Returns, for each name in byte order, a record of 64 bytes, and behind all records the names,
/// each followed by the target if it is a symlink. A record has, in the byte order of this machine: mode, nlink, uid and
/// gid as 32 bits; device, inode, size and modification time as 64 bits; where the name and where the target ends behind the
/// records, and an errno that is not 0 if nothing is known, as 32 bits. A time out of the range of 64-bit nanoseconds is the
/// nearest one. The last four bytes are the number of names, little-endian. Returns a negative errno if the directory cannot be read.
#[napi(catch_unwind)]
pub fn list_directory<'env>(
    env: &'env Env,
    directory: i32,
    follow: bool,
) -> Result<Either<BufferSlice<'env>, i32>> {
    let listing = match list::list(descriptor(directory), follow) {
        Ok(listing) => listing,
        Err(errno) => return Ok(Either::B(-errno.raw_os_error())),
    };
    let mut bytes = Vec::with_capacity(listing.found.len() * (RECORD + 32));
    let mut texts = Vec::with_capacity(listing.found.len() * 32);
    for found in &listing.found {
        texts.extend_from_slice(listing.name(found));
        let name_end = texts.len() as u32;
        texts.extend_from_slice(listing.target(found));
        let (stat, errno) = match found.stat {
            Ok(stat) => (stat, 0),
            Err(errno) => (Default::default(), errno.raw_os_error() as u32),
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
    bytes.extend_from_slice(&(listing.found.len() as u32).to_le_bytes());
    BufferSlice::copy_from(env, &bytes).map(Either::A)
}

/// Fills a chunk; see `fill::fill`. `batch` has the columns of the plan, and those of what comes of it. `state` is the member to
/// begin with, the one to end before, and the byte to begin at; then the member at which it stopped, and the byte behind what is
/// filled.
#[napi(catch_unwind)]
pub fn fill_chunk(batch: Object, mut state: View<u32>) -> Result<()> {
    let plan = Plan {
        base: column(&batch, "base")?,
        base_identity: column(&batch, "baseIdentity")?,
        follow: batch.get_named_property("follow")?,
        directories: strings(&batch, "directories", "directoryEnds")?,
        directory_identities: column(&batch, "directoryIdentities")?,
        directory_indices: column(&batch, "directoryIndices")?,
        paths: strings(&batch, "paths", "pathEnds")?,
        sources: strings(&batch, "sources", "sourceEnds")?,
        kinds: column(&batch, "kinds")?,
        modes: column(&batch, "modes")?,
        mtimes: column(&batch, "mtimes")?,
        source_mtimes: column(&batch, "sourceMtimes")?,
        sizes: column(&batch, "sizes")?,
        link_targets: strings(&batch, "linkTargets", "linkTargetEnds")?,
        uids: column(&batch, "uids")?,
        gids: column(&batch, "gids")?,
    };
    let mut output = Output {
        input: column_mut(&batch, "input")?,
        data_offsets: column_mut(&batch, "dataOffsets")?,
        flags: column_mut(&batch, "flags")?,
        sizes: column_mut(&batch, "contentSizes")?,
        checksums: column_mut(&batch, "checksums")?,
    };
    let [from, to, position, ..] = *state else { return Ok(()) };
    let (row, end) = fill::fill(&plan, &mut output, from as usize, to as usize, position as usize);
    state[0] = row as u32;
    state[2] = end as u32;
    Ok(())
}
