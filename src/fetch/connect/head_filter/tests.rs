//! Connections on which heads arrive whole, in pieces, wrong, or too many.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::policy::message::chunk_lines::MAX_EXCESS;

impl OverTcp for DuplexStream {
    fn tcp(&self) -> Option<&TcpStream> {
        None
    }
}

const DIRTY: &str = "HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 5\r\n\r\n";
const CLEAN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";

/// Reads pieces that arrive one after another, after a request or without one. Returns the bytes and the error.
async fn read_of(pieces: &[&[u8]], is_asked: bool) -> (Vec<u8>, Option<String>) {
    let (ours, mut theirs) = duplex(1 << 20);
    let mut filter = HeadFilter::new(ours);
    if is_asked {
        filter.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    }
    let mut read = Vec::new();
    let mut buffer = [0; 8192];
    for piece in pieces {
        theirs.write_all(piece).await.unwrap();
        // Reads until nothing more is there.
        loop {
            let got = tokio::select! {
                biased;
                got = filter.read(&mut buffer) => got,
                () = std::future::ready(()) => break,
            };
            match got {
                Ok(length) => read.extend_from_slice(&buffer[..length]),
                Err(error) => return (read, Some(error.to_string())),
            }
        }
    }
    drop(theirs);
    let error = filter.read_to_end(&mut read).await.err();
    (read, error.map(|error| error.to_string()))
}

async fn passes(pieces: &[&[u8]], expected: &str) {
    let (read, error) = read_of(pieces, true).await;
    assert_eq!((String::from_utf8_lossy(&read).as_ref(), error), (expected, None), "{pieces:?}");
}

#[tokio::test]
async fn heads_are_read_alike_wherever_they_are_split() {
    let interim = "HTTP/1.1 103 Early Hints\r\nB : c\r\n\r\n";
    for (head, expected) in [
        (CLEAN.to_owned(), CLEAN.to_owned()),
        (DIRTY.to_owned(), CLEAN.to_owned()),
        (format!("{interim}{DIRTY}"), format!("HTTP/1.1 103 Early Hints\r\n\r\n{CLEAN}")),
        (format!("HTTP/1.1 100 Continue\r\n\r\n{DIRTY}"), format!("HTTP/1.1 100 Continue\r\n\r\n{CLEAN}")),
    ] {
        // The content looks like a head that needs repair.
        let (all, expected) = (format!("{head}{DIRTY}"), format!("{expected}{DIRTY}"));
        for at in 0..=all.len() {
            let (first, rest) = all.as_bytes().split_at(at);
            passes(&[first, rest], &expected).await;
        }
        let bytes: Vec<_> = all.as_bytes().chunks(1).collect();
        passes(&bytes, &expected).await;
    }
}

#[tokio::test]
async fn bytes_without_a_request_pass_unchanged() {
    let (read, error) = read_of(&[DIRTY.as_bytes()], false).await;
    assert_eq!((&read[..], error), (DIRTY.as_bytes(), None));
}

#[tokio::test]
async fn bytes_that_are_not_http_pass_at_once() {
    for bytes in ["\0\u{1}this is no HTTP", "HTTP/1.1 2000 OK\r\nA", "<html>"] {
        passes(&[bytes.as_bytes(), b" more"], &format!("{bytes} more")).await;
    }
}

#[tokio::test]
async fn a_head_that_is_cut_off_is_an_error() {
    for pieces in [&[&b"H"[..]][..], &[b"HTTP/1.1 200 OK\r\nA : b\r\n", b"C"], &[b"HTTP/1.1 100 Continue\r\n\r\n"]] {
        let (_, error) = read_of(pieces, true).await;
        assert_eq!(error, Some(HeadError::Cut.to_string()), "{pieces:?}");
    }
    assert_eq!(read_of(&[], true).await, (Vec::new(), None), "no head at all is no cut head");
}

#[tokio::test]
async fn a_refused_head_is_an_error_that_quotes_the_line() {
    for pieces in
        [&[&b"HTTP/1.1 200 OK\r\nLocation : /\r\n\r\n"[..]][..], &[b"HTTP/1.1 200 OK\r\nLoc", b"ation : /\r\n\r\n"]]
    {
        let (read, error) = read_of(pieces, true).await;
        assert!(read.is_empty() && error.unwrap().contains("`Location : /`"), "{pieces:?}");
    }
}

#[tokio::test]
async fn heads_have_a_bound() {
    for (length, is_good) in [(MAX_HEAD, true), (MAX_HEAD + 1, false)] {
        let fill = length - "HTTP/1.1 200 OK\r\nA: \r\n\r\n".len();
        let head = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(fill));
        let (read, error) = read_of(&[head.as_bytes()], true).await;
        assert_eq!((read.len(), error.is_none()), (if is_good { length } else { 0 }, is_good));
    }
}

#[tokio::test]
async fn interim_responses_have_a_bound_for_each_request() {
    let flood = |count| "HTTP/1.1 100 Continue\r\n\r\n".repeat(count) + CLEAN;
    passes(&[flood(100).as_bytes()], &flood(100)).await;
    let (_, error) = read_of(&[flood(101).as_bytes()], true).await;
    assert!(error.unwrap().contains("more than 100 interim"));
    let (ours, mut theirs) = duplex(1 << 20);
    let mut filter = HeadFilter::new(ours);
    for _ in 0..3 {
        filter.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        theirs.write_all(flood(60).as_bytes()).await.unwrap();
        let mut read = vec![0; flood(60).len()];
        filter.read_exact(&mut read).await.unwrap();
    }
}

#[tokio::test]
async fn an_early_response_is_filtered_as_the_next_answer() {
    let (ours, mut theirs) = duplex(1 << 20);
    let mut filter = HeadFilter::new(ours);
    filter.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    // The filter holds both, as it repairs the first.
    theirs.write_all(format!("{DIRTY}hello{DIRTY}").as_bytes()).await.unwrap();
    let mut first = vec![0; CLEAN.len() + 5];
    filter.read_exact(&mut first).await.unwrap();
    filter.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut second = vec![0; CLEAN.len()];
    filter.read_exact(&mut second).await.unwrap();
    assert_eq!(second, CLEAN.as_bytes());
}

/// How much each read brings of what is there at once.
async fn reads(max_read: Option<usize>) -> Vec<usize> {
    let (ours, mut theirs) = duplex(100_000);
    theirs.write_all(&[7; 10_000]).await.unwrap();
    drop(theirs);
    let mut filter = HeadFilter::new(ours).with_max_read(max_read);
    let (mut reads, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match filter.read(&mut buffer).await.unwrap() {
            0 => return reads,
            read => reads.push(read),
        }
        assert!(buffer[..*reads.last().unwrap()].iter().all(|byte| *byte == 7));
    }
}

#[tokio::test]
async fn a_read_brings_what_it_may_and_no_more() {
    assert_eq!(reads(Some(3000)).await, [3000, 3000, 3000, 1000]);
    assert_eq!(reads(Some(9000)).await, [4096, 4096, 1808], "nor more than there is room for");
    assert_eq!(reads(None).await, [4096, 4096, 1808]);
}

#[tokio::test]
async fn chunk_size_lines_have_a_bound_behind_any_head() {
    let clean = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let dirty = "HTTP/1.1 200 OK\r\nA : b\r\nTransfer-Encoding: chunked\r\n\r\n";
    let zeros = "0".repeat(MAX_EXCESS + 100);
    for head in [clean, dirty] {
        for body in [zeros.clone(), format!("1\r\nx\r\n{zeros}")] {
            let all = format!("{head}{body}");
            for size in [all.len(), 1000, 7] {
                let pieces: Vec<_> = all.as_bytes().chunks(size).collect();
                let (_, error) = read_of(&pieces, true).await;
                assert!(error.is_some_and(|error| error.contains("chunk size lines")), "{head:?} in {size}");
            }
        }
        let data = format!("{:x}\r\n{zeros}\r\n0\r\n\r\n", zeros.len());
        passes(&[head.as_bytes(), data.as_bytes()], &format!("{clean}{data}")).await;
    }
    passes(&[CLEAN.as_bytes(), zeros.as_bytes()], &format!("{CLEAN}{zeros}")).await;
}
