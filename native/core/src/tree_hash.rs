//! BLAKE3 of a content in parts: whoever has a part hashes the subtrees that lie in it, and one place puts them together.
//! So a large file is hashed by all threads. BLAKE3 paper, §2.1 (tree structure) and §6.4 (the `hazmat` module of blake3).

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use blake3::{CHUNK_LEN, Hasher};

use crate::hash;

const CHUNK: u64 = CHUNK_LEN as u64;

/// More subtrees than a part of 2^27 bytes, the longest chunk of an archive, can have: their sizes are powers of two that
/// rise and then fall.
pub const MOST_SUBTREES: usize = 2 * 27;

/// The subtrees that lie in a part of a content: where each starts, and its length. The part starts at byte `offset`. What is
/// before the first and behind the last belongs to leaves that reach into other parts; the last leaf of a content is always
/// left, because it may be the root.
fn subtrees(offset: u64, length: u64) -> impl Iterator<Item = (u64, u64)> {
    let end = (offset + length).saturating_sub(1) / CHUNK * CHUNK;
    let mut at = offset.div_ceil(CHUNK) * CHUNK;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        // A subtree starts at a multiple of its length.
        let aligned = if at == 0 { u64::MAX } else { 1 << at.trailing_zeros() };
        let fits = 1 << (end - at).ilog2();
        let subtree = (at, aligned.min(fits));
        at += subtree.1;
        Some(subtree)
    })
}

/// Hashes the subtrees that lie in `part`, which starts at byte `offset` of its content, and puts their chaining values into
/// `values`, one after the other. Gives their number; 0 if there is no room.
pub fn hash_subtrees(part: &[u8], offset: u64, values: &mut [u8]) -> usize {
    let (values, _) = values.as_chunks_mut::<{ hash::LENGTH }>();
    let mut count = 0;
    for (start, length) in subtrees(offset, part.len() as u64) {
        let from = (start - offset) as usize;
        let Some(value) = values.get_mut(count) else { return 0 };
        *value = subtree(&part[from..from + length as usize], start);
        count += 1;
    }
    count
}

fn subtree(bytes: &[u8], start: u64) -> ChainingValue {
    Hasher::new().set_input_offset(start).update(bytes).finalize_non_root()
}

/// Puts a hash together from parts that come in order.
#[derive(Default)]
pub struct TreeHasher {
    /// Chaining values of the subtrees so far that are not merged with their neighbours yet; their lengths fall.
    stack: Vec<(ChainingValue, u64)>,
    /// Bytes of the leaf that goes on in the next part, or is the last.
    leaf: Vec<u8>,
    /// Bytes so far.
    length: u64,
}

impl TreeHasher {
    /// Adds the next part. `values` are the chaining values of its subtrees, from `hash_subtrees`; without them, they are
    /// made here.
    pub fn update(&mut self, part: &[u8], values: &[u8]) {
        let offset = self.length;
        self.length += part.len() as u64;
        let mut rest = part;
        let mut at = offset;
        let (values, _) = values.as_chunks::<{ hash::LENGTH }>();
        let mut values = values.iter();
        for (start, length) in subtrees(offset, part.len() as u64) {
            // The first of them starts behind a leaf that began in an earlier part.
            let (before, behind) = rest.split_at((start - at) as usize);
            self.add_to_leaf(before);
            self.finish_leaf(start);
            let (inside, behind) = behind.split_at(length as usize);
            let value = values.next().copied().unwrap_or_else(|| subtree(inside, start));
            self.add(value, length);
            rest = behind;
            at = start + length;
        }
        while !rest.is_empty() {
            // A leaf is finished only when there is more: it may be the last one, and that the root.
            if self.leaf.len() == CHUNK_LEN {
                self.finish_leaf(at);
            }
            let (taken, behind) = rest.split_at(rest.len().min(CHUNK_LEN - self.leaf.len()));
            self.add_to_leaf(taken);
            at += taken.len() as u64;
            rest = behind;
        }
    }

    /// The hash of all parts.
    pub fn finalize(&self) -> [u8; hash::LENGTH] {
        let start = self.length - self.leaf.len() as u64;
        let Some((first, others)) = self.stack.split_first() else { return hash::of(&self.leaf) };
        let mut right = subtree(&self.leaf, start);
        for (left, _) in others.iter().rev() {
            right = merge_subtrees_non_root(left, &right, Mode::Hash);
        }
        *merge_subtrees_root(&first.0, &right, Mode::Hash).as_bytes()
    }

    fn add_to_leaf(&mut self, bytes: &[u8]) {
        self.leaf.extend_from_slice(bytes);
    }

    /// The leaf, if there is one, ends at byte `end`.
    fn finish_leaf(&mut self, end: u64) {
        if self.leaf.is_empty() {
            return;
        }
        let value = subtree(&self.leaf, end - self.leaf.len() as u64);
        self.leaf.clear();
        self.add(value, CHUNK);
    }

    /// Adds a subtree that is not the last: it can be merged with its neighbour on the left if that is as long.
    fn add(&mut self, value: ChainingValue, length: u64) {
        let (mut value, mut length) = (value, length);
        while let Some((left, _)) = self.stack.pop_if(|(_, left)| *left == length) {
            value = merge_subtrees_non_root(&left, &value, Mode::Hash);
            length *= 2;
        }
        self.stack.push((value, length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 31 % 251) as u8).collect()
    }

    fn in_parts(content: &[u8], cuts: &[usize]) -> [u8; hash::LENGTH] {
        let mut hasher = TreeHasher::default();
        let mut from = 0;
        for &to in cuts.iter().chain([&content.len()]) {
            let mut values = [0; MOST_SUBTREES * hash::LENGTH];
            let count = hash_subtrees(&content[from..to], from as u64, &mut values);
            hasher.update(&content[from..to], &values[..count * hash::LENGTH]);
            from = to;
        }
        hasher.finalize()
    }

    #[test]
    fn is_the_hash_of_the_whole_wherever_it_is_cut() {
        for length in [0, 1, 1023, 1024, 1025, 2048, 2049, 3072, 65_536, 65_537, 100_000, 262_144, 1_000_003]
        {
            let content = content(length);
            let expected = hash::of(&content);
            assert_eq!(in_parts(&content, &[]), expected, "{length} at once");
            for step in [512, 1024, 1536, 16_384, 65_536 - 512, 65_536] {
                let cuts: Vec<usize> = (1..).map(|i| i * step).take_while(|&cut| cut < length).collect();
                assert_eq!(in_parts(&content, &cuts), expected, "{length} by {step}");
            }
            // As an archive has them: a first part without its header, and whole chunks.
            let cuts: Vec<usize> = (1..).map(|i| i * 65_536 - 512).take_while(|&cut| cut < length).collect();
            assert_eq!(in_parts(&content, &cuts), expected, "{length} in chunks");
        }
    }

    #[test]
    fn makes_the_values_that_it_is_not_given() {
        let content = content(300_000);
        let mut hasher = TreeHasher::default();
        hasher.update(&content[..123_456], &[]);
        hasher.update(&content[123_456..], &[]);
        assert_eq!(hasher.finalize(), hash::of(&content));
    }

    #[test]
    fn a_part_has_no_more_subtrees_than_there_is_room_for() {
        for offset in [0, 512, 1 << 27, (1 << 27) - 512, 12_345 * 512] {
            assert!(subtrees(offset, 1 << 27).count() <= MOST_SUBTREES);
        }
    }
}
