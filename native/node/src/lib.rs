//! znip-core for Node.js. Everything here is called on the thread that it runs on, and returns when it is done.
//!
//! Failures of the system are negative numbers of errno, because the caller asks Node.js for the error itself where it
//! needs one.

#![allow(clippy::needless_pass_by_value, missing_docs)]

mod arguments;
mod codec;
mod pack;
mod posix;
mod table_columns;
mod unpack;
