//! What stands for a chunk: a hash of its bytes in which each content is represented by its own hash, which is known.
//! See docs/format.md, "Fingerprints".

use crate::hash::{self, Hasher};

/// Bytes of the head before its rows, and of a row: chunk byte, length, hash.
const HEAD: usize = 8;
const ROW: usize = 8 + hash::LENGTH;
/// Hashing many bytes at once is several times as fast as hashing a tar header alone.
const GATHERED: usize = 64 * 1024;

/// The fingerprint of `chunk`. `head` has the number of contents and the chunk's length, then a row for each content. None
/// if the contents are not in order within the chunk, or the head does not have as many rows as it says.
pub fn of(chunk: &[u8], head: &[u8]) -> Option<[u8; hash::LENGTH]> {
    let word = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?) as usize);
    let count = word(0)?;
    if head.len() != HEAD + count.checked_mul(ROW)? || word(4)? != chunk.len() {
        return None;
    }
    let mut hasher = Hasher::new();
    hasher.update(head);
    let mut gathered = Vec::with_capacity(GATHERED);
    let mut end = 0;
    for row in 0..count {
        let start = word(HEAD + row * ROW)?;
        take(&mut hasher, &mut gathered, chunk.get(end..start)?);
        end = start.checked_add(word(HEAD + row * ROW + 4)?)?;
    }
    take(&mut hasher, &mut gathered, chunk.get(end..)?);
    hasher.update(&gathered);
    Some(*hasher.finalize().as_bytes())
}

fn take(hasher: &mut Hasher, gathered: &mut Vec<u8>, bytes: &[u8]) {
    if gathered.len() + bytes.len() > GATHERED {
        hasher.update(gathered);
        gathered.clear();
    }
    if bytes.len() < GATHERED {
        gathered.extend_from_slice(bytes);
    } else {
        hasher.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(length: usize, contents: &[(usize, usize)], chunk: &[u8]) -> Vec<u8> {
        let mut head = [contents.len() as u32, length as u32].map(u32::to_le_bytes).concat();
        for &(start, size) in contents {
            head.extend([start as u32, size as u32].map(u32::to_le_bytes).concat());
            head.extend(hash::of(chunk.get(start..start + size).unwrap_or_default()));
        }
        head
    }

    #[test]
    fn covers_every_byte_outside_of_contents_and_their_hashes_inside() {
        let chunk: Vec<u8> = (0..300_000u32).map(|i| (i * 7 % 251) as u8).collect();
        let contents = [(512, 100), (1536, 200_000), (202_240, 1)];
        let first = of(&chunk, &head(chunk.len(), &contents, &chunk));
        let mut plain = head(chunk.len(), &contents, &chunk);
        plain.extend(&chunk[..512]);
        plain.extend(&chunk[612..1536]);
        plain.extend(&chunk[201_536..202_240]);
        plain.extend(&chunk[202_241..]);
        assert_eq!(first, Some(hash::of(&plain)));
        for at in [0, 511, 512, 611, 612, 201_535, 201_536, 202_240, 299_999] {
            let mut other = chunk.clone();
            other[at] ^= 1;
            assert_ne!(of(&other, &head(other.len(), &contents, &other)), first, "byte {at}");
        }
    }

    #[test]
    fn refuses_contents_that_are_not_in_the_chunk_in_order() {
        let chunk = [0; 2000];
        for contents in [&[(512, 1489)][..], &[(1024, 1), (512, 1)], &[(512, 600), (1024, 1)], &[(2001, 0)]] {
            assert_eq!(of(&chunk, &head(2000, contents, &chunk)), None, "{contents:?}");
        }
        assert_eq!(of(&chunk, &head(1999, &[], &chunk)), None);
        assert_eq!(of(&chunk, &[1, 0, 0, 0, 0xd0, 7, 0, 0]), None);
        assert_eq!(of(&chunk, &[0xff; 8]), None);
        assert_eq!(of(&chunk, &[]), None);
    }
}
