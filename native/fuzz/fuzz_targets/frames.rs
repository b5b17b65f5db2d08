//! Frames of archives and of others: any bytes end in an error or a content, and neither decoder reads or writes elsewhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use znip_core::codec::{self, StreamDecoder};

fuzz_target!(|bytes: &[u8]| {
    let [first, second, frame @ ..] = bytes else { return };
    let room = usize::from(*first) << (second % 8);
    let mut target = vec![0; room];
    let whole = codec::decompress(frame, &mut target);
    assert!(whole.is_ok_and(|length| length <= room) || whole.is_err());

    let mut decoder = StreamDecoder::new().unwrap();
    let mut piece = [0; 4096];
    let mut at = 0;
    for _ in 0..64 {
        let end = frame.len().min(at + 1 + usize::from(*second));
        let Ok((taken, made)) = decoder.step(&frame[at..end], &mut piece) else { break };
        assert!(taken <= end - at && made <= piece.len());
        at += taken;
        if taken == 0 && made == 0 {
            break;
        }
    }
});
