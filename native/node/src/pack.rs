//! The batches of packing.

use napi::bindgen_prelude::{BufferSlice, JsObjectValue, Object, Result};
use napi::{Either, Env, Error, Status};
use napi_derive::napi;
use znip_core::fill::{self, Output, Plan};
use znip_core::list::{self, Columns};

use crate::arguments::{View, column, column_mut, descriptor, strings};

/// Lists a held directory, names in byte order; see `Listing::encode`. Returns a negative errno if it cannot be read.
#[napi(catch_unwind)]
pub fn list_directory<'env>(
    env: &'env Env,
    directory: i32,
    follow: bool,
) -> Result<Either<BufferSlice<'env>, i32>> {
    match list::list(descriptor(directory), follow) {
        Ok(listing) => BufferSlice::copy_from(env, listing.encode()).map(Either::A),
        Err(errno) => Ok(Either::B(-errno.raw_os_error())),
    }
}

/// Copies rows `from` to `to` of a listing into columns; see `list::take`. `row` is the first member that they become.
#[napi(catch_unwind)]
pub fn take_listed(
    listing: View<u8>,
    from: u32,
    to: u32,
    base: View<u8>,
    columns: Object,
    row: u32,
) -> Result<()> {
    let mut columns = Columns {
        paths: column_mut(&columns, "paths")?,
        path_ends: column_mut(&columns, "pathEnds")?,
        modes: column_mut(&columns, "modes")?,
        sizes: column_mut(&columns, "sizes")?,
        mtimes: column_mut(&columns, "mtimes")?,
    };
    list::take(&listing, from as usize, to as usize, &base, &mut columns, row as usize)
        .ok_or_else(|| Error::new(Status::InvalidArg, "listed files have no room"))
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
        known: column(&batch, "known")?,
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
