//! The batches of unpacking.

use napi::bindgen_prelude::{JsObjectValue, Object, Result};
use napi_derive::napi;
use znip_core::amend::{self, Written};
use znip_core::columns::Strings;
use znip_core::write::{self, Files, Settings};

use crate::arguments::{View, column, column_mut, descriptor, strings};

/// Writes files of a chunk from row `from` to row `to`; see `write::write`. `batch` has their columns and the settings. Returns
/// the row at which it stopped.
#[napi(catch_unwind)]
pub fn write_files(root: i32, chunk: View<u8>, batch: Object, from: u32, to: u32) -> Result<u32> {
    let mut files = Files {
        paths: strings(&batch, "paths", "pathEnds")?,
        offsets: column(&batch, "offsets")?,
        sizes: column(&batch, "sizes")?,
        modes: column(&batch, "modes")?,
        mtimes: column(&batch, "mtimes")?,
        checksums: column_mut(&batch, "checksums")?,
        is_known: batch.get_named_property("isKnown")?,
    };
    let settings = Settings {
        umask: batch.get_named_property("umask")?,
        preserve_permissions: batch.get_named_property("preservePermissions")?,
        sparse: batch.get_named_property("sparse")?,
        mtime: batch.get_named_property("mtime")?,
    };
    Ok(write::write(descriptor(root), &chunk, &mut files, settings, from as usize, to as usize) as u32)
}

/// Sets the times of files that were written before, from row `from` to row `to`; see `amend::set_times`. Returns the row at
/// which it stopped.
#[napi(catch_unwind)]
#[allow(clippy::too_many_arguments)]
pub fn set_times(
    root: i32,
    paths: View<u8>,
    path_ends: View<u32>,
    sizes: View<f64>,
    mtimes: View<i64>,
    owner: u32,
    from: u32,
    to: u32,
) -> u32 {
    let paths = Strings { bytes: &paths, ends: &path_ends };
    let files = Written { paths, sizes: &sizes, mtimes: &mtimes, owner };
    amend::set_times(descriptor(root), &files, from as usize, to as usize) as u32
}
