//! Challenges as servers break them: octets beyond ASCII, lost commas, other schemes beside Digest, and one
//! nonce for all. Each goes over the wire on every backend.

use std::collections::HashSet;
use std::sync::Mutex;

use md5::{Digest as _, Md5};
use wiremock::matchers::{any, header};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::BACKENDS;
use crate::support::cli::Fetchall;
use crate::support::mock::{Mocks, get, hello};
use crate::support::single::kind;

/// Accepts a response for the user ann with a correct digest and a new count.
#[derive(Default)]
struct Guard {
    fields: Vec<Vec<u8>>,
    realm: &'static [u8],
    nonce: &'static [u8],
    counts: Mutex<HashSet<Vec<u8>>>,
}

impl Guard {
    fn judge(&self, request: &Request) -> Option<bool> {
        let field = request.headers.get("authorization")?.as_bytes();
        let (realm, nonce) = (self.realm, self.nonce);
        let said = |name: &str, end: u8| {
            let at = field.windows(name.len()).position(|window| window == name.as_bytes())? + name.len();
            field[at..].split(|octet| *octet == end).next()
        };
        let quoted = |name: &[u8], value: &[u8]| {
            let text = [name, b"=\"", value, b"\""].concat();
            field.windows(text.len()).any(|window| window == text)
        };
        let hash = |parts: &[&[u8]]| -> Vec<u8> {
            Md5::digest(parts.join(&b':')).iter().flat_map(|octet| format!("{octet:02x}").into_bytes()).collect()
        };
        let (user, uri) = (hash(&[b"ann", realm, b"s3cret"]), request.url.path());
        let target = hash(&[b"GET", uri.as_bytes()]);
        let count = said("nc=", b',').unwrap_or_default();
        let response = match said("cnonce=\"", b'"') {
            Some(cnonce) => hash(&[&user, nonce, count, cnonce, b"auth", &target]),
            None => hash(&[&user, nonce, &target]),
        };
        let right = quoted(b"realm", realm) && quoted(b"nonce", nonce) && said("response=\"", b'"')? == response;
        let is_new = count.is_empty() || self.counts.lock().expect("no panic").insert(count.to_vec());
        right.then_some(is_new)
    }
}

impl Respond for Guard {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let stale: &[u8] = match self.judge(request) {
            Some(true) => return ResponseTemplate::new(200).set_body_string("page"),
            Some(false) => b", stale=true",
            None => b"",
        };
        self.fields.iter().fold(ResponseTemplate::new(401), |refused, field| {
            let value = http::HeaderValue::from_bytes(&[field, stale].concat()).expect("a field");
            refused.append_header("WWW-Authenticate", value)
        })
    }
}

struct ChallengeServer {
    runtime: tokio::runtime::Runtime,
    server: MockServer,
}

impl ChallengeServer {
    fn start(fields: &[&[u8]], realm: &'static [u8], nonce: &'static [u8]) -> Self {
        let fields = fields.iter().map(|field| field.to_vec()).collect();
        let guard = Guard { fields, realm, nonce, ..Guard::default() };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(any()).respond_with(guard).mount(&server).await;
            server
        });
        Self { runtime, server }
    }

    /// The scheme of each Authorization field so far, or nothing.
    fn schemes(&self) -> Vec<String> {
        let requests = self.runtime.block_on(self.server.received_requests()).expect("requests are recorded");
        let scheme = |request: &Request| {
            let field = request.headers.get("authorization").map(|field| field.as_bytes()).unwrap_or_default();
            String::from_utf8_lossy(field.split(|octet| *octet == b' ').next().unwrap_or_default()).into_owned()
        };
        requests.iter().map(scheme).collect()
    }
}

#[test]
fn broken_challenges_get_digest_and_never_basic() {
    for (fields, realm, nonce) in [
        (&[&b"Basic realm=\"caf\xe9\", Digest realm=\"r\", nonce=\"n\", qop=\"auth\""[..]][..], &b"r"[..], &b"n"[..]),
        (&[b"Basic realm=\"b\"", b"Digest realm=\"caf\xe9\", nonce=\"n\", qop=\"auth\""], b"caf\xe9", b"n"),
        (&[b"Digest realm=\"caf\xc3\xa9\", nonce=\"n\", qop=\"auth\", charset=UTF-8"], b"caf\xc3\xa9", b"n"),
        (&[b"Digest realm=\"r\", nonce=\"n\xe91\", qop=\"auth\""], b"r", b"n\xe91"),
        (&[b"Digest realm=\"r\", nonce=\"n\", qop=\"auth\", domain=\"/\xe9\""], b"r", b"n"),
        (&[b"Basic realm=\"b\"", b"Digest nonce=\"n\", qop=\"auth\""], b"", b"n"),
        (&[b"Basic realm=\"b\"", b"Digest realm=\"r\" nonce=\"n\" qop=\"auth\""], b"r", b"n"),
        (&[b"Basic realm=\"b\"", b"Digest realm=\"r\", nonce=\"m\", nonce=\"n\", qop=\"auth\""], b"r", b"n"),
        (&[b"Basic realm=\"b\"", b"Digest realm=\"r\", nonce=\"n\", qop=\"\""], b"r", b"n"),
        (&[b"Foo bar baz, Digest realm=\"r\", nonce=\"n\", qop=\"auth\""], b"r", b"n"),
        (&[b"Negotiate abc==, Digest realm=\"r\", nonce=\"n\", qop=\"auth\""], b"r", b"n"),
        (&[b"Basic realm=\"b, Digest realm=\"r\", nonce=\"n\", qop=\"auth\""], b"r", b"n"),
        (&[b"Basic realm=\"b", b"Digest realm=\"r\", nonce=\"n\", qop=\"auth"], b"r", b"n"),
    ] {
        for backend in BACKENDS {
            let server = ChallengeServer::start(fields, realm, nonce);
            let url = format!("{}/a", server.server.uri());
            let args = ["--json", "-u", "ann:s3cret", "--anyauth", "--backend", backend, &url];
            let run = Fetchall::new().args(args).run().expect_code(0);
            assert_eq!(kind(&run.records()[0]), "ok", "{backend}");
            assert_eq!(server.schemes(), ["", "Digest"], "{backend}");
        }
    }
}

#[test]
fn basic_with_a_lost_quote_is_answered() {
    for backend in BACKENDS {
        let refusal = ResponseTemplate::new(401).insert_header("WWW-Authenticate", "Basic realm=\"x");
        let with_user = get("a").and(header("authorization", "Basic YW5uOnMzY3JldA=="));
        let server =
            Mocks::start([with_user.respond_with(hello()).expect(1), get("a").respond_with(refusal).expect(1)]);
        let args = ["--json", "-u", "ann:s3cret", "--anyauth", "--backend", backend, &server.url("a")];
        Fetchall::new().args(args).run().expect_code(0);
    }
}

#[test]
fn digest_that_has_no_answer_keeps_the_password() {
    for digest in [
        &b"Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""[..],
        b"Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA3-256",
        b"Digest realm=\"caf\xe9\"",
    ] {
        for backend in BACKENDS {
            let server = ChallengeServer::start(&[b"Basic realm=\"b\"", digest], b"r", b"n");
            let url = format!("{}/a", server.server.uri());
            let args = ["--json", "-u", "ann:s3cret", "--anyauth", "--retry", "0", "--backend", backend, &url];
            let run = Fetchall::new().args(args).run().expect_code(1);
            assert_eq!((kind(&run.records()[0]), &run.records()[0]["status"]), ("http_status", &401.into()));
            assert_eq!(server.schemes(), [""], "{backend}");
        }
    }
}

#[test]
fn one_nonce_for_many_requests_is_counted_once() {
    let field = b"Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    for backend in BACKENDS {
        for args in [&["--anyauth"][..], &[]] {
            let server = ChallengeServer::start(&[field], b"r", b"n");
            let list: String = (0..40).map(|n| format!("{}/{n}\n", server.server.uri())).collect();
            let run = Fetchall::new().args(["--json", "-u", "ann:s3cret", "--backend", backend, "-c", "10"]);
            let run = run.args(args).stdin(list).run().expect_code(0);
            assert!(run.records().iter().all(|record| kind(record) == "ok"), "{backend}");
        }
    }
}
