//! BLAKE3 (<https://github.com/BLAKE3-team/BLAKE3-specs>).

/// Bytes of a hash.
pub const LENGTH: usize = 32;

/// The hash of `bytes`.
pub fn of(bytes: &[u8]) -> [u8; LENGTH] {
    *blake3::hash(bytes).as_bytes()
}

/// A hash of bytes that come in pieces.
pub use blake3::Hasher;

#[cfg(test)]
mod tests {
    /// The first and the last of the published test vectors that fit on a line: `test_vectors.json` of BLAKE3.
    #[test]
    fn agrees_with_the_published_vectors() {
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        assert_eq!(hex(&super::of(b"")), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        let input: Vec<u8> = (0..102_400u32).map(|i| (i % 251) as u8).collect();
        assert_eq!(
            hex(&super::of(&input)),
            "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"
        );
    }
}
