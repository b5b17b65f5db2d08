//! The batches of unpacking.

use napi::bindgen_prelude::{FromNapiValue, JsObjectValue, Object, Result, TypeName, ValidateNapiValue};
use napi::{ValueType, sys};
use napi_derive::napi;
use znip_core::amend::{self, Written};
use znip_core::columns::Strings;
use znip_core::write::{self, Files, Settings};

use crate::arguments::{View, descriptor};

/// Writes files of a chunk from row `from` to row `to`; see `write::write`. Returns the row at which it stopped.
#[napi(catch_unwind)]
pub fn write_files(root: i32, chunk: View<u8>, batch: WriteBatch, from: u32, to: u32) -> u32 {
    let WriteBatch { mut files, settings } = batch;
    write::write(descriptor(root), &chunk, &mut files, settings, from as usize, to as usize) as u32
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

/// The columns of the files, and the settings, by name.
pub struct WriteBatch<'call> {
    files: Files<'call>,
    settings: Settings,
}

impl TypeName for WriteBatch<'_> {
    fn type_name() -> &'static str {
        "WriteBatch"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ValidateNapiValue for WriteBatch<'_> {}

impl FromNapiValue for WriteBatch<'_> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: the two belong together, as this function was given them.
        let object = unsafe { Object::from_napi_value(env, value)? };
        macro_rules! column {
            ($name:literal, $element:ty) => {
                object.get_named_property::<View<$element>>($name)?.into_slice()
            };
        }
        Ok(WriteBatch {
            files: Files {
                paths: Strings { bytes: column!("paths", u8), ends: column!("pathEnds", u32) },
                offsets: column!("offsets", f64),
                sizes: column!("sizes", f64),
                modes: column!("modes", u32),
                mtimes: column!("mtimes", i64),
                checksums: column!("checksums", u8),
                is_known: object.get_named_property("isKnown")?,
            },
            settings: Settings {
                umask: object.get_named_property("umask")?,
                preserve_permissions: object.get_named_property("preservePermissions")?,
                sparse: object.get_named_property("sparse")?,
                mtime: object.get_named_property("mtime")?,
            },
        })
    }
}
