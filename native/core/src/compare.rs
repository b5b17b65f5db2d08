//! Compares what the index says about members with what the tar stream said.

use crate::columns::{Strings, kind};
use crate::hash;

const SECOND: i64 = 1_000_000_000;

/// Members of a tar stream that have arrived. Row i of every column is member i.
pub struct Arrived<'a> {
    /// Names in the archive.
    pub paths: Strings<'a>,
    /// `columns::kind`.
    pub kinds: &'a [u8],
    /// All bits of the mode.
    pub modes: &'a [u32],
    /// Nanoseconds since 1970, of whole seconds.
    pub mtimes: &'a [i64],
    /// Bytes of content.
    pub sizes: &'a [f64],
    /// Where each content starts in the tar stream.
    pub stream_offsets: &'a [f64],
    /// BLAKE3 of each content, one after the other.
    pub checksums: &'a [u8],
    /// 1 for files whose hash is there.
    pub written: &'a [u8],
}

/// Entries of the index, in the order of the tar stream.
pub struct Indexed<'a> {
    /// Names.
    pub paths: Strings<'a>,
    /// `columns::kind`.
    pub kinds: &'a [u8],
    /// All bits of the mode.
    pub modes: &'a [u32],
    /// Nanoseconds since 1970.
    pub mtimes: &'a [i64],
    /// Bytes of content.
    pub sizes: &'a [f64],
    /// Where each content starts in the tar stream.
    pub stream_offsets: &'a [f64],
    /// BLAKE3 of each content, one after the other.
    pub checksums: &'a [u8],
}

/// Compares rows `from` to `to` of the index with members from row `at` on. Stops at the first that is not a plain file that was
/// written or a plain directory, or about which the two do not agree. Gives how many agree.
pub fn agreeing(indexed: &Indexed<'_>, from: usize, to: usize, arrived: &Arrived<'_>, at: usize) -> usize {
    let rows = from..to.min(indexed.paths.len());
    rows.clone()
        .zip(at..arrived.paths.len())
        .take_while(|&(i, a)| agree(indexed, i, arrived, a).is_some())
        .count()
}

fn agree(indexed: &Indexed<'_>, i: usize, arrived: &Arrived<'_>, a: usize) -> Option<()> {
    let kind = *arrived.kinds.get(a)?;
    let mode = *arrived.modes.get(a)?;
    let checksum = |all: &'_ [u8], row: usize| -> Option<[u8; hash::LENGTH]> {
        all.get(row * hash::LENGTH..(row + 1) * hash::LENGTH)?.try_into().ok()
    };
    let same = *indexed.kinds.get(i)? == kind
        && *indexed.modes.get(i)? == mode
        && mode <= 0o777
        && indexed.sizes.get(i)? == arrived.sizes.get(a)?
        && indexed.stream_offsets.get(i)? == arrived.stream_offsets.get(a)?
        && indexed.mtimes.get(i)?.div_euclid(SECOND) == arrived.mtimes.get(a)?.div_euclid(SECOND)
        && indexed.paths.get(i) == arrived.paths.get(a)
        && match kind {
            kind::DIRECTORY => true,
            kind::FILE => {
                *arrived.written.get(a)? == 1
                    && checksum(indexed.checksums, i)? == checksum(arrived.checksums, a)?
            }
            _ => false,
        };
    same.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Member {
        path: &'static str,
        kind: u8,
        mode: u32,
        mtime: i64,
        size: f64,
        offset: f64,
        checksum: u8,
        written: u8,
    }

    fn agreeing_of(indexed: &[Member], from: usize, arrived: &[Member], at: usize) -> usize {
        fn columns<T>(members: &[Member], of: impl Fn(&Member) -> T) -> Vec<T> {
            members.iter().map(of).collect()
        }
        let strings = |members: &[Member]| {
            let mut bytes = Vec::new();
            let ends = members.iter().map(|member| {
                bytes.extend_from_slice(member.path.as_bytes());
                bytes.len() as u32
            });
            let ends: Vec<u32> = ends.collect();
            (bytes, ends)
        };
        let hashes = |members: &[Member]| columns(members, |member| [member.checksum; 32]).concat();
        let (index_paths, arrived_paths) = (strings(indexed), strings(arrived));
        agreeing(
            &Indexed {
                paths: Strings { bytes: &index_paths.0, ends: &index_paths.1 },
                kinds: &columns(indexed, |m| m.kind),
                modes: &columns(indexed, |m| m.mode),
                mtimes: &columns(indexed, |m| m.mtime),
                sizes: &columns(indexed, |m| m.size),
                stream_offsets: &columns(indexed, |m| m.offset),
                checksums: &hashes(indexed),
            },
            from,
            indexed.len(),
            &Arrived {
                paths: Strings { bytes: &arrived_paths.0, ends: &arrived_paths.1 },
                kinds: &columns(arrived, |m| m.kind),
                modes: &columns(arrived, |m| m.mode),
                mtimes: &columns(arrived, |m| m.mtime),
                sizes: &columns(arrived, |m| m.size),
                stream_offsets: &columns(arrived, |m| m.offset),
                checksums: &hashes(arrived),
                written: &columns(arrived, |m| m.written),
            },
            at,
        )
    }

    #[test]
    fn counts_what_agrees_and_stops_at_every_difference() {
        let file = Member {
            path: "d/x",
            kind: kind::FILE,
            mode: 0o644,
            mtime: -1,
            size: 5.0,
            offset: 1024.0,
            checksum: 7,
            written: 1,
        };
        let directory =
            Member { path: "d", kind: kind::DIRECTORY, size: 0.0, written: 0, offset: 512.0, ..file.clone() };
        let both = [directory, file.clone()];
        assert_eq!(agreeing_of(&both, 0, &both, 0), 2);
        assert_eq!(agreeing_of(&both, 1, &both, 1), 1);
        assert_eq!(agreeing_of(&both, 0, &both, 1), 0);
        assert_eq!(agreeing_of(&both, 2, &both, 0), 0);
        // The tar stream has no nanoseconds: the second before 1970 is the one that counts.
        let whole = [Member { mtime: -SECOND, ..file.clone() }];
        assert_eq!(agreeing_of(&both, 1, &whole, 0), 1);
        let others = [
            Member { path: "d/y", ..file.clone() },
            Member { path: "d/xx", ..file.clone() },
            Member { kind: kind::DIRECTORY, ..file.clone() },
            Member { kind: kind::HARDLINK, ..file.clone() },
            Member { mode: 0o600, ..file.clone() },
            Member { mtime: 0, ..file.clone() },
            Member { size: 6.0, ..file.clone() },
            Member { offset: 1536.0, ..file.clone() },
            Member { checksum: 8, ..file.clone() },
            Member { written: 0, ..file.clone() },
        ];
        for (i, other) in others.iter().enumerate() {
            assert_eq!(agreeing_of(&both, 1, std::slice::from_ref(other), 0), 0, "{i}");
        }
        for odd in [Member { mode: 0o4644, ..file.clone() }, Member { kind: kind::SYMLINK, ..file }] {
            assert_eq!(agreeing_of(std::slice::from_ref(&odd), 0, std::slice::from_ref(&odd), 0), 0);
        }
    }
}
