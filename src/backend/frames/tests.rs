//! Messages survive their way; what is none is an error.

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::backend::{failed, serve};
use crate::config::{IpVersion, Pin, PrivateAddresses};
use crate::fetch::{AddressRules, Fetched, FinishedBody, HostFields, Keeping, Saving, Throttle};
use crate::model::{
    Cookie, Credentials, ErrorKind, Facts, FetchError, Found, Hop, Link, LinkKind, PageHeading, PageLinks, PageText,
    ProxyAnswer, SkipReason, TextLink, Timing, Validators, Verdict,
};
use crate::output_folder::OutputFolder;
use crate::policy::network::address::{AddressClasses, Class};

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
    let overrides = RequestOverrides {
        out: Some("a".to_owned()),
        sha256: Some([1; 32]),
        blake3: None,
        headers: vec![("x-a".parse().unwrap(), http::HeaderValue::from_bytes(b"\xff").unwrap())],
        credentials: Some(Credentials { username: "u".to_owned(), password: "p".to_owned() }),
    };
    let url = url::Url::parse("http://h.test/a?b").unwrap();
    let origin = SourcePos { list: Arc::from("list"), line: 3 };
    let known = Some(Box::new(PriorRun { was_saved: true, ..PriorRun::default() }));
    let seed = Seed {
        id: JobId(7),
        priority: 1,
        overrides: Some(Box::new(overrides)),
        known,
        ..Seed::new(url, Via::List(origin))
    };
    Job {
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
        ToWorker::Job(frame) => frame.into_job(),
        other => panic!("{other:?}"),
    });
    let came = came.await.unwrap();
    assert_eq!((came.seed.id, came.attempt, &came.save_as), (sent.seed.id, sent.attempt, &sent.save_as));
    assert_eq!(came.seed.url, sent.seed.url);
    assert_eq!(came.seed.overrides, sent.seed.overrides);
    assert!(came.seed.known.as_ref().is_some_and(|known| known.was_saved && known.condition.is_none()));
    assert_eq!(came.url().as_str(), "http://i.test/b");
    assert_eq!(came.redirect.unwrap().cookies.len(), 1);
}

#[test]
fn facts_of_a_response_cross_the_pipe() {
    let url = |path: &str| url::Url::parse("http://h.test").unwrap().join(path).unwrap();
    let link = Link { url: "http://h.test/c", kind: LinkKind::Hint, nofollow: true, modified: None, text: "" };
    let links = PageLinks {
        links: [link].into_iter().collect(),
        more: true,
        title: Some("t".to_owned()),
        ..PageLinks::default()
    };
    let text = PageText {
        title: Some("t".to_owned()),
        headings: vec![PageHeading { level: 1, text: "h".to_owned() }],
        text: "# h".to_owned(),
        links: vec![TextLink { url: "http://h.test/c".to_owned(), text: "c".to_owned() }],
        is_cut: true,
        ..PageText::failed("why")
    };
    let facts = Facts {
        status: Some(200),
        final_url: Some(url("/b")),
        path: Some("out/b".to_owned()),
        bytes: Some(1),
        file_bytes: Some(7),
        wire_bytes: Some(2),
        content_type: Some("text/html".into()),
        found: Found {
            sha256: Some([3; 32]),
            blake3: Some([4; 32]),
            links: Some(Box::new(links)),
            text: Some(Box::new(text)),
            text_sha256: Some([6; 32]),
            robots: Some([5].into()),
            records: None,
        },
        redirects: vec![Hop::new(302, "http://h.test/a")],
        http_version: Some(http::Version::HTTP_2),
        remote_addr: Some(([127, 0, 0, 1], 80).into()),
        started_at: Some(jiff::Timestamp::new(1_700_000_000, 5).unwrap()),
        continued: true,
        validators: Some(Box::new(Validators { etag: Some((*b"\"\xe9\"").into()), last_modified: None })),
        retry_after: Some(Duration::from_secs(7)),
        rule: Some("Disallow: /b".into()),
        worker: None,
        is_anonymous: true,
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
        let reply = Reply::Finished(Fetched {
            facts: Box::new(facts.clone()),
            timing,
            verdict,
            finished_body: Some(Box::new(FinishedBody { from: "a".into(), to: "b/c".into(), kept: true, sync: false })),
        });
        assert_arrives(reply);
    }
    assert_arrives(Reply::Redirected(Box::new(redirect(facts, timing))));
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
        from,
        cookies: vec![cookie],
        deaths: 0,
        hop_bytes: 0,
    }
}

fn assert_arrives(reply: Reply) {
    let sent = format!("{reply:?}");
    let mut bytes = Vec::new();
    append(&FromWorker::Done(Box::new(Done { id: JobId(9), received: 5, reply })), &mut bytes).unwrap();
    let mut reader = reader(b"");
    reader.buffer = bytes;
    let Some(FromWorker::Done(done)) = reader.next().unwrap() else { panic!("another message") };
    assert_eq!((done.id, done.received), (JobId(9), 5));
    assert_eq!(format!("{:?}", done.reply), sent);
}

#[tokio::test]
async fn settings_arrive_as_they_were_sent() {
    let network = "127.0.0.128/25".parse().unwrap();
    let addresses = AddressRules {
        private: PrivateAddresses::Deny,
        classes: AddressClasses::with(vec![(network, Class::Public)]),
        pins: vec![Pin { host: Some("a.test".into()), port: 80, addresses: vec!["::1".parse().unwrap()] }],
        version: IpVersion::Six,
    };
    let mut secret = http::HeaderValue::from_bytes(b"\xff").unwrap();
    secret.set_sensitive(true);
    let host = HostFields {
        pattern: crate::model::HostPattern::parse("https://*.a.test:8443").unwrap(),
        fields: vec![("x-a".parse().unwrap(), Some(secret)), ("accept".parse().unwrap(), None)],
        credentials: Some(Credentials { username: "u".to_owned(), password: "p".to_owned() }),
    };
    let sent = FetchConfig {
        addresses,
        hosts: vec![host],
        no_proxy: crate::policy::network::no_proxy::NoProxy::parse("a.test, 10.0.0.0/8"),
        timeout: Some(Duration::MAX),
        saving: Saving::File(OutputFolder::resolved("x".into(), "/y/x".into()), "f".into()),
        keeping: Keeping::For(7),
        ..FetchConfig::plain()
    };
    let limit = Some(ByteLimit { a_second: 100, at_once: 2 });
    let throttle = Throttle::new(None, limit);
    let services = FetchServices { throttle, cookies: Some(Arc::default()), ..FetchServices::new(IpVersion::Any) };
    let mut bytes = Vec::new();
    append(&ToWorker::Setup(Box::new(ChildSetup::new(&sent, &services))), &mut bytes).unwrap();
    let came = first(&bytes, |message| match message {
        ToWorker::Setup(setup) => (setup.config.into_owned(), setup.cookies, setup.paced, setup.byte_limit),
        other => panic!("{other:?}"),
    });
    let (came, cookies, paced, byte_limit) = came.await.unwrap();
    assert_eq!(format!("{came:?}"), format!("{sent:?}"));
    assert_eq!((cookies, paced, byte_limit), (true, false, limit));
    let [(_, secret), (_, removed)] = &came.hosts[0].fields[..] else { panic!("two fields") };
    assert!(secret.as_ref().is_some_and(|value| value.is_sensitive() && value.as_bytes() == b"\xff"));
    assert!(removed.is_none() && came.hosts[0].credentials == sent.hosts[0].credentials);
}

#[cfg(unix)]
#[tokio::test]
async fn path_need_not_be_utf8() {
    use std::os::unix::ffi::OsStringExt;
    let name = std::path::PathBuf::from(std::ffi::OsString::from_vec(vec![b'a', 0xff]));
    let folder = OutputFolder::resolved(name.clone(), name.clone());
    let sent = FetchConfig { saving: Saving::File(folder, name.clone()), ..FetchConfig::plain() };
    let mut bytes = Vec::new();
    append(&ToWorker::Setup(Box::new(ChildSetup::new(&sent, &FetchServices::new(IpVersion::Any)))), &mut bytes)
        .unwrap();
    let came = first(&bytes, |message| match message {
        ToWorker::Setup(setup) => setup.config.into_owned().saving,
        other => panic!("{other:?}"),
    });
    let Saving::File(folder, file) = came.await.unwrap() else { panic!("a file") };
    assert_eq!((folder.path(), folder.resolved_path(), &file), (&*name, &*name, &name));
}

#[test]
fn values_out_of_bounds_are_no_message() {
    let rules = |bits: u8, class: u8| {
        let network = (std::net::IpAddr::from([127, 0, 0, 1]), bits);
        postcard::from_bytes::<AddressClasses>(&postcard::to_stdvec(&(vec![(network, class)],)).unwrap())
    };
    assert!(rules(32, 0).is_ok());
    assert!(rules(33, 0).is_err(), "more bits than an address has");
    assert!(rules(8, u8::MAX).is_err(), "no such class");
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
    assert!(matches!(append(&FromWorker::Body(&huge), &mut to), Err(FrameError::TooLong(_))));
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
    // Nothing accepts the connection, so no answer comes.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = url::Url::parse(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
    let job = Job { redirect: None, seed: Seed { url, ..job().seed }, ..job() };
    let mut bytes = Vec::new();
    let (config, services) = (FetchConfig::plain(), FetchServices::new(IpVersion::Any));
    append(&ToWorker::Setup(Box::new(ChildSetup::new(&config, &services))), &mut bytes).unwrap();
    append(&ToWorker::Job(Box::new(JobFrame::new(&job))), &mut bytes).unwrap();
    tokio::time::timeout(Duration::from_secs(30), serve(Cursor::new(bytes), tokio::io::sink())).await.unwrap().unwrap();
}
