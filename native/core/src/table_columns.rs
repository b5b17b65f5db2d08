//! Columns of tables as they are read: checks of all rows in one call. Each gives the first row that is not as it should be, or
//! the number of rows. `src/format/tables/column-checks.ts` has the same in TypeScript.

use std::cmp::Ordering;

use crate::columns::kind;

/// The largest whole number that an `f64` tells from its neighbours.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// How many of the first `rows` bits are 0, least significant first. Rows behind the end count as 0.
pub fn zeros(bits: &[u8], rows: usize) -> usize {
    let whole = bits.len().min(rows / 8);
    let ones: usize = bits[..whole].iter().map(|byte| byte.count_ones() as usize).sum();
    let rest = rows - 8 * whole;
    let last = bits
        .get(whole)
        .map_or(0, |byte| (u32::from(*byte) & ((1u32 << rest.min(8)) - 1)).count_ones() as usize);
    rows - ones - last
}

/// Offsets, as 32-bit numbers with a sign: none is less than the one before, and the first is not less than 0.
pub fn first_falling_offset(offsets: &[u32]) -> usize {
    let mut previous = 0;
    offsets
        .iter()
        .take_while(|&&offset| offset as i32 >= std::mem::replace(&mut previous, offset as i32))
        .count()
}

/// None is less than the one before, and the first is not less than `previous`.
pub fn first_falling_number(numbers: &[f64], mut previous: f64) -> usize {
    numbers.iter().take_while(|&&number| number >= std::mem::replace(&mut previous, number)).count()
}

/// The sum of all.
pub fn total(numbers: &[f64]) -> f64 {
    // `sum` of nothing is -0.
    numbers.iter().fold(0.0, |total, number| total + number)
}

/// Puts 64-bit numbers into `numbers`, until one is not exact there.
pub fn exact_numbers(values: &[u64], numbers: &mut [f64]) -> usize {
    values
        .iter()
        .zip(numbers)
        .take_while(|(value, _)| **value <= MAX_EXACT)
        .map(|(value, number)| *number = *value as f64)
        .count()
}

/// Puts `words[index]` into `result` for each index, until a word is `unknown`.
pub fn look_up(indices: &[u8], words: &[u8; 256], unknown: u8, result: &mut [u8]) -> usize {
    indices
        .iter()
        .zip(result)
        .map(|(&index, result)| {
            *result = words[usize::from(index)];
            *result
        })
        .take_while(|&word| word != unknown)
        .count()
}

/// The rows of the first and the last path, in the order of paths: component by component. Of equal ones, the first row counts.
/// Both are 0 without rows.
pub fn path_extent(bytes: &[u8], offsets: &[u32]) -> (usize, usize) {
    let path = |row: usize| {
        let range = offsets.get(row).copied().unwrap_or_default() as usize
            ..offsets.get(row + 1).copied().unwrap_or_default() as usize;
        bytes.get(range).unwrap_or_default()
    };
    let (mut first, mut last) = (0, 0);
    for row in 1..offsets.len().saturating_sub(1) {
        // In a tree as it is walked, each path is behind the one before.
        if compare_paths(path(row), path(last)).is_gt() {
            last = row;
        } else if compare_paths(path(row), path(first)).is_lt() {
            first = row;
        }
    }
    (first, last)
}

/// A slash is less than every other byte, so a directory is before what it holds, and that before the names behind it.
fn compare_paths(a: &[u8], b: &[u8]) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    match a.iter().zip(b).find(|(x, y)| x != y) {
        Some((&x, &y)) => rank(x).cmp(&rank(y)),
        None => a.len().cmp(&b.len()),
    }
}

/// The columns of entries that say what kind of member each is. One bit a row says whether there is a value; a bitmap without
/// bits means that all rows have one.
pub struct Kinds<'a> {
    /// See `columns::kind`.
    pub kinds: &'a [u8],
    /// All bits of the mode.
    pub modes: &'a [u32],
    /// Bytes of content.
    pub sizes: &'a [f64],
    /// Rows with a checksum.
    pub checksums: &'a [u8],
    /// Rows with a link target.
    pub targets: &'a [u8],
    /// Rows whose name is not UTF-8, and has its bytes in another column.
    pub path_bytes: &'a [u8],
    /// Rows whose target is not.
    pub target_bytes: &'a [u8],
}

/// The first row from `from` on that is neither a file with a checksum nor an empty directory without one, or has a mode beyond
/// 7777, a target, or bytes of a name.
pub fn first_unusual(entries: &Kinds<'_>, from: usize) -> usize {
    let has = |bits: &[u8], row: usize| {
        bits.is_empty() || bits.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
    };
    let rows = entries.kinds.len().min(entries.modes.len()).min(entries.sizes.len());
    let is_usual = |row: usize| {
        let usual = match entries.kinds[row] {
            kind::FILE => has(entries.checksums, row),
            kind::DIRECTORY => !has(entries.checksums, row) && entries.sizes[row] == 0.0,
            _ => false,
        };
        usual
            && entries.modes[row] <= 0o7777
            && ![entries.targets, entries.path_bytes, entries.target_bytes].iter().any(|bits| has(bits, row))
    };
    (from..rows).find(|&row| !is_usual(row)).unwrap_or(rows)
}

/// Writes the strings between these offsets to `target`, each followed by `end`. `None` if they do not fit, or are not in `bytes`.
pub fn lines(bytes: &[u8], offsets: &[u32], end: u8, target: &mut [u8]) -> Option<()> {
    let mut at = 0;
    for pair in offsets.windows(2) {
        let line = bytes.get(pair[0] as usize..pair[1] as usize)?;
        let to = target.get_mut(at..=at + line.len())?;
        to[..line.len()].copy_from_slice(line);
        to[line.len()] = end;
        at += line.len() + 1;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_rows_without_a_value() {
        assert_eq!(zeros(&[0xff, 0b101], 11), 1);
        assert_eq!(zeros(&[0xff, 0b1101], 11), 1);
        assert_eq!(zeros(&[0], 8), 8);
        assert_eq!(zeros(&[0xf0, 0xff, 0xff], 4), 4);
        assert_eq!(zeros(&[0xff], 20), 12);
        assert_eq!(zeros(&[], 0), 0);
    }

    #[test]
    fn finds_what_falls() {
        assert_eq!(first_falling_offset(&[0, 0, 3, 3, 9]), 5);
        assert_eq!(first_falling_offset(&[0, 4, 3]), 2);
        assert_eq!(first_falling_offset(&[u32::MAX]), 0);
        assert_eq!(first_falling_offset(&[5, 0x8000_0000]), 1);
        assert_eq!(first_falling_number(&[1.0, 1.0, 0.5], 1.0), 2);
        assert_eq!(first_falling_number(&[0.5], 1.0), 0);
        assert_eq!(total(&[]).to_bits(), 0);
        assert_eq!(total(&[1.0, 2.5]), 3.5);
    }

    #[test]
    fn takes_over_exact_numbers_and_known_words() {
        let mut numbers = [0.0; 3];
        assert_eq!(exact_numbers(&[7, MAX_EXACT, MAX_EXACT + 1], &mut numbers), 2);
        assert_eq!(numbers, [7.0, 9_007_199_254_740_991.0, 0.0]);
        let mut words = [255; 256];
        words[3] = 1;
        let mut result = [0; 3];
        assert_eq!(look_up(&[3, 3, 0], &words, 255, &mut result), 2);
        assert_eq!(look_up(&[3, 3], &words, 255, &mut result), 2);
        assert_eq!(result[..2], [1, 1]);
    }

    #[test]
    fn finds_rows_that_are_not_usual() {
        let usual = Kinds {
            kinds: &[0, 1, 0],
            modes: &[0o644, 0o7777, 0],
            sizes: &[5.0, 0.0, 0.0],
            checksums: &[0b101],
            targets: &[0],
            path_bytes: &[0],
            target_bytes: &[0],
        };
        assert_eq!(first_unusual(&usual, 0), 3);
        assert_eq!(first_unusual(&Kinds { targets: &[0b010], ..usual }, 0), 1);
        assert_eq!(first_unusual(&Kinds { targets: &[0b010], ..usual }, 2), 3);
        assert_eq!(first_unusual(&Kinds { targets: &[], ..usual }, 0), 0);
        assert_eq!(first_unusual(&Kinds { path_bytes: &[0b100], ..usual }, 0), 2);
        assert_eq!(first_unusual(&Kinds { target_bytes: &[0b100], ..usual }, 0), 2);
        assert_eq!(first_unusual(&Kinds { checksums: &[0b001], ..usual }, 0), 2);
        assert_eq!(first_unusual(&Kinds { checksums: &[0b111], ..usual }, 0), 1);
        assert_eq!(first_unusual(&Kinds { checksums: &[], ..usual }, 0), 1);
        assert_eq!(first_unusual(&Kinds { sizes: &[5.0, 1.0, 0.0], ..usual }, 0), 1);
        assert_eq!(first_unusual(&Kinds { modes: &[0o10000, 0, 0], ..usual }, 0), 0);
        assert_eq!(first_unusual(&Kinds { kinds: &[2, 1, 0], ..usual }, 0), 0);
    }

    #[test]
    fn writes_lines_where_they_fit() {
        let mut target = [0; 7];
        assert_eq!(lines(b"xabcd", &[1, 3, 3, 5], b'\n', &mut target), Some(()));
        assert_eq!(&target, b"ab\n\ncd\n");
        assert_eq!(lines(b"xabcd", &[1, 3, 3, 5], b'\n', &mut [0; 6]), None);
        assert_eq!(lines(b"xabcd", &[1, 6], b'\n', &mut [0; 6]), None);
        assert_eq!(lines(b"xabcd", &[3, 1], b'\n', &mut [0; 6]), None);
    }
}
