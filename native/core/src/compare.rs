//! Compares what the index says about members with what the tar stream said.

use crate::columns::{Strings, kind};
use crate::hash;

const SECOND: i64 = 1_000_000_000;

/// Members, as the index or the tar stream has them. Row i of every column is member i.
pub struct Members<'a> {
    /// Names in the archive.
    pub paths: Strings<'a>,
    /// `columns::kind`.
    pub kinds: &'a [u8],
    /// All bits of the mode.
    pub modes: &'a [u32],
    /// Nanoseconds since 1970. The tar stream has whole seconds.
    pub mtimes: &'a [i64],
    /// Bytes of content.
    pub sizes: &'a [f64],
    /// Where each content starts in the tar stream.
    pub stream_offsets: &'a [f64],
    /// BLAKE3 of each content, one after the other.
    pub checksums: &'a [u8],
}

/// Members of a tar stream that have arrived.
pub struct Arrived<'a> {
    /// What their headers said, and the hashes of what was written.
    pub members: Members<'a>,
    /// 1 for files whose hash is there.
    pub written: &'a [u8],
}

/// Compares rows `from` to `to` of the index with members from row `at` on. Stops at the first that is not a plain file that was
/// written or a plain directory, or about which the two do not agree. Gives how many agree.
pub fn agreeing(indexed: &Members<'_>, from: usize, to: usize, arrived: &Arrived<'_>, at: usize) -> usize {
    let rows = from..to.min(indexed.paths.len());
    rows.clone()
        .zip(at..arrived.members.paths.len())
        .take_while(|&(i, a)| agree(indexed, i, arrived, a).is_some())
        .count()
}

fn agree(indexed: &Members<'_>, i: usize, arrived: &Arrived<'_>, a: usize) -> Option<()> {
    let Arrived { members, written } = arrived;
    let kind = *members.kinds.get(a)?;
    let mode = *members.modes.get(a)?;
    let same = *indexed.kinds.get(i)? == kind
        && *indexed.modes.get(i)? == mode
        && mode <= 0o777
        && indexed.sizes.get(i)? == members.sizes.get(a)?
        && indexed.stream_offsets.get(i)? == members.stream_offsets.get(a)?
        && indexed.mtimes.get(i)?.div_euclid(SECOND) == members.mtimes.get(a)?.div_euclid(SECOND)
        && indexed.paths.get(i) == members.paths.get(a)
        && match kind {
            kind::DIRECTORY => true,
            kind::FILE => *written.get(a)? == 1 && checksum(indexed, i)? == checksum(members, a)?,
            _ => false,
        };
    same.then_some(())
}

fn checksum<'a>(members: &Members<'a>, row: usize) -> Option<&'a [u8]> {
    members.checksums.get(row * hash::LENGTH..(row + 1) * hash::LENGTH)
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
        struct Columns {
            paths: Vec<u8>,
            ends: Vec<u32>,
            kinds: Vec<u8>,
            modes: Vec<u32>,
            mtimes: Vec<i64>,
            sizes: Vec<f64>,
            offsets: Vec<f64>,
            checksums: Vec<u8>,
        }
        let columns = |members: &[Member]| {
            let paths = members.iter().map(|member| member.path).collect::<String>().into_bytes();
            let mut end = 0;
            Columns {
                paths,
                ends: members
                    .iter()
                    .map(|member| {
                        end += member.path.len() as u32;
                        end
                    })
                    .collect(),
                kinds: members.iter().map(|member| member.kind).collect(),
                modes: members.iter().map(|member| member.mode).collect(),
                mtimes: members.iter().map(|member| member.mtime).collect(),
                sizes: members.iter().map(|member| member.size).collect(),
                offsets: members.iter().map(|member| member.offset).collect(),
                checksums: members.iter().flat_map(|member| [member.checksum; 32]).collect(),
            }
        };
        fn members(columns: &Columns) -> Members<'_> {
            Members {
                paths: Strings { bytes: &columns.paths, ends: &columns.ends },
                kinds: &columns.kinds,
                modes: &columns.modes,
                mtimes: &columns.mtimes,
                sizes: &columns.sizes,
                stream_offsets: &columns.offsets,
                checksums: &columns.checksums,
            }
        }
        let written: Vec<u8> = arrived.iter().map(|member| member.written).collect();
        let (indexed, arrived) = (columns(indexed), columns(arrived));
        let arrived = Arrived { members: members(&arrived), written: &written };
        agreeing(&members(&indexed), from, indexed.ends.len(), &arrived, at)
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
