//! zstd and BLAKE3, between buffers of the caller, which may be shared memory.
//!
//! Who calls owns these buffers meanwhile: znip hands each slot from thread to thread, and no two use one at a time.

use std::cell::RefCell;

use napi::bindgen_prelude::{BufferSlice, Result};
use napi::{Env, Error, Status};
use napi_derive::napi;
use znip_core::codec::{self, Settings};
use znip_core::fingerprint;
use znip_core::hash;
use znip_core::tree_hash;

use crate::arguments::View;

fn failed(reason: &str) -> Error {
    Error::new(Status::GenericFailure, reason)
}

/// The version of libzstd.
#[napi(catch_unwind)]
pub fn zstd_version() -> &'static str {
    codec::version()
}

/// Returns the length of the frame, or 0 if it does not fit.
#[napi(catch_unwind)]
pub fn compress(
    source: View<u8>,
    mut target: View<u8>,
    level: i32,
    window_log: u32,
    chain_log: u32,
    long_distance: bool,
) -> Result<u32> {
    let settings = Settings { level, window_log, chain_log, long_distance };
    let length = codec::compress(&source, &mut target, settings).map_err(failed)?;
    Ok(length.unwrap_or(0) as u32)
}

/// Returns the length of the content. Throws libzstd's reason.
#[napi(catch_unwind)]
pub fn decompress(source: View<u8>, mut target: View<u8>) -> Result<u32> {
    codec::decompress(&source, &mut target).map(|length| length as u32).map_err(failed)
}

/// Decodes frames of any origin, as their bytes arrive.
#[napi]
pub struct StreamDecoder(RefCell<codec::StreamDecoder>);

#[napi]
impl StreamDecoder {
    #[napi(constructor)]
    pub fn new() -> Result<StreamDecoder> {
        codec::StreamDecoder::new().map(|decoder| StreamDecoder(RefCell::new(decoder))).map_err(failed)
    }

    /// Decodes from `source` to `target`, and writes the bytes taken and the bytes made to `counts`.
    #[napi(catch_unwind)]
    pub fn step(&self, source: View<u8>, mut target: View<u8>, mut counts: View<u32>) -> Result<()> {
        let (taken, made) = self.0.borrow_mut().step(&source, &mut target).map_err(failed)?;
        if let [first, second, ..] = &mut *counts {
            *first = taken as u32;
            *second = made as u32;
        }
        Ok(())
    }
}

/// BLAKE3 of `bytes`.
#[napi(catch_unwind)]
pub fn hash<'env>(env: &'env Env, bytes: View<u8>) -> Result<BufferSlice<'env>> {
    BufferSlice::copy_from(env, hash::of(&bytes))
}

/// What stands for a chunk; see `fingerprint`. Throws if `head` does not describe it.
#[napi(catch_unwind)]
pub fn fingerprint<'env>(env: &'env Env, chunk: View<u8>, head: View<u8>) -> Result<BufferSlice<'env>> {
    let found = fingerprint::of(&chunk, &head);
    let found = found.ok_or_else(|| Error::from_reason("the contents are not in the chunk, in order"))?;
    BufferSlice::copy_from(env, found)
}

/// Hashes the subtrees that lie in a part of a content, from byte `offset` of it on; see `tree_hash`. Returns their number.
#[napi(catch_unwind)]
pub fn hash_subtrees(part: View<u8>, offset: f64, mut values: View<u8>) -> u32 {
    tree_hash::hash_subtrees(&part, offset as u64, &mut values) as u32
}

/// BLAKE3 of a content in parts, whose subtrees may be hashed already.
#[napi]
#[derive(Default)]
pub struct TreeHasher(RefCell<tree_hash::TreeHasher>);

#[napi]
impl TreeHasher {
    #[napi(constructor)]
    pub fn new() -> TreeHasher {
        TreeHasher::default()
    }

    #[napi(catch_unwind)]
    pub fn update(&self, part: View<u8>, values: View<u8>) {
        self.0.borrow_mut().update(&part, &values);
    }

    #[napi(catch_unwind)]
    pub fn digest<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        BufferSlice::copy_from(env, self.0.borrow().finalize())
    }
}

/// BLAKE3 of bytes that come in pieces.
#[napi]
pub struct Hasher(RefCell<hash::Hasher>);

#[napi]
impl Hasher {
    #[napi(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Hasher {
        Hasher(RefCell::new(hash::Hasher::new()))
    }

    #[napi(catch_unwind)]
    pub fn update(&self, bytes: View<u8>) {
        self.0.borrow_mut().update(&bytes);
    }

    #[napi(catch_unwind)]
    pub fn digest<'env>(&self, env: &'env Env) -> Result<BufferSlice<'env>> {
        BufferSlice::copy_from(env, self.0.borrow().finalize().as_bytes())
    }
}
