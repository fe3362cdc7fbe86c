//! Tests of decoding: round trips, nested codings, and the rule for compressed files.

mod bounds;
mod damage;

use bytes::Bytes;
use compression_codecs::brotli::params::EncoderParams;
use compression_codecs::core::Level;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::flate::params::FlateEncoderParams;
use compression_codecs::zstd::params::CParameter;
use compression_codecs::{BrotliEncoder, DeflateEncoder, EncodeV2, GzipEncoder, ZlibEncoder, ZstdEncoder};
use proptest::prelude::*;

use super::{Decoder, PIECE, Resource, asks_identity};
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
    run(&mut *encoder, data)
}

/// Encodes the data to its end.
fn run(encoder: &mut dyn EncodeV2, data: &[u8]) -> Vec<u8> {
    let mut out = vec![0; data.len() * 2 + 4096];
    let (mut source, mut sink) = (PartialBuffer::new(data), WriteBuffer::new_initialized(&mut out));
    while !source.unwritten().is_empty() {
        encoder.encode(&mut source, &mut sink).unwrap();
    }
    while !encoder.finish(&mut sink).unwrap() {}
    let length = sink.written_len();
    out.truncate(length);
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
