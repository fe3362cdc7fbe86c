//! Coded bodies that are cut off, damaged, or followed by other bytes.

use super::*;

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
