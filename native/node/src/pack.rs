//! The batches of packing.

use napi::Env;
use napi::bindgen_prelude::{
    BufferSlice, FromNapiValue, JsObjectValue, Object, Result, TypeName, ValidateNapiValue,
};
use napi::{Either, ValueType, sys};
use napi_derive::napi;
use znip_core::columns::Strings;
use znip_core::fill::{self, Output, Plan};
use znip_core::list;

use crate::arguments::{View, descriptor};

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

/// Fills a chunk; see `fill::fill`. `state` is the member to begin with, the one to end before, and the byte to begin at; then
/// the member at which it stopped, and the byte behind what is filled.
#[napi(catch_unwind)]
pub fn fill_chunk(plan: ChunkPlan, mut state: View<u32>) {
    let ChunkPlan { plan, mut output } = plan;
    let [from, to, position, ..] = *state else { return };
    let (row, end) = fill::fill(&plan, &mut output, from as usize, to as usize, position as usize);
    state[0] = row as u32;
    state[2] = end as u32;
}

/// The columns of a plan and of what comes of it, by name.
pub struct ChunkPlan<'call> {
    plan: Plan<'call>,
    output: Output<'call>,
}

impl TypeName for ChunkPlan<'_> {
    fn type_name() -> &'static str {
        "ChunkPlan"
    }

    fn value_type() -> ValueType {
        ValueType::Object
    }
}

impl ValidateNapiValue for ChunkPlan<'_> {}

impl FromNapiValue for ChunkPlan<'_> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> Result<Self> {
        // SAFETY: the two belong together, as this function was given them.
        let object = unsafe { Object::from_napi_value(env, value)? };
        let strings = |bytes: &str, ends: &str| -> Result<Strings> {
            let bytes: View<u8> = object.get_named_property(bytes)?;
            let ends: View<u32> = object.get_named_property(ends)?;
            Ok(Strings { bytes: bytes.into_slice(), ends: ends.into_slice() })
        };
        macro_rules! column {
            ($name:literal, $element:ty) => {
                object.get_named_property::<View<$element>>($name)?
            };
        }
        Ok(ChunkPlan {
            plan: Plan {
                base: column!("base", u8).into_slice(),
                base_identity: column!("baseIdentity", u64).into_slice(),
                follow: object.get_named_property("follow")?,
                directories: strings("directories", "directoryEnds")?,
                directory_identities: column!("directoryIdentities", u64).into_slice(),
                directory_indices: column!("directoryIndices", u32).into_slice(),
                paths: strings("paths", "pathEnds")?,
                sources: strings("sources", "sourceEnds")?,
                kinds: column!("kinds", u8).into_slice(),
                modes: column!("modes", u16).into_slice(),
                mtimes: column!("mtimes", i64).into_slice(),
                source_mtimes: column!("sourceMtimes", i64).into_slice(),
                sizes: column!("sizes", f64).into_slice(),
                link_targets: strings("linkTargets", "linkTargetEnds")?,
                uids: column!("uids", u32).into_slice(),
                gids: column!("gids", u32).into_slice(),
            },
            output: Output {
                input: column!("input", u8).into_slice(),
                data_offsets: column!("dataOffsets", u32).into_slice(),
                flags: column!("flags", u32).into_slice(),
                sizes: column!("contentSizes", f64).into_slice(),
                checksums: column!("checksums", u8).into_slice(),
            },
        })
    }
}
