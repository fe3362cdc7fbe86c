//! Tests of decoding: round trips, cuts, bit flips, bombs, and the rule for compressed files.

use std::time::Duration;

use bytes::Bytes;
use compression_codecs::brotli::params::EncoderParams;
use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::flate::params::FlateEncoderParams;
use compression_codecs::zstd::params::CParameter;
use compression_codecs::{BrotliEncoder, DeflateEncoder, EncodeV2, GzipEncoder, ZlibEncoder, ZstdEncoder};
use proptest::prelude::*;
use tokio::time::Instant;

use super::{BodyMemory, Decoder, DecoderMemory, PIECE, Resource, asks_identity};
use crate::fetch::exchange::deadlines::TimeLimit;
use crate::model::{ErrorKind, FetchError};

/// Each coding: the name of its encoder, for messages, and its Content-Encoding.
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

fn decoder(values: &[&str], resource: &Resource<'_>) -> Result<Option<Decoder>, FetchError> {
    Decoder::new(values.iter().map(|value| value.as_bytes()), resource, true)
}

/// Feeds the coded bytes in chunks of these sizes (the last repeats) and passes each decoded piece on.
fn drain(coding: &str, coded: &[u8], sizes: &[usize], mut piece: impl FnMut(&[u8])) -> Result<(), FetchError> {
    let mut decoder = decoder(&[coding], &Resource::default())?.expect("a coding");
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
    let new = |values: &[&str]| decoder(values, &Resource::default()).map(|it| it.map_or(0, |it| it.stages.len()));
    for (values, stages) in [
        (&[][..], 0),
        (&[""], 0),
        (&["identity"], 0),
        (&["GZIP"], 1),
        (&["x-gzip"], 1),
        (&["X-Deflate", "zst", "brotli"], 3),
        (&["\"gzip\"", "br;q=1.0"], 2),
        (&["'gzip'"], 1),
        (&[" gzip , ,br", "Identity, ZSTD"], 3),
        (&["gzip, utf-8"], 1),
        (&["aws-chunked,gzip,none"], 1),
    ] {
        assert_eq!(new(values).unwrap(), stages, "{values:?}");
    }
    for name in [
        "utf-8",
        "ISO-8859-1",
        "none",
        "binary",
        "7bit",
        "8bit",
        "aws-chunked",
        "zip",
        "*",
        "\"",
        "\"\"",
        "\"a, b\"",
        "text/html; charset=utf-8",
        "application/gzip",
        "base64",
        "chunked",
        "é",
        "rot13",
        ";",
        "null",
        "-",
    ] {
        assert_eq!(new(&[name]).unwrap(), 0, "{name}");
    }
    for (values, message) in [
        (&["gzip, compress"][..], "unsupported content coding `compress`: "),
        (&["gzip br"], "unsupported content coding `gzip br`: "),
        (&["X-Compress"], "unsupported content coding `X-Compress`: "),
        (&["gzip,gzip", "br,br"], "more than 3 content codings: "),
    ] {
        let error = new(values).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Decode);
        assert!(error.message.starts_with(message) && error.message.contains("--compression raw"), "{error}");
    }
    for name in
        ["bzip2", "x-bzip2", "xz", "lzma", "dcb", "dcz", "exi", "pack200-gzip", "sdch", "lz4", "snappy", "aes128gcm"]
    {
        assert_eq!(new(&[name]).unwrap_err().kind, ErrorKind::Decode, "{name}");
    }
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

/// Decodes a body with these trailing bytes. Returns the body, and the warning or the error.
fn with_trailing(how: &str, trailing: &[u8], size: usize) -> (Vec<u8>, Result<Option<String>, FetchError>) {
    let coding = CODINGS.iter().find(|(name, _)| *name == how).expect("a coding").1;
    let coded = [&encode(how, b"body"), trailing].concat();
    let mut decoder = decoder(&[coding], &Resource::default()).unwrap().unwrap();
    let mut body = Vec::new();
    for chunk in coded.chunks(size) {
        decoder.feed(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next() {
                Ok(Some(piece)) => body.extend_from_slice(piece),
                Ok(None) => break,
                Err(error) => return (body, Err(error)),
            }
        }
    }
    let ended = decoder.finish();
    (body, ended.map(|()| decoder.warning()))
}

#[test]
fn garbage_after_a_checksum_is_ignored() {
    for how in ["gzip", "zlib"] {
        for garbage in [&b"\n"[..], b"trailing", b"\x1fx", b"\0\0x", b"\x50\x2a\x4d\x18\0\0\0\0", &[b'x'; 100_000]] {
            for size in [1, 100_100] {
                let (body, ended) = with_trailing(how, garbage, size);
                let warning = ended.unwrap().expect("a warning");
                assert_eq!(body, b"body", "{how}");
                assert!(warning.contains(&format!("{} byte", garbage.len())), "{warning}");
            }
        }
        for zeros in [1, 2, 512, 100_000] {
            assert_eq!(with_trailing(how, &vec![0; zeros], 1000), (b"body".to_vec(), Ok(None)), "{how}: padding");
        }
    }
    // Bare deflate has no checksum; some servers append one.
    assert!(with_trailing("raw", b"abcd", 3).1.unwrap().is_some());
}

#[test]
fn garbage_without_a_checksum_is_refused() {
    for (how, garbage) in
        [("br", &b"\n"[..]), ("zstd", b"\n"), ("zstd", &[0; 4]), ("raw", b"abcde"), ("br", b"trailing")]
    {
        for size in [1, 1000] {
            let error = with_trailing(how, garbage, size).1.unwrap_err();
            let (name, end) = (if how == "raw" { "deflate" } else { how }, encode(how, b"body").len());
            assert_eq!(error.kind, ErrorKind::Decode, "{how}");
            let found = format!("the end of the {name} coding, which is at byte {end}: \"{}\"", garbage.escape_ascii());
            assert!(error.message.starts_with(&format!("{} byte", garbage.len())), "{error}");
            assert!(error.message.contains(&found), "{error}");
        }
    }
    // The error does not wait for the end of an endless body.
    let error = with_trailing("br", &[b'x'; 1 << 20], 1000).1.unwrap_err();
    assert!(error.message.starts_with("at least ") && error.message.len() < 300, "{error}");
}

#[test]
fn a_body_that_is_not_coded_is_named() {
    for coding in ["gzip", "zstd"] {
        for size in [1, 100] {
            let error = decode(coding, b"<!DOCTYPE html>\n<p>", &[size]).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Decode);
            assert!(error.message.contains(&format!("the body is not {coding}: it begins with \"<")), "{error}");
        }
    }
}

#[test]
fn frames_to_skip_are_skipped() {
    let skip = b"\x5e\x2a\x4d\x18\x03\0\0\0abc";
    let coded = [skip, &encode("zstd", b"one")[..], skip, &encode("zstd", b"two"), skip].concat();
    for size in [1, 5, coded.len()] {
        assert_eq!(decode("zstd", &coded, &[size]).unwrap(), b"onetwo");
    }
    assert_eq!(decode("zstd", &coded[..coded.len() - 1], &[9]).unwrap_err().kind, ErrorKind::Truncated);
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
    // Exponent 13 is 8 MiB, the limit of RFC 9659. Its smallest mantissa step exceeds that.
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
    for (name, content_type, coding, undone) in [
        ("a.tar.gz", None, "gzip", 0),
        ("a.TGZ", Some("application/x-tar"), "x-gzip", 0),
        ("a.svgz", Some("image/svg+xml"), "gzip", 0),
        ("download", Some("Application/GZip; q=1"), "gzip", 0),
        ("a.tar.zst", None, "zstd", 0),
        ("a.js.br", None, "br", 0),
        ("a.zz", None, "deflate", 0),
        ("a.tar.Z", None, "x-compress", 0),
        ("a.tar.xz", None, "xz", 0),
        ("a.tar.bz2", None, "x-bzip2", 0),
        ("a.jar.pack.gz", None, "pack200-gzip", 0),
        ("a.gz@v=1.5", None, "gzip", 0),
        ("a@1.gz@v=a@b", None, "gzip", 0),
        ("get@file=a.gz", None, "gzip", 0),
        ("a.gz@v=2~0123abcd", None, "gzip", 0),
        ("a.gz~1a2b3c", None, "gzip", 0),
        ("a.gz", None, "br", 1),
        ("a.gz", None, "gzip, gzip", 1),
        ("a.gz", None, "gzip, br", 1),
        ("a.xz", None, "xz, gzip", 1),
        ("a.gz", None, "utf-8, gzip", 0),
        ("a.gz", Some("application/x-brotli"), "br", 1),
        ("a.gz", None, "", 0),
        ("a.gz/", None, "gzip", 1),
        ("a.gz@b/c", None, "gzip", 1),
        ("gz", None, "gzip", 1),
        ("a.gz.html", None, "gzip", 1),
        ("a.html", Some("text/html"), "gzip", 1),
        ("a.zip", Some("application/zip"), "gzip", 1),
    ] {
        let resource = Resource { names: [Some(name), None], content_type };
        let stages = decoder(&[coding], &resource).unwrap().map_or(0, |decoder| decoder.stages.len());
        assert_eq!(stages, undone, "{name} {coding}");
    }
    let unsaved = Resource { names: [Some("/latest"), Some("/a.gz")], content_type: None };
    assert!(decoder(&["gzip"], &unsaved).unwrap().is_none(), "either of the URLs may say it");
    for (name, asks) in [
        ("a.gz", true),
        ("/a.b/C.JPG", true),
        ("/a.tar.xz", true),
        ("a.GZ@x=1~0123abcd", true),
        ("/", false),
        ("/a.svg", false),
        ("/a.zip/x", false),
        ("/png", false),
    ] {
        assert_eq!(asks_identity(name), asks, "{name}");
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
    let mut encoder = BrotliEncoder::new(params);
    let (data, mut out) = (vec![0; length], vec![0; 64 * 1024]);
    let (mut source, mut sink) = (PartialBuffer::new(&data[..]), WriteBuffer::new_initialized(&mut out));
    while !source.unwritten().is_empty() {
        encoder.encode(&mut source, &mut sink).unwrap();
    }
    while !encoder.finish(&mut sink).unwrap() {}
    let length = sink.written_len();
    out.truncate(length);
    out
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
