//! Round trips, cuts, flips, bombs, and the rule for compressed files.

use bytes::Bytes;
use compression_codecs::brotli::params::EncoderParams;
use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::flate::params::FlateEncoderParams;
use compression_codecs::zstd::params::CParameter;
use compression_codecs::{BrotliEncoder, DeflateEncoder, EncodeV2, GzipEncoder, ZlibEncoder, ZstdEncoder};
use proptest::prelude::*;

use super::{Decoder, PIECE, asks_identity, keeps_coded_bytes};
use crate::model::{ErrorKind, FetchError};

/// Each coding under a name for messages, its Content-Encoding and what applies it.
const CODINGS: &[(&str, &str)] =
    &[("gzip", "gzip"), ("zlib", "deflate"), ("raw", "deflate"), ("br", "br"), ("zstd", "zstd")];

fn encode(how: &str, data: &[u8]) -> Vec<u8> {
    let flate = || FlateEncoderParams::from(Level::Fastest);
    let mut encoder: Box<dyn EncodeV2> = match how {
        "gzip" => Box::new(GzipEncoder::new(flate())),
        "zlib" => Box::new(ZlibEncoder::new(flate())),
        "raw" => Box::new(DeflateEncoder::new(flate())),
        "br" => Box::new(BrotliEncoder::new(EncoderParams::default().quality(Level::Precise(4)))),
        "zstd" => Box::new(ZstdEncoder::new_with_params(1, &[CParameter::checksum_flag(true)])),
        other => panic!("no encoder for {other}"),
    };
    let mut out = vec![0; data.len() * 2 + 4096];
    let mut sink = WriteBuffer::new_initialized(&mut out);
    let mut source = PartialBuffer::new(data);
    while !source.unwritten().is_empty() {
        encoder.encode(&mut source, &mut sink).unwrap();
    }
    while !encoder.finish(&mut sink).unwrap() {}
    let len = sink.written_len();
    out.truncate(len);
    out
}

/// Feeds the coded bytes in these chunks (the last size repeats) and counts what comes out.
fn drain(coding: &str, coded: &[u8], sizes: &[usize], mut piece: impl FnMut(&[u8])) -> Result<(), FetchError> {
    let mut decoder = Decoder::new([coding].into_iter())?.expect("a coding");
    let mut rest = coded;
    let mut sizes = sizes.iter().copied();
    let mut size = 1;
    while !rest.is_empty() {
        size = sizes.next().unwrap_or(size).max(1);
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        decoder.feed(Bytes::copy_from_slice(chunk));
        while let Some(decoded) = decoder.next()? {
            assert!(!decoded.is_empty() && decoded.len() <= PIECE);
            piece(decoded);
        }
        rest = after;
    }
    assert!(decoder.next()?.is_none());
    decoder.finish()
}

fn decode(coding: &str, coded: &[u8], sizes: &[usize]) -> Result<Vec<u8>, FetchError> {
    let mut all = Vec::new();
    drain(coding, coded, sizes, |piece| all.extend_from_slice(piece))?;
    Ok(all)
}

fn sample() -> Vec<u8> {
    (0..40u32).flat_map(|n| format!("line {} of the sample\n", n * n).into_bytes()).collect()
}

#[test]
fn names_are_read_as_rfc_9110_says() {
    let new = |values: &[&str]| Decoder::new(values.iter().copied()).map(|it| it.map_or(0, |it| it.stages.len()));
    for (values, stages) in [
        (&[][..], 0),
        (&[""], 0),
        (&["identity"], 0),
        (&["GZIP"], 1),
        (&["x-gzip"], 1),
        (&[" gzip , ,br", "Identity, ZSTD"], 3),
    ] {
        assert_eq!(new(values).unwrap(), stages, "{values:?}");
    }
    for (values, message) in [
        (&["gzip, foo"][..], "unsupported content coding `foo`"),
        (&["a\u{1b}[2J\u{202e}"], "unsupported content coding `a\\u{1b}[2J\\u{202e}`"),
        (&["gzip,gzip", "br,br"], "more than 3 content codings"),
    ] {
        let error = new(values).unwrap_err();
        assert_eq!((error.kind, &*error.message), (ErrorKind::Decode, message));
    }
    assert!(new(&["x".repeat(9_000).as_str()]).unwrap_err().message.len() < 100);
}

#[test]
fn every_cut_is_noticed() {
    let data = sample();
    for (how, coding) in CODINGS {
        for data in [&data[..], b"", b"x"] {
            let coded = encode(how, data);
            assert_eq!(decode(coding, &coded, &[coded.len()]).unwrap(), data, "{how}");
            for end in 1..coded.len() {
                for size in [1, end] {
                    let error = decode(coding, &coded[..end], &[size]).expect_err(how);
                    assert_eq!(error.kind, ErrorKind::Truncated, "{how} cut at {end}: {error}");
                }
            }
            assert_eq!(decode(coding, b"", &[]).unwrap(), b"", "{how}: no coded bytes are an empty body");
        }
    }
}

#[test]
fn an_end_at_the_edge_of_a_piece_is_seen() {
    for (how, coding) in CODINGS {
        for len in [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE] {
            let data: Vec<u8> = (0..len).map(|n| ((n * n) >> 3) as u8).collect();
            let coded = encode(how, &data);
            assert!(decode(coding, &coded, &[coded.len()]).unwrap() == data, "{how} {len}");
            assert!(decode(coding, &coded, &[1]).unwrap() == data, "{how} {len} by byte");
        }
    }
}

#[test]
fn data_after_the_end_is_refused() {
    for (how, coding) in CODINGS {
        let mut coded = encode(how, b"body");
        coded.extend_from_slice(b"trailing");
        for size in [1, coded.len()] {
            assert_eq!(decode(coding, &coded, &[size]).unwrap_err().kind, ErrorKind::Decode, "{how}");
        }
    }
}

#[test]
fn members_and_frames_follow_one_another() {
    for how in ["gzip", "zstd"] {
        let coded = [encode(how, b"one"), encode(how, b""), encode(how, b"two")].concat();
        for size in [1, 7, coded.len()] {
            assert_eq!(decode(how, &coded, &[size]).unwrap(), b"onetwo", "{how}");
        }
        assert_eq!(decode(how, &coded[..coded.len() - 1], &[9]).unwrap_err().kind, ErrorKind::Truncated);
    }
}

#[test]
fn flipped_bits_never_change_a_body() {
    let data = sample();
    for how in ["gzip", "zstd", "zlib"] {
        let coding = if how == "zlib" { "deflate" } else { how };
        let coded = encode(how, &data);
        for at in 0..coded.len() {
            for bit in [0, 3, 7] {
                let mut bad = coded.clone();
                bad[at] ^= 1 << bit;
                if let Ok(decoded) = decode(coding, &bad, &[bad.len()]) {
                    assert!(decoded == data, "{how}: byte {at}, bit {bit}");
                }
            }
        }
    }
}

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
    // Exponent 13 is 8 MiB, what RFC 9659 allows; its smallest mantissa step is too much already.
    assert_eq!(decode("zstd", &zstd_zeros(1, 13 << 3), &[9]).unwrap().len(), 128 << 10);
    for window in [(13 << 3) + 1, 14 << 3, 21 << 3] {
        assert_eq!(decode("zstd", &zstd_zeros(1, window), &[9]).unwrap_err().kind, ErrorKind::Decode);
    }
    // The large window extension of brotli, which RFC 7932 does not know.
    assert_eq!(decode("br", &[0x11, 0x1E, 3], &[9]).unwrap_err().kind, ErrorKind::Decode);
}

#[test]
fn nested_codings_are_undone_from_the_last() {
    let data = sample().repeat(500);
    let coded = encode("zstd", &encode("br", &encode("gzip", &data)));
    for size in [1000, coded.len()] {
        assert!(decode("gzip, br, zstd", &coded, &[size]).unwrap() == data);
    }
    for end in (1..coded.len()).step_by(coded.len() / 50 + 1) {
        assert_eq!(decode("gzip, br, zstd", &coded[..end], &[500]).unwrap_err().kind, ErrorKind::Truncated);
    }
    // The inner stream is cut, the outer one is whole.
    let inner = encode("gzip", &data);
    let cut = encode("br", &inner[..inner.len() - 1]);
    assert_eq!(decode("gzip, br", &cut, &[500]).unwrap_err().kind, ErrorKind::Truncated);
}

#[test]
fn a_compressed_file_stays_one() {
    for (path, content_type, coding, keeps) in [
        ("/a.tar.gz", None, "gzip", true),
        ("/a.TGZ", Some("application/x-tar"), "x-gzip", true),
        ("/a.svgz", Some("image/svg+xml"), "gzip", true),
        ("/download", Some("Application/GZip; q=1"), "gzip", true),
        ("/a.tar.zst", None, "zstd", true),
        ("/a.js.br", None, "br", true),
        ("/a.zz", None, "deflate", true),
        ("/a.gz", None, "br", false),
        ("/a.gz", None, "gzip, gzip", false),
        ("/a.gz", None, "", false),
        ("/a.gz", None, "foo", false),
        ("/a.gz/", None, "gzip", false),
        ("/gz", None, "gzip", false),
        ("/a.html", Some("text/html"), "gzip", false),
        ("/a.zip", Some("application/zip"), "gzip", false),
    ] {
        assert_eq!(keeps_coded_bytes(path, content_type, [coding].into_iter()), keeps, "{path} {coding}");
    }
    for (path, asks) in [
        ("/a.gz", true),
        ("/a.b/C.JPG", true),
        ("/a.tar.xz", true),
        ("/", false),
        ("/a.svg", false),
        ("/a.zip/x", false),
        ("/png", false),
    ] {
        assert_eq!(asks_identity(path), asks, "{path}");
    }
}

proptest! {
    #[test]
    fn any_body_survives(data in prop::collection::vec(0..4u8, 0..5000), sizes in prop::collection::vec(1..600usize, 1..20)) {
        for (how, coding) in CODINGS {
            prop_assert_eq!(&decode(coding, &encode(how, &data), &sizes).unwrap(), &data, "{}", how);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(data in prop::collection::vec(any::<u8>(), 0..300), size in 1..300usize) {
        for (how, coding) in CODINGS {
            let _ = decode(coding, &data, &[size]);
            let mut coded = encode(how, &data);
            let at = data.len() % coded.len();
            coded[at] ^= 0x55;
            let _ = decode(coding, &coded, &[size]);
        }
    }
}
