//! Bounds of decoding: bombs, windows, and coded bytes without output.

use std::time::Duration;

use tokio::time::Instant;

use super::super::{BodyMemory, DecoderMemory};
use super::*;
use crate::fetch::body::time_limit::TimeLimit;

#[test]
fn bombs_come_in_small_pieces() {
    let zeros = vec![0; 10 << 20];
    for (how, coding) in CODINGS {
        let mut total = 0;
        drain(coding, &encode(how, &zeros), &[64 * 1024], |piece| total += piece.len()).unwrap();
        assert_eq!(total, zeros.len(), "{how}");
    }
    let mut total = 0;
    drain("zstd", &zstd_zeros(8192, 0x68), &[64 * 1024], |piece| total += piece.len()).unwrap();
    assert_eq!(total, 1 << 30);
}

/// A zstd frame of run-length blocks, 128 KiB each (RFC 8878, section 3.1.1).
fn zstd_zeros(blocks: usize, window: u8) -> Vec<u8> {
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0, window];
    for block in 1..=blocks {
        let header = (128 << 10) << 3 | 1 << 1 | u32::from(block == blocks);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

#[test]
fn large_windows_are_refused() {
    // Exponent 13 is 8 MiB, the limit of RFC 9659. Its smallest mantissa step exceeds that.
    assert_eq!(decode("zstd", &zstd_zeros(1, 13 << 3), &[9]).unwrap().len(), 128 << 10);
    for window in [(13 << 3) + 1, 14 << 3, 21 << 3] {
        assert_eq!(decode("zstd", &zstd_zeros(1, window), &[9]).unwrap_err().kind, ErrorKind::Decode);
    }
    // The large window extension of brotli, which RFC 7932 does not know.
    assert_eq!(decode("br", &[0x11, 0x1E, 3], &[9]).unwrap_err().kind, ErrorKind::Decode);
}

/// Streams that yield nothing: their beginning, and a part that may repeat.
fn empty_streams() -> Vec<(&'static str, &'static str, Vec<u8>, Vec<u8>)> {
    let fixed = |flags| vec![0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 3];
    let nothing = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let extra = [&fixed(4)[..], &[0xFF, 0xFF], &[b'x'; 0xFFFF], &nothing].concat();
    vec![
        ("gzip members", "gzip", vec![], [&fixed(0)[..], &nothing].concat()),
        ("gzip FEXTRA", "gzip", vec![], extra),
        ("gzip FNAME", "gzip", fixed(8), vec![b'x'; 64]),
        ("gzip FCOMMENT", "gzip", fixed(16), vec![b'x'; 64]),
        ("gzip padding", "gzip", encode("gzip", b"x"), vec![0; 512]),
        ("stored blocks in gzip", "gzip", fixed(0), vec![0, 0, 0, 0xFF, 0xFF]),
        ("stored blocks in zlib", "deflate", vec![0x78, 0x9C], vec![0, 0, 0, 0xFF, 0xFF]),
        ("stored blocks", "deflate", vec![], vec![0, 0, 0, 0xFF, 0xFF]),
        ("zstd frames to skip", "zstd", vec![], vec![0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]),
        ("empty zstd frames", "zstd", vec![], vec![0x28, 0xB5, 0x2F, 0xFD, 0x20, 0, 1, 0, 0]),
        ("empty zstd blocks", "zstd", vec![0x28, 0xB5, 0x2F, 0xFD, 0, 0x58], vec![0, 0, 0]),
        ("br metadata", "br", vec![0x0C], [&[0xD6, 0x3F][..], &[b'x'; 256]].concat()),
        ("empty br metadata", "br", vec![0x0C], vec![0x06]),
    ]
}

#[test]
fn coded_bytes_without_output_come_to_an_end() {
    for (what, coding, first, then) in empty_streams() {
        let mut decoder = decoder(&[coding], &Resource::default()).unwrap().unwrap();
        decoder.feed(first.into());
        assert!(decoder.next().map_or(true, |piece| piece.is_none_or(|piece| piece == b"x")), "{what}");
        let piece = Bytes::from(then.repeat((64 * 1024 / then.len()).max(1)));
        let mut fed = 0;
        let error = loop {
            fed += piece.len();
            decoder.feed(piece.clone());
            match decoder.next() {
                Ok(None) => {}
                Ok(Some(b"x")) => fed -= piece.len(),
                Ok(Some(decoded)) => panic!("{what}: {} bytes", decoded.len()),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, ErrorKind::Decode, "{what}: {error}");
        assert!(error.message.contains("coding yield"), "{what}: {error}");
        assert!((16 << 20..=17 << 20).contains(&fed), "{what}: {fed}");
    }
}

#[test]
fn only_coded_bytes_that_may_yet_be_decoded_are_pending() {
    for (what, coding, first, then) in empty_streams() {
        let mut decoder = decoder(&[coding], &Resource::default()).unwrap().unwrap();
        decoder.feed([&first[..], &then.repeat(200 * 1024 / then.len() + 1)].concat().into());
        while decoder.next().unwrap().is_some() {}
        assert!(decoder.pending() < 1024, "{what}: {}", decoder.pending());
    }
    let mut data = vec![0; 100_000];
    blake3::Hasher::new().finalize_xof().fill(&mut data);
    data.iter_mut().for_each(|byte| *byte &= 0x3F);
    let coded = encode("zstd", &data);
    let mut decoder = decoder(&["zstd"], &Resource::default()).unwrap().unwrap();
    decoder.feed(Bytes::copy_from_slice(&coded[..40_000]));
    assert!(decoder.next().unwrap().is_none(), "a block of zstd is decoded whole");
    assert!((39_900..=40_000).contains(&decoder.pending()), "{}", decoder.pending());
}

/// Zeros in br with the largest window.
fn br_zeros(length: usize) -> Vec<u8> {
    let params = EncoderParams::default().quality(Level::Precise(4)).window_size(24);
    run(&mut BrotliEncoder::new(params), &vec![0; length])
}

#[tokio::test(start_paused = true)]
async fn a_large_window_waits_before_it_is_filled() {
    let (memory, coded) = (DecoderMemory::default(), Bytes::from(br_zeros(16 << 20)));
    let new = |coding: &str, host| {
        let limit = TimeLimit::new(Some(Duration::from_secs(5)), Instant::now(), Duration::ZERO);
        decoder(&[coding], &Resource::default()).unwrap().unwrap().with_memory(BodyMemory::new(&memory, host, limit))
    };
    let mut holders = Vec::new();
    for n in 0..8 {
        let mut holder = new("br", ["a.test", "b.test"][n % 2]);
        holder.feed(coded.clone());
        assert!(holder.pull().await.unwrap().is_some());
        holders.push(holder);
    }
    let mut waiting = new("br", "c.test");
    waiting.feed(coded.clone());
    assert_eq!(waiting.pull().await.unwrap_err().kind, ErrorKind::Timeout);
    for (coding, small) in
        [("br", encode("br", &sample())), ("zstd", encode("zstd", &sample())), ("gzip", encode("gzip", &sample()))]
    {
        let (mut decoder, mut all) = (new(coding, "a.test"), Vec::new());
        for piece in [&small[..8], &small[8..]] {
            decoder.feed(Bytes::copy_from_slice(piece));
            while let Some(piece) = decoder.pull().await.unwrap() {
                all.extend_from_slice(piece);
            }
        }
        decoder.finish().unwrap();
        assert_eq!(all, sample(), "{coding}");
    }
    holders.pop();
    let mut waiting = new("br", "c.test");
    waiting.feed(coded);
    let mut length = 0;
    while let Some(piece) = waiting.pull().await.unwrap() {
        length += piece.len();
    }
    assert_eq!(length, 16 << 20);
    waiting.finish().unwrap();
}
