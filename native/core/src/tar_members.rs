//! Reads plain members from a tar stream: files and directories whose header is exactly the one that znip writes for them.
//! All tar programs read such a header in the same way. What else a header can say is left to `src/format/tar/`.

use crate::columns::kind;
use crate::tar_header::{Fields, RECORD, padded};

/// The longest component of a name: NAME_MAX of Linux file systems.
const MAX_COMPONENT: usize = 255;

/// Where members are written: row i of every column is member i.
pub struct Columns<'a> {
    /// Names, one after the other, without the slash of directories.
    pub paths: &'a mut [u8],
    /// Where each ends.
    pub path_ends: &'a mut [u32],
    /// `columns::kind`.
    pub kinds: &'a mut [u8],
    /// Permission bits; no special ones.
    pub modes: &'a mut [u32],
    /// Nanoseconds since 1970: whole seconds.
    pub mtimes: &'a mut [i64],
    /// Bytes of content.
    pub sizes: &'a mut [f64],
    /// Chunk byte at which each content starts, right behind the header.
    pub offsets: &'a mut [f64],
    /// Owners.
    pub uids: &'a mut [u32],
    /// Groups.
    pub gids: &'a mut [u32],
}

/// Reads members from byte `from` of a chunk on, as long as they are plain, lie in the chunk with all of their data, and the
/// columns have room. Gives their number.
pub fn read(chunk: &[u8], from: usize, columns: &mut Columns<'_>) -> usize {
    let rows = [
        columns.path_ends.len(),
        columns.kinds.len(),
        columns.modes.len(),
        columns.mtimes.len(),
        columns.sizes.len(),
        columns.offsets.len(),
        columns.uids.len(),
        columns.gids.len(),
    ];
    let rows = rows.into_iter().min().unwrap_or(0);
    let mut at = from;
    let mut name_end = 0;
    for row in 0..rows {
        let Some((member, end)) = member_at(chunk, at) else { return row };
        let length = member.path_length();
        let Some(path) = columns.paths.get_mut(name_end..name_end + length) else { return row };
        member.write_path(path);
        if !is_safe(path) {
            return row;
        }
        name_end += length;
        columns.path_ends[row] = name_end as u32;
        columns.kinds[row] = member.kind;
        columns.modes[row] = u32::from(member.fields.mode);
        columns.mtimes[row] = member.fields.seconds as i64 * 1_000_000_000;
        columns.sizes[row] = member.fields.size as f64;
        columns.offsets[row] = (at + RECORD) as f64;
        columns.uids[row] = member.fields.uid;
        columns.gids[row] = member.fields.gid;
        at = end;
    }
    rows
}

struct Plain<'a> {
    kind: u8,
    fields: Fields<'a>,
}

impl Plain<'_> {
    fn path_length(&self) -> usize {
        let Fields { name, prefix, .. } = &self.fields;
        let slash = usize::from(!prefix.is_empty());
        prefix.len() + slash + name.len() - usize::from(self.kind == kind::DIRECTORY)
    }

    fn write_path(&self, path: &mut [u8]) {
        let Fields { name, prefix, .. } = &self.fields;
        let mut rest = path;
        if !prefix.is_empty() {
            let (before, after) = rest.split_at_mut(prefix.len() + 1);
            before[..prefix.len()].copy_from_slice(prefix);
            before[prefix.len()] = b'/';
            rest = after;
        }
        let length = rest.len();
        rest.copy_from_slice(&name[..length]);
    }
}

/// The member whose header is at byte `at`, and where the next one is; None if it is not plain or not all there.
fn member_at(chunk: &[u8], at: usize) -> Option<(Plain<'_>, usize)> {
    let header = chunk.get(at..at.checked_add(RECORD)?)?;
    let kind = match header[156] {
        b'0' => kind::FILE,
        b'5' => kind::DIRECTORY,
        _ => return None,
    };
    let fields = Fields {
        name: text(&header[..100]),
        prefix: text(&header[345..500]),
        link_target: &[],
        mode: u16::try_from(octal(&header[100..107])?).ok()?,
        uid: u32::try_from(octal(&header[108..115])?).ok()?,
        gid: u32::try_from(octal(&header[116..123])?).ok()?,
        size: octal(&header[124..135])?,
        seconds: octal(&header[136..147])?,
        type_flag: header[156],
    };
    let is_directory = kind == kind::DIRECTORY;
    if fields.name.is_empty() || fields.name.ends_with(b"/") != is_directory {
        return None;
    }
    if fields.mode > 0o777 || (is_directory && fields.size > 0) {
        return None;
    }
    let end = (at + RECORD).checked_add(padded(usize::try_from(fields.size).ok()?))?;
    if end > chunk.len() {
        return None;
    }
    let mut same = [0; RECORD];
    fields.write(&mut same);
    (same == header).then_some((Plain { kind, fields }, end))
}

/// What is before the first NUL.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    &field[..end]
}

fn octal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, &digit| {
        matches!(digit, b'0'..=b'7').then(|| value << 3 | u64::from(digit - b'0'))
    })
}

/// Whether a name may be written as it is; `src/format/values/member-path.ts` has the rules.
fn is_safe(path: &[u8]) -> bool {
    if cfg!(windows) && path.iter().any(|&byte| byte == b'\\' || byte == b':') {
        return false;
    }
    path.split(|&byte| byte == b'/')
        .all(|name| !matches!(name, b"" | b"." | b"..") && name.len() <= MAX_COMPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar_header::{Encoder, Member};

    struct Room {
        paths: Vec<u8>,
        ends: Vec<u32>,
        kinds: Vec<u8>,
        modes: Vec<u32>,
        mtimes: Vec<i64>,
        sizes: Vec<f64>,
        offsets: Vec<f64>,
        ids: (Vec<u32>, Vec<u32>),
    }

    impl Room {
        fn new(rows: usize) -> Self {
            Room {
                paths: vec![0; 64 * rows],
                ends: vec![0; rows],
                kinds: vec![0; rows],
                modes: vec![0; rows],
                mtimes: vec![0; rows],
                sizes: vec![0.0; rows],
                offsets: vec![0.0; rows],
                ids: (vec![0; rows], vec![0; rows]),
            }
        }

        fn read(&mut self, chunk: &[u8], from: usize) -> usize {
            let mut columns = Columns {
                paths: &mut self.paths,
                path_ends: &mut self.ends,
                kinds: &mut self.kinds,
                modes: &mut self.modes,
                mtimes: &mut self.mtimes,
                sizes: &mut self.sizes,
                offsets: &mut self.offsets,
                uids: &mut self.ids.0,
                gids: &mut self.ids.1,
            };
            read(chunk, from, &mut columns)
        }
    }

    fn member<'a>(path: &'a [u8], kind: u8, size: u64) -> Member<'a> {
        Member {
            path,
            kind,
            mode: 0o640,
            mtime: 7_500_000_000,
            size,
            link_target: &[],
            uid: Some(8),
            gid: None,
        }
    }

    fn stream(members: &[Member<'_>]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        let mut stream = Vec::new();
        for member in members {
            let start = stream.len();
            stream.resize(start + encoder.prepare(member), 0);
            encoder.write(member, &mut stream[start..]);
            let end = stream.len() + padded(member.size as usize);
            stream.resize(end, 1);
        }
        stream
    }

    #[test]
    fn reads_files_and_directories_as_far_as_they_are_whole() {
        let long = [&[b'p'; 60][..], b"/", &[b'n'; 90]].concat();
        let chunk = stream(&[
            member(b"d", kind::DIRECTORY, 0),
            member(b"d/x", kind::FILE, 513),
            member(&long, kind::FILE, 0),
            member(b"d/y", kind::FILE, 1),
        ]);
        let mut room = Room::new(9);
        assert_eq!(room.read(&chunk, 0), 4);
        let end = 4 + long.len();
        assert_eq!(&room.paths[..end], [b"dd/x", &long[..]].concat());
        assert_eq!(room.ends[..4], [1, 4, end as u32, end as u32 + 3]);
        assert_eq!(room.kinds[..4], [kind::DIRECTORY, kind::FILE, kind::FILE, kind::FILE]);
        assert_eq!((room.modes[1], room.mtimes[1], room.sizes[1]), (0o640, 7_000_000_000, 513.0));
        assert_eq!((room.offsets[1], room.offsets[3], room.ids.0[1], room.ids.1[1]), (1024.0, 3072.0, 8, 0));
        assert_eq!(room.read(&chunk[..chunk.len() - 1], 0), 3);
        assert_eq!(room.read(&chunk, 512), 3);
        assert_eq!(room.read(&chunk, 511), 0);
        assert_eq!(room.read(&chunk, usize::MAX), 0);
        assert_eq!(Room::new(2).read(&chunk, 0), 2);
        assert_eq!(Room { paths: vec![0; 3], ..Room::new(9) }.read(&chunk, 0), 1);
    }

    #[test]
    fn leaves_every_other_header() {
        let plain = stream(&[member(b"x", kind::FILE, 0)]);
        let stops = |chunk: &[u8]| Room::new(1).read(chunk, 0) == 0;
        assert!(!stops(&plain));
        for at in 0..RECORD {
            let mut chunk = plain.clone();
            // As if all of it were meant: only a checksum that matches makes a header.
            chunk[at] ^= 1;
            assert!(stops(&chunk), "byte {at}");
        }
        for path in ["..", ".", "a/../b", "a//b", "/a", "a/.", "./a", "a/"] {
            assert!(stops(&stream(&[member(path.as_bytes(), kind::FILE, 0)])), "{path}");
        }
        for path in ["..", "a/..", "a/", "/a", "/"] {
            assert!(stops(&stream(&[member(path.as_bytes(), kind::DIRECTORY, 0)])), "{path}/");
        }
        let odd = [
            Member { kind: kind::SYMLINK, link_target: b"y", ..member(b"x", 0, 0) },
            Member { kind: kind::HARDLINK, link_target: b"y", ..member(b"x", 0, 0) },
            Member { mode: 0o4755, ..member(b"x", 0, 0) },
            Member { mtime: -1, ..member(b"x", 0, 0) },
            Member { uid: Some(u32::MAX - 1), ..member(b"x", 0, 0) },
            member(&[b'n'; 300], kind::FILE, 0),
            member(b"x", kind::DIRECTORY, 512),
        ];
        for member in odd {
            assert!(stops(&stream(&[member])), "{member:?}");
        }
    }
}
