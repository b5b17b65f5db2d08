//! Tar headers: ustar, with a pax extended header before it if ustar cannot hold a value. The same bytes as those of
//! `src/format/tar/tar-header.ts`, which a test compares. POSIX.1-2017, pax, "ustar Interchange Format".

use crate::columns::kind;

/// Bytes of a tar record.
pub const RECORD: usize = 512;

const NAME_LENGTH: usize = 100;
const PREFIX_LENGTH: usize = 155;
/// 11 octal digits.
const MAX_SIZE: u64 = 0o77_777_777_777;
/// 7 octal digits.
const MAX_ID: u32 = 0o7_777_777;

/// What is written about a member.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Without a slash at its end.
    pub path: &'a [u8],
    /// One of `columns::kind`.
    pub kind: u8,
    /// Permission bits.
    pub mode: u16,
    /// Nanoseconds since 1970.
    pub mtime: i64,
    /// Bytes of content.
    pub size: u64,
    /// Of links; else empty.
    pub link_target: &'a [u8],
    /// None if it is not recorded.
    pub uid: Option<u32>,
    /// None if it is not recorded.
    pub gid: Option<u32>,
}

/// Bytes of tar stream that so many bytes of content take.
pub fn padded(size: usize) -> usize {
    size.div_ceil(RECORD) * RECORD
}

/// Writes headers. It keeps the memory for names and pax records from one to the next.
#[derive(Default)]
pub struct Encoder {
    path: Vec<u8>,
    records: Vec<u8>,
}

impl Encoder {
    /// Prepares the header of a member, and gives its length. It depends on nothing but the metadata.
    pub fn prepare(&mut self, member: &Member<'_>) -> usize {
        self.path.clear();
        self.path.extend_from_slice(member.path);
        if member.kind == kind::DIRECTORY {
            self.path.push(b'/');
        }
        self.records.clear();
        pax_records(&self.path, member, &mut self.records);
        if self.records.is_empty() { RECORD } else { 2 * RECORD + padded(self.records.len()) }
    }

    /// Writes the header that was prepared last to the start of `target`.
    pub fn write(&self, member: &Member<'_>, target: &mut [u8]) {
        let seconds = seconds(member);
        let mut rest = target;
        if !self.records.is_empty() {
            let (header, after) = rest.split_at_mut(RECORD);
            let mut name = [0; NAME_LENGTH];
            let shown = cut(&self.path, NAME_LENGTH - b"PaxHeaders/".len());
            name[..11].copy_from_slice(b"PaxHeaders/");
            name[11..11 + shown.len()].copy_from_slice(shown);
            let fields = Fields {
                name: &name[..11 + shown.len()],
                prefix: &[],
                link_target: &[],
                mode: 0o644,
                uid: 0,
                gid: 0,
                size: self.records.len() as u64,
                seconds,
                type_flag: b'x',
            };
            fields.write(header);
            let (records, last) = after.split_at_mut(padded(self.records.len()));
            records[..self.records.len()].copy_from_slice(&self.records);
            records[self.records.len()..].fill(0);
            rest = last;
        }
        let split = split_name(&self.path);
        let fields = Fields {
            name: split.map_or_else(|| cut(&self.path, NAME_LENGTH), |(_, name)| name),
            prefix: split.map_or(&[], |(prefix, _)| prefix),
            link_target: cut(member.link_target, NAME_LENGTH),
            mode: member.mode,
            uid: member.uid.filter(|&id| id <= MAX_ID).unwrap_or(0),
            gid: member.gid.filter(|&id| id <= MAX_ID).unwrap_or(0),
            size: if member.size > MAX_SIZE { 0 } else { member.size },
            seconds,
            type_flag: b"0521"[usize::from(member.kind & 3)],
        };
        fields.write(&mut rest[..RECORD]);
    }
}

/// Whole seconds as ustar holds them; 0 where it cannot.
fn seconds(member: &Member<'_>) -> u64 {
    u64::try_from(member.mtime.div_euclid(1_000_000_000))
        .ok()
        .filter(|&seconds| seconds <= MAX_SIZE)
        .unwrap_or(0)
}

fn cut(bytes: &[u8], length: usize) -> &[u8] {
    &bytes[..bytes.len().min(length)]
}

/// Prefix and name of a path as ustar holds them; None if it cannot.
fn split_name(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= NAME_LENGTH {
        return Some((&[], path));
    }
    if path.len() > NAME_LENGTH + 1 + PREFIX_LENGTH {
        return None;
    }
    // The first slash that leaves a name of at most 100 bytes; a name must not be empty.
    let from = path.len() - NAME_LENGTH - 1;
    let slash = from + path[from..].iter().position(|&byte| byte == b'/')?;
    if slash == 0 || slash > PREFIX_LENGTH || slash == path.len() - 1 {
        return None;
    }
    Some((&path[..slash], &path[slash + 1..]))
}

/// The pax records that a member needs: none for most.
fn pax_records(path: &[u8], member: &Member<'_>, records: &mut Vec<u8>) {
    let link = member.link_target;
    let long_path = path.len() > NAME_LENGTH && split_name(path).is_none();
    let long_link = link.len() > NAME_LENGTH;
    let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok();
    if (long_path && !is_text(path)) || (long_link && !is_text(link)) {
        record(records, "hdrcharset", b"BINARY");
    }
    if long_path {
        record(records, "path", path);
    }
    if long_link {
        record(records, "linkpath", link);
    }
    if member.size > MAX_SIZE {
        record(records, "size", member.size.to_string().as_bytes());
    }
    let seconds = member.mtime.div_euclid(1_000_000_000);
    if seconds < 0 || seconds as u64 > MAX_SIZE {
        record(records, "mtime", seconds.to_string().as_bytes());
    }
    for (keyword, id) in [("uid", member.uid), ("gid", member.gid)] {
        if let Some(id) = id.filter(|&id| id > MAX_ID) {
            record(records, keyword, id.to_string().as_bytes());
        }
    }
}

/// One pax record, `length keyword=value\n`; the length includes its own digits.
fn record(records: &mut Vec<u8>, keyword: &str, value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest + digits(rest);
    if digits(length) + rest != length {
        length += 1;
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.push(b' ');
    records.extend_from_slice(keyword.as_bytes());
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// The fields of one ustar header.
pub(crate) struct Fields<'a> {
    pub name: &'a [u8],
    pub prefix: &'a [u8],
    pub link_target: &'a [u8],
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub seconds: u64,
    pub type_flag: u8,
}

impl Fields<'_> {
    pub fn write(&self, record: &mut [u8]) {
        record.fill(0);
        record[..self.name.len()].copy_from_slice(self.name);
        octal(&mut record[100..107], u64::from(self.mode));
        octal(&mut record[108..115], u64::from(self.uid));
        octal(&mut record[116..123], u64::from(self.gid));
        octal(&mut record[124..135], self.size);
        octal(&mut record[136..147], self.seconds);
        // The checksum counts as eight spaces.
        record[148..156].fill(b' ');
        record[156] = self.type_flag;
        record[157..157 + self.link_target.len()].copy_from_slice(self.link_target);
        record[257..265].copy_from_slice(b"ustar\x0000");
        // Device numbers.
        octal(&mut record[329..336], 0);
        octal(&mut record[337..344], 0);
        record[345..345 + self.prefix.len()].copy_from_slice(self.prefix);
        let sum: u64 = record.iter().map(|&byte| u64::from(byte)).sum();
        octal(&mut record[148..154], sum);
        record[154] = 0;
    }
}

fn octal(field: &mut [u8], mut value: u64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (value & 7) as u8;
        value >>= 3;
    }
}
