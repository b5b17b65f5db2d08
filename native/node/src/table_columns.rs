//! Columns of tables as they are read.

use napi::bindgen_prelude::{Object, Result};
use napi::{Error, Status};
use napi_derive::napi;
use znip_core::table_columns::{self, Kinds};

use crate::arguments::{View, column};

/// How many of the first `rows` bits are 0.
#[napi(catch_unwind)]
pub fn zeros(bits: View<u8>, rows: u32) -> u32 {
    table_columns::zeros(&bits, rows as usize) as u32
}

/// The first offset that is less than the one before, or than 0.
#[napi(catch_unwind)]
pub fn first_falling_offset(offsets: View<u32>) -> u32 {
    table_columns::first_falling_offset(&offsets) as u32
}

/// The first number that is less than the one before; the first has `previous` before it.
#[napi(catch_unwind)]
pub fn first_falling_number(numbers: View<f64>, previous: f64) -> u32 {
    table_columns::first_falling_number(&numbers, previous) as u32
}

/// The sum of all.
#[napi(catch_unwind)]
pub fn total(numbers: View<f64>) -> f64 {
    table_columns::total(&numbers)
}

/// Puts 64-bit numbers into `numbers`. Returns the row of the first that is not exact there.
#[napi(catch_unwind)]
pub fn exact_numbers(values: View<u64>, mut numbers: View<f64>) -> u32 {
    table_columns::exact_numbers(&values, &mut numbers) as u32
}

/// Puts a word into `result` for each index. Returns the row of the first that is `unknown`.
#[napi(catch_unwind)]
pub fn look_up(indices: View<u8>, words: View<u8>, unknown: u8, mut result: View<u8>) -> Result<u32> {
    let words = (*words)
        .try_into()
        .map_err(|_| Error::new(Status::InvalidArg, "a word for each of 256 indices is needed"))?;
    Ok(table_columns::look_up(&indices, words, unknown, &mut result) as u32)
}

/// The rows of the first and the last path; see `table_columns::path_extent`.
#[napi(catch_unwind)]
pub fn path_extent(bytes: View<u8>, offsets: View<u32>, mut rows: View<u32>) {
    let (first, last) = table_columns::path_extent(&bytes, &offsets);
    for (row, found) in rows.iter_mut().zip([first, last]) {
        *row = found as u32;
    }
}

/// The first row from `from` on that is not usual; see `table_columns::first_unusual`.
#[napi(catch_unwind)]
pub fn first_unusual(entries: Object, from: u32) -> Result<u32> {
    let kinds = Kinds {
        kinds: column(&entries, "kinds")?,
        modes: column(&entries, "modes")?,
        sizes: column(&entries, "sizes")?,
        checksums: column(&entries, "checksums")?,
        targets: column(&entries, "targets")?,
        path_bytes: column(&entries, "pathBytes")?,
        target_bytes: column(&entries, "targetBytes")?,
    };
    Ok(table_columns::first_unusual(&kinds, from as usize) as u32)
}

/// Writes the strings between these offsets to `target`, each followed by `end`.
#[napi(catch_unwind)]
pub fn lines(bytes: View<u8>, offsets: View<u32>, end: u8, mut target: View<u8>) -> Result<()> {
    table_columns::lines(&bytes, &offsets, end, &mut target)
        .ok_or_else(|| Error::new(Status::InvalidArg, "lines do not fit"))
}
