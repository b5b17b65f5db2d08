//! What znip does with bytes and files, in batches: one call for many files or members.
//!
//! What is decided (layout, order, policy, messages) is decided by the caller. A batch does the usual case and stops at
//! anything else, which the caller then handles by itself. So the two never disagree about what an unusual case means.

pub mod amend;
pub mod codec;
pub mod columns;
pub mod compare;
pub mod contents;
pub mod fill;
pub mod fingerprint;
pub mod hash;
pub mod held;
pub mod list;
pub mod names;
pub mod posix;
pub mod table_columns;
pub mod tar_header;
pub mod tar_members;
pub mod tree_hash;
pub mod write;
