//! Bodies in chunks, split anywhere, with short and long size lines.

use proptest::prelude::*;

use super::*;

/// Follows pieces of a body. Returns the state if the lines keep their bound.
fn followed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<ChunkLines> {
    let mut lines = ChunkLines::new(Content::Chunked);
    pieces.into_iter().try_for_each(|piece| lines.follow(piece)).ok()?;
    Some(lines)
}

fn is_good(body: &[u8]) -> bool {
    followed([body]).is_some()
}

#[test]
fn long_size_lines_are_refused() {
    let zeros = "0".repeat(MAX_EXCESS + ORDINARY + 1);
    let blanks = format!("1{}", " ".repeat(MAX_EXCESS + ORDINARY));
    let extension = format!("1;{}", "a".repeat(MAX_EXCESS + ORDINARY - 1));
    for line in [zeros, blanks, extension] {
        assert!(!is_good(line.as_bytes()), "{}", &line[..8]);
        assert!(is_good(&line.as_bytes()[1..]), "{}", &line[..8]);
        assert!(followed(line.as_bytes().chunks(1)).is_none(), "{}", &line[..8]);
    }
}

#[test]
fn excess_of_all_lines_counts_together() {
    let chunk = format!("{}1\r\nx\r\n", "0".repeat(1000 + ORDINARY - 3));
    assert!(is_good(chunk.repeat(MAX_EXCESS / 1000).as_bytes()));
    assert!(!is_good(chunk.repeat(MAX_EXCESS / 1000 + 1).as_bytes()));
}

#[test]
fn data_and_ordinary_lines_have_no_bound() {
    assert!(is_good("1\r\nx\r\n".repeat(100_000).as_bytes()));
    assert!(is_good("0000000000000001 ; a=b\r\nx\r\n".repeat(100_000).as_bytes()));
    let data = "0".repeat(2 * MAX_EXCESS);
    assert!(is_good(format!("{:x}\r\n{data}\r\n5\r\nabcde\r\n0\r\n\r\n", data.len()).as_bytes()));
    assert!(is_good(format!("FFFFFFFFFFFFFFFF\r\n{data}").as_bytes()));
}

#[test]
fn bytes_after_last_line_or_bad_size_are_left_to_client() {
    for start in ["0\r\n\r\n", "000;a=b\r\nX: y\r\n\r\n", "10000000000000000\r\n", "\r\n", "x\r\n"] {
        let body = format!("{start}{}", "0".repeat(2 * MAX_EXCESS));
        assert_eq!(followed([body.as_bytes()]).map(|lines| lines.next), Some(ChunkState::End), "{start}");
    }
}

#[test]
fn lines_behind_last_chunk_end_with_cr_lf() {
    for (body, expected) in [
        ("0\r\n\r\n", true),
        ("0\r\nX: a\rb\r\nY:\r\n\r\n\n", true),
        ("0\r\nX: y", true),
        ("0\n\r\n", true),
        ("0\r\n\n", false),
        ("0\n\n", false),
        ("1\r\nx\r\n0;a\r\nX: y\n", false),
        ("0\r\nX: y\r\nY: \r\r\n\n", false),
    ] {
        assert_eq!(is_good(body.as_bytes()), expected, "{body:?}");
        assert_eq!(followed(body.as_bytes().chunks(1)).is_some(), expected, "{body:?}");
    }
}

#[test]
fn line_of_two_crs_is_not_the_empty_one() {
    for body in ["0\r\n\r\r\n", "0\r\nX: y\r\n\r\r\r\n"] {
        for size in 1..=body.len() {
            let followed = followed(body.as_bytes().chunks(size)).map(|lines| lines.next);
            assert_eq!(followed, Some(ChunkState::TRAILER), "{body:?} in pieces of {size}");
        }
    }
}

#[test]
fn other_content_has_no_chunks() {
    let zeros = "0".repeat(2 * MAX_EXCESS);
    for content in [Content::Length(zeros.len() as u64), Content::UntilClose] {
        assert_eq!(ChunkLines::new(content).follow(zeros.as_bytes()), Ok(()));
    }
}

proptest! {
    #[test]
    fn chunks_are_followed_alike_wherever_they_are_split(
        chunks in prop::collection::vec(("0{0,40}", "[a-z0-9\r\n]{1,40}", "[ \t]{0,3}(;[a-f0-9]{0,40})?"), 0..8),
        ends in any::<bool>(),
        size in 1..30_usize,
    ) {
        let mut body: String =
            chunks.iter().map(|(zeros, data, more)| format!("{zeros}{:x}{more}\r\n{data}\r\n", data.len())).collect();
        if ends {
            body.push_str("0\r\n\r\n");
        }
        let whole = followed([body.as_bytes()]).unwrap();
        let split = followed(body.as_bytes().chunks(size)).unwrap();
        prop_assert_eq!((split.next, split.excess), (whole.next, whole.excess));
        prop_assert_eq!(whole.next, if ends { ChunkState::End } else { ChunkState::LINE });
    }

    #[test]
    fn any_lines_are_followed_alike_wherever_they_are_split(
        body in "(0\r\n)?([01a; ]{0,2}\r{0,2}\n?){0,8}",
        size in 1..4_usize,
    ) {
        let whole = followed([body.as_bytes()]).map(|lines| (lines.next, lines.excess));
        prop_assert_eq!(followed(body.as_bytes().chunks(size)).map(|lines| (lines.next, lines.excess)), whole);
    }
}
