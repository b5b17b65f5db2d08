//! What znip does with bytes and files, in batches: one call for many files or members.
//!
//! What is decided (layout, order, policy, messages) is decided by the caller. A batch does the usual case and stops at
//! anything else, which the caller then handles by itself. So the two never disagree about what an unusual case means.

pub mod codec;
pub mod hash;
pub mod posix;
