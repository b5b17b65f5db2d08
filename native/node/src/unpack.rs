//! The batches of unpacking.

use napi::bindgen_prelude::{JsObjectValue, Object, Result};
use napi::{Error, Status};
use napi_derive::napi;
use znip_core::amend::{self, Written};
use znip_core::compare::{self, Arrived, Members};
use znip_core::contents::{self, Expected};
use znip_core::names::{self, MemberNames, NameTable};
use znip_core::tar_members::{self, Columns};
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
    let part: View<u8> = batch.get_named_property("part")?;
    let settings = Settings {
        umask: batch.get_named_property("umask")?,
        preserve_permissions: batch.get_named_property("preservePermissions")?,
        sparse: batch.get_named_property("sparse")?,
        mtime: batch.get_named_property("mtime")?,
        part: (!part.is_empty()).then_some(&part),
        fsync: batch.get_named_property("fsync")?,
    };
    Ok(write::write(descriptor(root), &chunk, &mut files, settings, from as usize, to as usize) as u32)
}

/// Sets the times of files that were written before, from row `from` to row `to`; see `amend::set_times`. Returns the row at
/// which it stopped.
#[napi(catch_unwind)]
pub fn set_times(root: i32, files: Object, owner: u32, from: u32, to: u32) -> Result<u32> {
    let files = Written {
        paths: strings(&files, "paths", "pathEnds")?,
        kinds: column(&files, "kinds")?,
        sizes: column(&files, "sizes")?,
        mtimes: column(&files, "mtimes")?,
        owner,
    };
    Ok(amend::set_times(descriptor(root), &files, from as usize, to as usize) as u32)
}

/// Compares contents with the hashes that they should have; see `contents::compare`.
#[napi(catch_unwind)]
pub fn compare_contents(root: i32, files: Object, threads: u32) -> Result<()> {
    let expected =
        Expected { paths: strings(&files, "paths", "pathEnds")?, checksums: column(&files, "checksums")? };
    contents::compare(descriptor(root), &expected, threads as usize, column_mut(&files, "same")?);
    Ok(())
}

/// How many entries of the index from row `from` on, before `to`, agree with the members from row `at` on; see
/// `compare::agreeing`.
#[napi(catch_unwind)]
pub fn agreeing(indexed: Object, from: u32, to: u32, arrived: Object, at: u32) -> Result<u32> {
    let indexed = members(&indexed)?;
    let arrived = Arrived { members: members(&arrived)?, written: column(&arrived, "written")? };
    Ok(compare::agreeing(&indexed, from as usize, to as usize, &arrived, at as usize) as u32)
}

fn members<'call>(columns: &Object) -> Result<Members<'call>> {
    Ok(Members {
        paths: strings(columns, "paths", "pathEnds")?,
        kinds: column(columns, "kinds")?,
        modes: column(columns, "modes")?,
        mtimes: column(columns, "mtimes")?,
        sizes: column(columns, "sizes")?,
        stream_offsets: column(columns, "streamOffsets")?,
        checksums: column(columns, "checksums")?,
    })
}

/// Reads plain members of a chunk, from byte `from` on; see `tar_members::read`. `columns` are where they are written. Returns
/// their number.
#[napi(catch_unwind)]
pub fn read_members(chunk: View<u8>, from: f64, columns: Object) -> Result<u32> {
    let mut columns = Columns {
        paths: column_mut(&columns, "pathBytes")?,
        path_ends: column_mut(&columns, "pathEnds")?,
        kinds: column_mut(&columns, "kinds")?,
        modes: column_mut(&columns, "modes")?,
        mtimes: column_mut(&columns, "mtimes")?,
        sizes: column_mut(&columns, "sizes")?,
        offsets: column_mut(&columns, "offsets")?,
        uids: column_mut(&columns, "uids")?,
        gids: column_mut(&columns, "gids")?,
    };
    Ok(tar_members::read(&chunk, from as usize, &mut columns) as u32)
}

/// Takes rows `from` to `to` of `entries` into tables of names; see `names::add`. `sizes` has the numbers of names in the two
/// tables, before and after. Returns how many were added.
#[napi(catch_unwind)]
pub fn add_names(
    entries: Object,
    from: u32,
    to: u32,
    members: Object,
    parents: Object,
    key: View<u32>,
    mut sizes: View<u32>,
) -> Result<u32> {
    let (&[k0, k1], &[member_count, parent_count]) = (&*key, &*sizes) else {
        return Err(Error::new(Status::InvalidArg, "a key and sizes of two numbers are needed"));
    };
    let mut names = MemberNames {
        members: name_table(&members, member_count)?,
        kinds: column_mut(&members, "kinds")?,
        parents: name_table(&parents, parent_count)?,
        key: [k0, k1],
    };
    let paths = strings(&entries, "paths", "pathEnds")?;
    let count = names::add(&mut names, &paths, column(&entries, "kinds")?, from as usize, to as usize);
    sizes.copy_from_slice(&[names.members.size as u32, names.parents.size as u32]);
    Ok(count as u32)
}

fn name_table<'call>(table: &Object, size: u32) -> Result<NameTable<'call>> {
    Ok(NameTable {
        bytes: column_mut(table, "bytes")?,
        ends: column_mut(table, "ends")?,
        hashes: column_mut(table, "hashes")?,
        slots: column_mut(table, "slots")?,
        size: size as usize,
    })
}
