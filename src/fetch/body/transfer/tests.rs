//! The bytes that the observers of a body get, on each path of a transfer.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use compression_codecs::brotli::params::EncoderParams;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliEncoder, EncodeV2};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::*;
use crate::fetch::body::decode::{BodyMemory, DecoderMemory, Resource};
use crate::fetch::body::{declared, digest};
use crate::model::{Found, Needs, RequestOverrides};
use crate::policy::message::digest_fields::{CONTENT_DIGEST, REPR_DIGEST};

const TEXT: &[u8] = b"hello hello hello\n";

/// What an observer has seen.
#[derive(Default)]
struct Seen {
    content: Vec<u8>,
    decoded: Vec<u8>,
    /// The calls after the bytes, and `late` if bytes came before a flush that was due.
    calls: Vec<&'static str>,
}

/// Notes what it sees.
struct Recorder {
    seen: Arc<Mutex<Seen>>,
    /// Whether each decoded piece needs a flush, and whether one is due.
    flushes: bool,
    is_due: bool,
    refuses: bool,
}

impl Recorder {
    fn observe(transfer: &mut Transfer) -> Arc<Mutex<Seen>> {
        Self::observe_as(transfer, |recorder| recorder)
    }

    fn observe_as(transfer: &mut Transfer, change: impl FnOnce(Self) -> Self) -> Arc<Mutex<Seen>> {
        let seen = Arc::<Mutex<Seen>>::default();
        let recorder = Self { seen: seen.clone(), flushes: false, is_due: false, refuses: false };
        transfer.observe([Box::new(change(recorder)) as Box<dyn BodyObserver>]);
        seen
    }

    fn called(&self, name: &'static str) {
        self.seen.lock().unwrap().calls.push(name);
    }
}

impl BodyObserver for Recorder {
    fn content(&mut self, bytes: &[u8]) -> ObserverRequest {
        self.seen.lock().unwrap().content.extend_from_slice(bytes);
        ObserverRequest::More
    }

    fn decoded(&mut self, bytes: &[u8]) -> ObserverRequest {
        if self.is_due {
            self.called("late");
        }
        self.is_due = self.flushes;
        self.seen.lock().unwrap().decoded.extend_from_slice(bytes);
        if self.flushes { ObserverRequest::Flush } else { ObserverRequest::More }
    }

    fn flush(&mut self) -> BoxFuture<'_, Result<(), FetchError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.is_due = false;
            Ok(())
        })
    }

    fn end(&mut self, _: Option<&HeaderMap>, _: &mut Found) -> Result<(), FetchError> {
        self.called("end");
        if self.refuses { Err(FetchError::new(ErrorKind::Checksum, "refused")) } else { Ok(()) }
    }

    fn commit<'a>(&'a mut self, _: &'a mut SavedBody) -> Option<BoxFuture<'a, Result<(), FetchError>>> {
        Some(Box::pin(async move {
            self.called("commit");
            Ok(())
        }))
    }

    fn discard(&mut self) {
        self.called("discard");
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

/// In br coding, with the largest window.
fn br(text: &[u8]) -> Vec<u8> {
    let mut encoder = BrotliEncoder::new(EncoderParams::default().window_size(24));
    let mut coded = vec![0; text.len() + 1024];
    let (mut source, mut sink) = (PartialBuffer::new(text), WriteBuffer::new_initialized(&mut coded));
    encoder.encode(&mut source, &mut sink).unwrap();
    assert!(encoder.finish(&mut sink).unwrap());
    let length = sink.written_len();
    coded.truncate(length);
    coded
}

fn decoder(coding: &str) -> Option<Decoder> {
    Decoder::new(std::iter::once(coding.as_bytes()), &Resource::default(), true).unwrap()
}

async fn push(transfer: &mut Transfer, bytes: &[u8], facts: &mut Facts) -> Result<(), FetchError> {
    for piece in bytes.chunks(5) {
        transfer.count_wire(piece.len(), facts)?;
        transfer.push(Bytes::copy_from_slice(piece), facts).await?;
    }
    Ok(())
}

#[tokio::test]
async fn plain_body_is_its_own_decoded_form() {
    let (mut transfer, mut facts) = (Transfer::new(None, None), Facts::default());
    let seen = Recorder::observe_as(&mut transfer, |recorder| Recorder { flushes: true, ..recorder });
    push(&mut transfer, TEXT, &mut facts).await.unwrap();
    transfer.finish(None, &mut facts).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((&seen.content[..], &seen.decoded[..]), (TEXT, TEXT));
    assert_eq!(seen.calls, ["end", "commit"], "each flush came before the next bytes");
}

#[tokio::test]
async fn coded_body_is_seen_in_both_forms() {
    let coded = gzip(TEXT);
    let (mut transfer, mut facts) = (Transfer::new(None, decoder("gzip")), Facts::default());
    let seen = Recorder::observe_as(&mut transfer, |recorder| Recorder { flushes: true, ..recorder });
    transfer.observe(digest::observers(Needs::SHA256 | Needs::BLAKE3, None));
    push(&mut transfer, &coded, &mut facts).await.unwrap();
    transfer.finish(None, &mut facts).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((&seen.content[..], &seen.decoded[..]), (&coded[..], TEXT));
    assert_eq!(seen.calls, ["end", "commit"]);
    let (sha256, blake3) = (Sha256::digest(TEXT).into(), *blake3::hash(TEXT).as_bytes());
    assert_eq!(
        facts.found,
        Found { sha256: Some(sha256), blake3: Some(blake3), ..Found::default() },
        "of the decoded form"
    );
}

#[tokio::test]
async fn observer_of_the_rest_sees_no_kept_bytes() {
    let (mut transfer, mut facts) = (Transfer::new(None, None), Facts::default());
    assert!(!transfer.looks_back(), "nothing needs the kept bytes");
    let whole = Recorder::observe(&mut transfer);
    transfer.observe(digest::observers(Needs::SHA256, None));
    assert!(transfer.looks_back());
    push(&mut transfer, &TEXT[..7], &mut facts).await.unwrap();
    let rest = Recorder::observe(&mut transfer);
    push(&mut transfer, &TEXT[7..], &mut facts).await.unwrap();
    transfer.finish(None, &mut facts).await.unwrap();
    assert_eq!(whole.lock().unwrap().content, TEXT);
    assert_eq!(rest.lock().unwrap().content, &TEXT[7..]);
    assert_eq!(facts.found.sha256, Some(Sha256::digest(TEXT).into()));
}

#[tokio::test]
async fn empty_body_ends_and_has_a_digest() {
    let (mut transfer, mut facts) = (Transfer::new(None, None), Facts::default());
    let seen = Recorder::observe(&mut transfer);
    transfer.observe(digest::observers(Needs::BLAKE3, None));
    transfer.finish(None, &mut facts).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((seen.content.len(), seen.decoded.len(), &seen.calls[..]), (0, 0, &["end", "commit"][..]));
    assert_eq!(facts.found, Found { blake3: Some(*blake3::hash(b"").as_bytes()), ..Found::default() });
}

#[tokio::test]
async fn cut_off_body_has_no_end() {
    let (mut transfer, mut facts) = (Transfer::new(None, None), Facts::default());
    let seen = Recorder::observe(&mut transfer);
    transfer.observe(digest::observers(Needs::SHA256, None));
    push(&mut transfer, TEXT, &mut facts).await.unwrap();
    drop(transfer);
    let seen = seen.lock().unwrap();
    assert_eq!((&seen.decoded[..], &seen.calls[..]), (TEXT, &[][..]), "its bytes are still good");
    assert_eq!(facts.found, Found::default());
}

#[tokio::test(start_paused = true)]
async fn transfer_goes_on_after_a_wait_for_memory_that_ended() {
    let (memory, coded) = (DecoderMemory::default(), br(TEXT));
    let all = memory.lease("h.test".to_owned(), u32::MAX).await;
    let limit = TimeLimit::new(Some(Duration::from_secs(1)), Instant::now(), Duration::ZERO);
    let decoder = decoder("br").map(|decoder| decoder.with_memory(BodyMemory::new(&memory, "h.test", limit)));
    let (mut transfer, mut facts) = (Transfer::new(None, decoder), Facts::default());
    let seen = Recorder::observe(&mut transfer);
    assert_eq!(push(&mut transfer, &coded[..5], &mut facts).await.unwrap_err().kind, ErrorKind::Timeout);
    // The next try has a limit of its own, and its memory comes late.
    transfer.resume(&HeaderMap::new(), TimeLimit::new(Some(Duration::from_secs(9)), Instant::now(), Duration::ZERO));
    let rest = push(&mut transfer, &coded[5..], &mut facts);
    let freed = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        drop(all);
    };
    tokio::join!(rest, freed).0.unwrap();
    transfer.finish(None, &mut facts).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!((&seen.content[..], &seen.decoded[..]), (&coded[..], TEXT));
    assert_eq!(seen.calls, ["end", "commit"]);
}

#[tokio::test]
async fn no_observer_commits_a_body_that_one_refuses() {
    let (mut transfer, mut facts) = (Transfer::new(None, None), Facts::default());
    let first = Recorder::observe(&mut transfer);
    let second = Recorder::observe_as(&mut transfer, |recorder| Recorder { refuses: true, ..recorder });
    push(&mut transfer, TEXT, &mut facts).await.unwrap();
    assert_eq!(transfer.finish(None, &mut facts).await.unwrap_err().kind, ErrorKind::Checksum);
    for seen in [first, second] {
        assert_eq!(seen.lock().unwrap().calls, ["end", "discard"]);
    }
}

#[tokio::test]
async fn invalid_body_is_discarded() {
    let cut = &gzip(TEXT)[..20];
    let long = &[TEXT; 10].concat()[..];
    for (most, coding, body, kind) in [
        (None, "gzip", &b"no gzip at all"[..], ErrorKind::Decode),
        (None, "gzip", cut, ErrorKind::Truncated),
        (Some(20), "identity", long, ErrorKind::TooLarge),
    ] {
        let (mut transfer, mut facts) = (Transfer::new(most, decoder(coding)), Facts::default());
        let seen = Recorder::observe(&mut transfer);
        let pushed = push(&mut transfer, body, &mut facts).await;
        let ended = match pushed {
            Ok(()) => transfer.finish(None, &mut facts).await.map(|_| ()),
            failed => failed,
        };
        assert_eq!(ended.unwrap_err().kind, kind);
        assert_eq!(seen.lock().unwrap().calls, ["discard"], "{kind}");
    }
}

#[tokio::test]
async fn digest_of_the_list_is_computed_and_compared() {
    for (declared, expected) in [(Sha256::digest(TEXT), None), (Sha256::digest(b""), Some(ErrorKind::Checksum))] {
        let overrides = RequestOverrides { sha256: Some(declared.into()), ..RequestOverrides::default() };
        let (mut transfer, mut facts) = (Transfer::new(None, None), Facts::default());
        transfer.observe(digest::observers(Needs::empty(), Some(&overrides)));
        push(&mut transfer, TEXT, &mut facts).await.unwrap();
        let ended = transfer.finish(None, &mut facts).await;
        assert_eq!(ended.err().map(|error| error.kind), expected);
        assert_eq!(facts.found.sha256, Some(Sha256::digest(TEXT).into()));
    }
}

#[test]
fn nothing_is_observed_unless_needed_or_declared() {
    let fields = HeaderMap::new();
    assert_eq!(digest::observers(Needs::VALIDATORS, Some(&RequestOverrides::default())).count(), 0);
    assert!(declared::of_content(&fields).is_none() && declared::of_representation(&fields, None).is_none());
    let announced = HeaderMap::from_iter([(http::header::TRAILER, HeaderValue::from_static("Content-Digest"))]);
    assert!(declared::of_content(&announced).is_some() && declared::of_representation(&announced, None).is_none());
    let value = HeaderValue::from_static("sha-256=:AAAA:");
    let earlier = HeaderMap::from_iter([(CONTENT_DIGEST, value.clone())]);
    assert!(declared::of_representation(&fields, Some(&earlier)).is_some(), "of the 200 that is continued");
    let range = HeaderMap::from_iter([(REPR_DIGEST, value)]);
    assert!(declared::of_content(&range).is_none() && declared::of_representation(&range, None).is_some());
}
