//! Messages survive their way; what is none is an error.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::backend::{failed, serve};
use crate::fetch::{FetchSpec, Reply, Script, Step};
use crate::model::{
    Claimed, Cookie, Credentials, ErrorKind, Facts, FetchError, Hop, Job, JobId, Known, Origin, PerSeed, ProxyAnswer,
    RedirectState, Seed, SkipReason, Timing, Validators, Verdict, Via,
};

fn reader(bytes: &[u8]) -> FrameReader<Cursor<Vec<u8>>> {
    FrameReader::new(Cursor::new(bytes.to_vec()))
}

async fn first<T>(bytes: &[u8], see: impl FnOnce(ToWorker<'_>) -> T) -> Result<T, FrameError> {
    let mut reader = reader(bytes);
    loop {
        if let Some(message) = reader.next()? {
            return Ok(see(message));
        }
        reader.fill().await?;
    }
}

fn job() -> Job {
    let wants = PerSeed {
        out: Some("a".to_owned()),
        sha256: Some([1; 32]),
        blake3: None,
        headers: vec![("x-a".parse().unwrap(), http::HeaderValue::from_bytes(b"\xff").unwrap())],
        credentials: Some(Credentials { username: "u".to_owned(), password: "p".to_owned() }),
    };
    let url = url::Url::parse("http://h.test/a?b").unwrap();
    let origin = Origin { list: Arc::from("list"), line: 3 };
    let known = Some(Box::new(Known { was_saved: true, ..Known::default() }));
    let seed = Seed { priority: 1, wants: Some(Box::new(wants)), known, ..Seed::new(url, Via::List(origin)) };
    Job {
        id: JobId(7),
        seed,
        attempt: 3,
        last: None,
        redirect: Some(Box::new(redirect(
            Facts { final_url: Some(url::Url::parse("http://i.test/b").unwrap()), ..Facts::default() },
            Timing::default(),
        ))),
        save_as: Some(Claimed("h.test/a".into())),
        admitted: Instant::now(),
        handed_out: true,
        not_before: None,
    }
}

#[tokio::test]
async fn a_job_arrives_as_it_was_sent() {
    let sent = job();
    let mut bytes = Vec::new();
    append(&ToWorker::Job(Box::new(JobFrame::new(&sent))), &mut bytes).unwrap();
    let came = first(&bytes, |message| match message {
        ToWorker::Job(frame) => frame.into_job().unwrap(),
        other => panic!("{other:?}"),
    });
    let came = came.await.unwrap();
    assert_eq!((came.id, came.attempt, &came.save_as), (sent.id, sent.attempt, &sent.save_as));
    assert_eq!(came.seed.url, sent.seed.url);
    assert_eq!(came.seed.wants, sent.seed.wants);
    assert!(came.seed.known.as_ref().is_some_and(|known| known.was_saved && known.condition.is_none()));
    assert_eq!(came.url().as_str(), "http://i.test/b");
    assert_eq!(came.redirect.unwrap().cookies.len(), 1);
}

#[test]
fn facts_of_a_response_cross_the_pipe() {
    let url = |path: &str| url::Url::parse("http://h.test").unwrap().join(path).unwrap();
    let facts = Facts {
        status: Some(200),
        final_url: Some(url("/b")),
        path: Some("out/b".to_owned()),
        bytes: Some(1),
        wire_bytes: Some(2),
        content_type: Some("text/html".into()),
        sha256: Some([3; 32]),
        blake3: Some([4; 32]),
        redirects: vec![Hop::new(302, "http://h.test/a")],
        http_version: Some(http::Version::HTTP_2),
        remote_addr: Some(([127, 0, 0, 1], 80).into()),
        started_at: Some(jiff::Timestamp::new(1_700_000_000, 5).unwrap()),
        validators: Some(Box::new(Validators { etag: Some((*b"\"\xe9\"").into()), last_modified: None })),
        retry_after: Some(Duration::from_secs(7)),
    };
    let phase = |n| Some(Duration::from_nanos(n));
    let timing = Timing {
        queued: None,
        dns: phase(1),
        connect: phase(2),
        tls: None,
        first_byte: phase(u64::MAX),
        total: phase(4),
    };
    let all = ErrorKind::ALL.iter().map(|kind| failed(*kind, "why".to_owned()).verdict);
    let skips = SkipReason::ALL.iter().map(|reason| Verdict::Skipped(*reason));
    let answer = ProxyAnswer { status: 503, retry_after: Some(Duration::from_secs(7)) };
    let refused = FetchError { proxy: Some(Box::new(answer)), ..FetchError::new(ErrorKind::Proxy, "why") };
    let others = [Verdict::Ok, Verdict::HttpError, Verdict::Cancelled, Verdict::Failed(refused)];
    for verdict in all.chain(skips).chain(others) {
        let reply = Reply::Finished(crate::fetch::Fetched {
            facts: Box::new(facts.clone()),
            timing,
            verdict,
            finished_body: Some(Box::new(crate::fetch::FinishedBody {
                from: "a".into(),
                to: "b/c".into(),
                kept: true,
                sync: false,
            })),
        });
        assert_arrives(&reply);
    }
    assert_arrives(&Reply::Redirected(Box::new(redirect(facts, timing))));
}

fn redirect(facts: Facts, timing: Timing) -> RedirectState {
    let cookie = Cookie {
        name: b"n".to_vec(),
        value: b"v".to_vec(),
        domain: "h.test".to_owned(),
        host_only: true,
        path: "/".to_owned(),
        secure: false,
        http_only: true,
        expires: None,
    };
    let from = Some(([127, 0, 0, 1], 80).into());
    RedirectState {
        facts: Box::new(facts),
        timing,
        took: Duration::from_millis(3),
        wait: Duration::from_secs(1),
        asked: None,
        from,
        cookies: vec![cookie],
        deaths: 0,
        hop_bytes: 0,
    }
}

fn assert_arrives(reply: &Reply) {
    let mut bytes = Vec::new();
    append(&FromWorker::Done(Box::new(DoneFrame::new(JobId(9), 5, reply).unwrap())), &mut bytes).unwrap();
    let mut reader = reader(b"");
    reader.buffer = bytes;
    let Some(FromWorker::Done(done)) = reader.next().unwrap() else { panic!("another message") };
    assert_eq!((done.number, done.received), (9, 5));
    let came = done.into_reply().unwrap();
    assert_eq!(format!("{came:?}"), format!("{reply:?}"));
}

#[tokio::test]
async fn invalid_messages_are_errors() {
    let mut good = Vec::new();
    append(&ToWorker::Abort, &mut good).unwrap();
    assert!(first(&good, |message| matches!(message, ToWorker::Abort)).await.unwrap());
    let mut other = good.clone();
    other[4] = VERSION + 1;
    assert!(matches!(first(&other, |_| ()).await, Err(FrameError::Version(_))));
    let mut long = good.clone();
    long[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(first(&long, |_| ()).await, Err(FrameError::TooLong(_))));
    assert!(matches!(first(&[0, 0, 0, 0, VERSION], |_| ()).await, Err(FrameError::Garbage)));
    assert!(matches!(first(&[3, 0, 0, 0, VERSION, 2, 2], |_| ()).await, Err(FrameError::Garbage)), "too much");
    assert!(matches!(first(&good[..4], |_| ()).await, Err(FrameError::Garbage)));
    let mut to = vec![1];
    let huge = vec![0; LONGEST];
    assert!(matches!(append(&FromWorker::Body(Piece(&huge)), &mut to), Err(FrameError::TooLong(_))));
    assert_eq!(to, [1], "what was there stays");
}

proptest! {
    #[test]
    fn garbage_is_an_error_and_no_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), framed: bool) {
        if framed {
            let length = u32::try_from(bytes.len() + 1).unwrap().to_le_bytes();
            bytes = [&length[..], &[VERSION], &bytes].concat();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        // Whether it is an error or an end too early: it ends.
        let _ = runtime.block_on(serve(Cursor::new(bytes), tokio::io::sink()));
    }
}

#[tokio::test]
async fn a_worker_ends_with_its_input_in_the_middle_of_a_fetch() {
    let script = Script { paths: HashMap::new(), otherwise: (Duration::ZERO, Step::Hang) };
    let mut bytes = Vec::new();
    let spec = SpecFrame::new(&FetchSpec::Scripted(Arc::new(script))).unwrap();
    append(&ToWorker::Spec(Box::new(spec)), &mut bytes).unwrap();
    append(&ToWorker::Job(Box::new(JobFrame::new(&job()))), &mut bytes).unwrap();
    tokio::time::timeout(Duration::from_secs(30), serve(Cursor::new(bytes), tokio::io::sink())).await.unwrap().unwrap();
}
