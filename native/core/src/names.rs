//! Takes names of members into tables of names, many at a time. The tables belong to the caller, who also looks names up in
//! them: `src/rules/name-table.ts` says how they are laid out, and `src/rules/member-names.ts` what they are for.

use crate::columns::{Strings, kind};

/// The longest path, and the longest component of one (docs/format.md, "Entries").
const MAX_PATH: usize = 4095;
const MAX_COMPONENT: usize = 255;

/// Different names, each with a row.
pub struct NameTable<'a> {
    /// All names, one after the other, and room for more.
    pub bytes: &'a mut [u8],
    /// Where each ends.
    pub ends: &'a mut [u32],
    /// The hash of each.
    pub hashes: &'a mut [u32],
    /// Row and one, at the place that the hash says or behind it; 0 if it is free. Their number is a power of two.
    pub slots: &'a mut [u32],
    /// How many names there are.
    pub size: usize,
}

impl NameTable<'_> {
    fn name(&self, row: usize) -> &[u8] {
        Strings { bytes: self.bytes, ends: self.ends }.get(row)
    }

    fn find(&self, name: &[u8], hash: u32) -> Option<usize> {
        let mask = self.slots.len().wrapping_sub(1);
        for step in 0..self.slots.len() {
            let row = (self.slots[(hash as usize + step) & mask] as usize).checked_sub(1)?;
            if self.hashes.get(row) == Some(&hash) && self.name(row) == name {
                return Some(row);
            }
        }
        None
    }

    /// Adds a name that is not there. `None` if there is no room.
    fn add(&mut self, name: &[u8], hash: u32) -> Option<usize> {
        let row = self.size;
        let start =
            row.checked_sub(1).map_or(Some(0), |last| self.ends.get(last).map(|&end| end as usize))?;
        let end = start.checked_add(name.len())?;
        // At most half of the slots are in use, so a search always ends at a free one.
        if row >= self.ends.len() || row >= self.hashes.len() || 2 * row >= self.slots.len() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let free = (0..=mask).map(|step| (hash as usize + step) & mask).find(|&at| self.slots[at] == 0)?;
        self.bytes.get_mut(start..end)?.copy_from_slice(name);
        self.ends[row] = u32::try_from(end).ok()?;
        self.hashes[row] = hash;
        self.slots[free] = row as u32 + 1;
        self.size = row + 1;
        Some(row)
    }
}

/// The names of members, and of the directories that they are in.
pub struct MemberNames<'a> {
    /// Names of members.
    pub members: NameTable<'a>,
    /// The kind of each, see `columns::kind`.
    pub kinds: &'a mut [u8],
    /// Directories with members in them.
    pub parents: NameTable<'a>,
    /// The key of the hash.
    pub key: [u32; 2],
}

/// Adds rows `from` to `to`, files and directories, until one is not safe, or clashes with what is there, or has no room. Gives
/// how many were added.
pub fn add(names: &mut MemberNames<'_>, paths: &Strings<'_>, kinds: &[u8], from: usize, to: usize) -> usize {
    // The directory of the name before, with its slash.
    let mut directory: Option<&[u8]> = None;
    let mut row = from;
    while row < to.min(paths.len()) {
        let path = paths.get(row);
        let in_same =
            directory.and_then(|directory| path.strip_prefix(directory)).is_some_and(is_safe_component);
        let length = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let Some(&kind) = kinds.get(row) else { break };
        if (kind != kind::FILE && kind != kind::DIRECTORY)
            || path.len() > MAX_PATH
            || !(in_same || is_safe(path))
            || names.add_one(path, kind, if in_same { 0 } else { length }).is_none()
        {
            break;
        }
        directory = Some(&path[..length]);
        row += 1;
    }
    row - from
}

impl MemberNames<'_> {
    /// `above`: the length of its directory, with the slash, if that is not known to be there; else 0.
    fn add_one(&mut self, path: &[u8], kind: u8, above: usize) -> Option<()> {
        let hash = half_sip_hash(path, self.key);
        if self.members.find(path, hash).is_some() || self.members.size >= self.kinds.len() {
            return None;
        }
        if kind != kind::DIRECTORY && self.parents.find(path, hash).is_some() {
            return None;
        }
        self.add_parents(&path[..above])?;
        let row = self.members.add(path, hash)?;
        self.kinds[row] = kind;
        Some(())
    }

    /// Adds the directory, with a slash at its end, and those above it. Nothing may be there that is no directory.
    fn add_parents(&mut self, directory: &[u8]) -> Option<()> {
        let Some((_, parent)) = directory.split_last() else { return Some(()) };
        let hash = half_sip_hash(parent, self.key);
        // Those above it are known, too.
        if self.parents.find(parent, hash).is_some() {
            return Some(());
        }
        if self.members.find(parent, hash).is_some_and(|row| self.kinds.get(row) != Some(&kind::DIRECTORY)) {
            return None;
        }
        let above = parent.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        self.add_parents(&parent[..above])?;
        self.parents.add(parent, hash).map(|_| ())
    }
}

fn is_safe(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').all(is_safe_component)
}

fn is_safe_component(name: &[u8]) -> bool {
    !name.is_empty()
        && name.len() <= MAX_COMPONENT
        && name != b"."
        && name != b".."
        && !name.iter().any(|&byte| byte == b'/' || byte == 0)
}

/// HalfSipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"), 32 bits.
fn half_sip_hash(bytes: &[u8], [k0, k1]: [u32; 2]) -> u32 {
    let (mut v0, mut v1, mut v2, mut v3) = (k0, k1, 0x6c79_6765 ^ k0, 0x7465_6462 ^ k1);
    let mut round = |word: u32, ends: bool| {
        if ends {
            v2 ^= 0xff;
        }
        v3 ^= word;
        v0 = v0.wrapping_add(v1);
        v1 = v1.rotate_left(5) ^ v0;
        v0 = v0.rotate_left(16);
        v2 = v2.wrapping_add(v3);
        v3 = v3.rotate_left(8) ^ v2;
        v0 = v0.wrapping_add(v3);
        v3 = v3.rotate_left(7) ^ v0;
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(13) ^ v2;
        v2 = v2.rotate_left(16);
        v0 ^= word;
        v1 ^ v3
    };
    let words = bytes.chunks_exact(4);
    let mut last = (bytes.len() as u32) << 24;
    for (i, &byte) in words.remainder().iter().enumerate() {
        last |= u32::from(byte) << (8 * i);
    }
    for word in words {
        round(u32::from_le_bytes([word[0], word[1], word[2], word[3]]), false);
    }
    round(last, false);
    round(0, true);
    round(0, false);
    round(0, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for so many names of so many bytes in all.
    struct Room {
        bytes: Vec<u8>,
        ends: Vec<u32>,
        hashes: Vec<u32>,
        slots: Vec<u32>,
    }

    impl Room {
        fn new(names: usize, bytes: usize) -> Room {
            Room {
                bytes: vec![0; bytes],
                ends: vec![0; names],
                hashes: vec![0; names],
                slots: vec![0; 2 * names.next_power_of_two()],
            }
        }

        fn table(&mut self) -> NameTable<'_> {
            let Room { bytes, ends, hashes, slots } = self;
            NameTable { bytes, ends, hashes, slots, size: 0 }
        }
    }

    /// How many of these are added, to tables with so much room; and the names of both tables.
    fn added(members: &[(&str, u8)], rows: usize, parents: usize) -> (usize, Vec<String>, Vec<String>) {
        let paths: Vec<u8> = members.iter().flat_map(|(path, _)| path.bytes()).collect();
        let ends: Vec<u32> = members
            .iter()
            .scan(0, |end, (path, _)| {
                *end += path.len() as u32;
                Some(*end)
            })
            .collect();
        let kinds: Vec<u8> = members.iter().map(|&(_, kind)| kind).collect();
        let (mut room, mut above) = (Room::new(rows, 10_000), Room::new(parents, 10_000));
        let mut names = MemberNames {
            members: room.table(),
            kinds: &mut vec![0; rows],
            parents: above.table(),
            key: [1, 2],
        };
        let count = add(&mut names, &Strings { bytes: &paths, ends: &ends }, &kinds, 0, members.len());
        let all = |table: &NameTable<'_>| {
            (0..table.size).map(|row| String::from_utf8_lossy(table.name(row)).into_owned()).collect()
        };
        (count, all(&names.members), all(&names.parents))
    }

    const FILE: u8 = kind::FILE;
    const DIRECTORY: u8 = kind::DIRECTORY;

    #[test]
    fn adds_names_and_the_directories_above_them_once() {
        let members = [
            ("a", DIRECTORY),
            ("a/b", FILE),
            ("a/c", DIRECTORY),
            ("a/c/d", FILE),
            ("x/y/z", FILE),
            ("e", FILE),
        ];
        let (count, names, parents) = added(&members, 8, 8);
        assert_eq!(count, 6);
        assert_eq!(names, ["a", "a/b", "a/c", "a/c/d", "x/y/z", "e"]);
        assert_eq!(parents, ["a", "a/c", "x", "x/y"]);
    }

    #[test]
    fn stops_before_whatever_the_caller_must_decide() {
        let long = "n".repeat(256);
        let deep = "d/".repeat(2048) + "f";
        for odd in ["", "/a", "a/", "a//b", ".", "a/..", "../a", "a/./b", "a\0", &long, &deep] {
            assert_eq!(added(&[("p", FILE), (odd, FILE)], 8, 4096).0, 1, "{odd:?}");
        }
        assert_eq!(added(&[("p", FILE), ("s", kind::SYMLINK)], 8, 8).0, 1);
        assert_eq!(added(&[("p", FILE), ("h", kind::HARDLINK)], 8, 8).0, 1);
        assert_eq!(added(&[("p", FILE), ("q", 4)], 8, 8).0, 1);
        // Names that clash.
        assert_eq!(added(&[("p", FILE), ("p", FILE)], 8, 8).0, 1);
        assert_eq!(added(&[("p", FILE), ("p/q", FILE)], 8, 8).0, 1);
        assert_eq!(added(&[("p/q", FILE), ("p", FILE)], 8, 8).0, 1);
        assert_eq!(added(&[("p/q", FILE), ("p", DIRECTORY)], 8, 8).0, 2);
        assert_eq!(added(&[("d", DIRECTORY), ("d/f", FILE), ("d/f/g", FILE)], 8, 8).0, 2);
        // The first in another directory is not behind the slash of the one before.
        assert_eq!(added(&[("d/f", FILE), ("d/e/g", FILE), ("d/e/..", FILE)], 8, 8).0, 2);
    }

    #[test]
    fn stops_where_there_is_no_room() {
        let members = [("a/b", FILE), ("c/d", FILE), ("e/f", FILE)];
        assert_eq!(added(&members, 2, 8).0, 2);
        assert_eq!(added(&members, 8, 2).0, 2);
        assert_eq!(added(&members, 8, 0).0, 0);
        assert_eq!(added(&[("a", FILE)], 0, 0).0, 0);
    }

    #[test]
    fn hashes_depend_on_the_length() {
        // There are no published vectors for these rounds. `test/core/names.test.ts` shows that both sides hash alike.
        let bytes: Vec<u8> = (0..64).collect();
        let mut hashes: Vec<u32> =
            (0..64).map(|length| half_sip_hash(&bytes[..length], [0x0302_0100, 0x0706_0504])).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 64);
    }
}
