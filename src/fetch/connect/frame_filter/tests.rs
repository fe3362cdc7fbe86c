//! Which frames count, however they are split.

use super::*;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A connection that has sent requests on these streams.
fn asked(streams: &[u32]) -> Account {
    let mut account = Account::new();
    account.sent(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    account.sent(&frame(4, 0, 0, &[0; 6]));
    for &stream in streams {
        account.sent(&frame(HEADERS, 5, stream, b"request"));
    }
    account
}

/// How many of these frames pass.
fn passed(account: &mut Account, frame: &[u8], most: u32) -> u32 {
    (0..most).find(|_| account.received(frame).is_err()).unwrap_or(most)
}

#[test]
fn frames_that_carry_nothing_are_bounded() {
    for (what, flood) in [
        ("settings", frame(4, 0, 0, &[])),
        ("pings", frame(6, 0, 0, &[0; 8])),
        ("priorities", frame(2, 0, 1, &[0; 5])),
        ("window updates", frame(8, 0, 1, &[0, 0, 0, 1])),
        ("empty data", frame(DATA, 0, 1, &[])),
        ("padding", frame(DATA, PADDED, 1, &[255; 256])),
        ("continuations", frame(9, 0, 1, &[])),
        ("resets of another stream", frame(RST_STREAM, 0, 3, &[0; 4])),
        ("data of another stream", frame(DATA, 0, 3, b"data")),
        ("ends of another stream", frame(DATA, END_STREAM, 3, b"data")),
        ("unknown frames", frame(99, 0, 1, b"data")),
    ] {
        assert_eq!(passed(&mut asked(&[1]), &flood, 5000), MOST_IDLE, "{what}");
    }
    // The first head is an answer.
    assert_eq!(passed(&mut asked(&[1]), &frame(HEADERS, 4, 1, b"103"), 5000), 1 + MOST_IDLE, "interim heads");
}

#[test]
fn frames_of_answers_pass_without_end() {
    let mut account = asked(&[]);
    for stream in (1..20_000).step_by(2) {
        account.sent(&frame(HEADERS, 5, stream, b"request"));
        let answer = [
            frame(HEADERS, 4, stream, b"103"),
            frame(HEADERS, 4, stream, b"200"),
            frame(6, 1, 0, &[0; 8]),
            frame(DATA, 0, stream, b"body"),
            frame(DATA, END_STREAM, stream, &[]),
        ];
        // Split anywhere.
        for piece in answer.concat().chunks(1 + stream as usize % 16) {
            account.received(piece).unwrap();
        }
    }
    assert!(account.open.is_empty());
    let streams: Vec<u32> = (1..8000).step_by(2).collect();
    let mut account = asked(&streams);
    for &stream in &streams {
        account.received(&frame(HEADERS, 4, stream, b"200")).unwrap();
    }
    for stream in streams {
        account.received(&frame(RST_STREAM, 0, stream, &[0; 4])).unwrap();
    }
}

#[test]
fn frames_of_a_stream_that_was_given_up_carry_nothing() {
    let mut account = asked(&[1]);
    let data = frame(DATA, 0, 1, &[b'x'; 1000]);
    assert_eq!(passed(&mut account, &data, 5000), 5000);
    account.sent(&frame(RST_STREAM, 0, 1, &[0; 4]));
    assert_eq!(passed(&mut account, &data, 5000), MOST_IDLE);
}

#[test]
fn bodies_in_tiny_frames_are_read_slowly() {
    let mut account = asked(&[1]);
    account.received(&frame(HEADERS, 4, 1, b"200")).unwrap();
    account.received(&frame(DATA, 0, 1, b"x").repeat(1000)).unwrap();
    assert_eq!(account.rest(), Some(Duration::from_millis(50)));
    account.received(&frame(DATA, 0, 1, &[b'x'; 1000]).repeat(1000)).unwrap();
    assert_eq!(account.rest(), None, "larger frames");
    for stream in (3..2003).step_by(2) {
        account.sent(&frame(HEADERS, 5, stream, b"request"));
        account.received(&frame(HEADERS, 4, stream, b"200")).unwrap();
        account.received(&frame(DATA, 0, stream, b"tiny")).unwrap();
        account.received(&frame(DATA, END_STREAM, stream, &[])).unwrap();
        assert_eq!(account.rest(), None, "small bodies");
    }
}
