//! Values of many members, one column for each property: what a batch takes instead of an object for each member.

/// Byte strings, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Strings<'a> {
    /// All of them.
    pub bytes: &'a [u8],
    /// Where each ends.
    pub ends: &'a [u32],
}

impl<'a> Strings<'a> {
    /// The string of a row; empty for a row that there is not.
    pub fn get(&self, row: usize) -> &'a [u8] {
        let end = self.ends.get(row).copied().unwrap_or(0) as usize;
        let start = if row == 0 { 0 } else { self.ends.get(row - 1).copied().unwrap_or(0) as usize };
        self.bytes.get(start..end).unwrap_or(&[])
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Kinds of member, as in the index (docs/format.md, "Entries").
pub mod kind {
    /// A regular file.
    pub const FILE: u8 = 0;
    /// A directory.
    pub const DIRECTORY: u8 = 1;
    /// A symbolic link.
    pub const SYMLINK: u8 = 2;
    /// Another name of an earlier file.
    pub const HARDLINK: u8 = 3;
}
