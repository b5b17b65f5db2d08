//! zstd: one frame at a time, between buffers of the caller.

use std::cell::RefCell;

use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective, SafeResult};

/// How to compress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// zstd level, 1 to 19.
    pub level: i32,
    /// log2 of the largest distance of a match, 10 to 27.
    pub window_log: u32,
    /// log2 of the size of the table of short matches; 0 leaves it to the level.
    pub chain_log: u32,
    /// Also find repetitions at any distance within the window.
    pub long_distance: bool,
}

/// The largest window that libzstd decodes, `zstd --long=31`, as log2.
pub const MAX_WINDOW_LOG: u32 = 31;

/// The version of libzstd, as in `1.5.7`.
pub fn version() -> &'static str {
    zstd_safe::version_string()
}

struct Compressor {
    context: CCtx<'static>,
    settings: Option<Settings>,
}

impl Compressor {
    fn set(&mut self, settings: Settings) -> SafeResult {
        if self.settings == Some(settings) {
            return Ok(0);
        }
        self.settings = None;
        let context = &mut self.context;
        context.set_parameter(CParameter::CompressionLevel(settings.level))?;
        context.set_parameter(CParameter::WindowLog(settings.window_log))?;
        context.set_parameter(CParameter::ChainLog(settings.chain_log))?;
        context.set_parameter(CParameter::EnableLongDistanceMatching(settings.long_distance))?;
        self.settings = Some(settings);
        Ok(0)
    }
}

// One context for each thread. Its tables take megabytes, so it is kept between calls.
thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Compresses `source` into one frame, which states its content size, at the start of `target`. Gives the length of the
/// frame, or `None` if it does not fit. Fails with libzstd's reason.
pub fn compress(source: &[u8], target: &mut [u8], settings: Settings) -> Result<Option<usize>, &'static str> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = kept.get_or_insert_with(|| Compressor { context: CCtx::create(), settings: None });
        compressor.set(settings).map_err(zstd_safe::get_error_name)?;
        match compressor.context.compress2(target, source) {
            Ok(length) => Ok(Some(length)),
            Err(code) => {
                // The context may be within a frame, where it takes no other parameters.
                compressor.context.reset(ResetDirective::SessionOnly).map_err(zstd_safe::get_error_name)?;
                match zstd_safe::get_error_name(code) {
                    "Destination buffer is too small" => Ok(None),
                    reason => Err(reason),
                }
            }
        }
    })
}

/// Decompresses the frame `source` to `target`. Gives the length of its content. Fails with libzstd's reason, also if
/// the content is longer than `target`.
pub fn decompress(source: &[u8], target: &mut [u8]) -> Result<usize, &'static str> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let context = kept.get_or_insert_with(DCtx::create);
        context.decompress(target, source).map_err(zstd_safe::get_error_name)
    })
}

/// Decodes frames of any origin, as their bytes arrive.
pub struct StreamDecoder(DCtx<'static>);

impl StreamDecoder {
    /// Takes windows of any size: the caller decides how large a window may be.
    pub fn new() -> Result<StreamDecoder, &'static str> {
        let mut context = DCtx::create();
        context.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)).map_err(zstd_safe::get_error_name)?;
        Ok(StreamDecoder(context))
    }

    /// Decodes from `source` to `target`. Gives the bytes that were taken and the bytes that were written.
    pub fn step(&mut self, source: &[u8], target: &mut [u8]) -> Result<(usize, usize), &'static str> {
        let mut input = InBuffer::around(source);
        let mut output = OutBuffer::around(target);
        self.0.decompress_stream(&mut output, &mut input).map_err(zstd_safe::get_error_name)?;
        Ok((input.pos(), output.pos()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings { level: 3, window_log: 20, chain_log: 0, long_distance: false };

    fn prose(length: usize) -> Vec<u8> {
        (0..length).map(|i| b"abcdefgh"[(i * i / 7) % 8]).collect()
    }

    #[test]
    fn a_frame_comes_back() {
        for length in [0, 1, 100_000] {
            let content = prose(length);
            let mut frame = vec![0; length + 100];
            let used = compress(&content, &mut frame, SETTINGS).unwrap().unwrap();
            let mut back = vec![0; length];
            assert_eq!(decompress(&frame[..used], &mut back), Ok(length));
            assert_eq!(back, content);
        }
    }

    #[test]
    fn a_frame_that_does_not_fit_is_no_error_and_the_next_one_works() {
        let noise: Vec<u8> =
            (0..5000u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        let mut small = [0; 100];
        assert_eq!(compress(&noise, &mut small, SETTINGS), Ok(None));
        let mut frame = vec![0; 6000];
        let other = Settings { level: 5, window_log: 12, ..SETTINGS };
        assert!(compress(&noise, &mut frame, other).unwrap().is_some());
    }

    #[test]
    fn damage_and_a_content_that_is_too_long_are_errors() {
        let content = prose(10_000);
        let mut frame = vec![0; 10_000];
        let used = compress(&content, &mut frame, SETTINGS).unwrap().unwrap();
        assert!(decompress(&frame[..used], &mut vec![0; 9_999]).is_err());
        assert!(decompress(&frame[..used - 1], &mut vec![0; 10_000]).is_err());
        assert!(decompress(&frame[1..used], &mut vec![0; 10_000]).is_err());
        assert_eq!(decompress(&frame[..used], &mut vec![0; 10_000]), Ok(10_000));
    }

    #[test]
    fn a_stream_is_decoded_piece_by_piece() {
        let content = prose(300_000);
        let mut frame = vec![0; 300_000];
        let used = compress(&content, &mut frame, SETTINGS).unwrap().unwrap();
        let mut decoder = StreamDecoder::new().unwrap();
        let mut back = Vec::new();
        let mut piece = vec![0; 4096];
        let mut at = 0;
        while back.len() < content.len() {
            let end = used.min(at + 1000);
            let (taken, made) = decoder.step(&frame[at..end], &mut piece).unwrap();
            at += taken;
            back.extend_from_slice(&piece[..made]);
        }
        assert_eq!(back, content);
    }
}
