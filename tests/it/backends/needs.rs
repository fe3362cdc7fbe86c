//! Every backend computes the facts that a sink needs, and no others.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use fetchall::Fetchall;
use fetchall::config::{Config, Key, Raw};
use fetchall::model::{Needs, Outcome};
use fetchall::sink::{Sink, SinkError};

use super::{names, on};
use crate::support::act::{Act, Script};
use crate::support::fault::FaultServer;

/// Keeps the outcomes of a run.
struct Collector {
    needs: Needs,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
}

impl Sink for Collector {
    fn needs(&self) -> Needs {
        self.needs
    }

    fn outcome(&mut self, outcome: &Outcome) -> Result<ControlFlow<()>, SinkError> {
        self.outcomes.lock().unwrap().push(outcome.clone());
        Ok(ControlFlow::Continue(()))
    }
}

/// Returns the outcome of one URL, for a run whose sinks have these needs.
async fn outcome(backend: &str, url: &str, needs: &[Needs]) -> Outcome {
    let mut config = Config::default();
    Key::named("backend").unwrap().set(&mut config, Raw::String(backend)).unwrap();
    let outcomes = Arc::<Mutex<Vec<Outcome>>>::default();
    let sinks = needs.iter().map(|needs| Collector { needs: *needs, outcomes: outcomes.clone() });
    let run = Fetchall::new([url]).config(config).worker_program(env!("CARGO_BIN_EXE_fetchall"));
    sinks.fold(run, Fetchall::sink).start().unwrap().finish().await.unwrap();
    let outcome = outcomes.lock().unwrap().pop();
    outcome.expect("an outcome")
}

#[tokio::test]
async fn sink_finds_what_it_needs_on_every_backend() {
    let act = Act::OkWith(vec![("ETag", "\"1\"".to_owned())], b"hello\n".to_vec());
    let server = FaultServer::start(Script::new().otherwise(act));
    let blake3 = *blake3::hash(b"hello\n").as_bytes();
    for backend in names() {
        let all = outcome(backend, &server.url("a"), &[Needs::VALIDATORS, Needs::empty(), Needs::DIGEST]).await;
        let tag = all.facts.validators.as_ref().and_then(|validators| validators.etag.as_deref());
        assert_eq!(tag, Some(&b"\"1\""[..]), "{backend}");
        assert_eq!((all.facts.found.blake3, all.facts.found.sha256), (Some(blake3), None), "{backend}");
        let none = outcome(backend, &server.url("a"), &[Needs::empty()]).await;
        assert_eq!((none.facts.found.blake3, none.facts.validators.is_none()), (None, true), "{backend}");
    }
}

#[test]
fn answer_to_head_has_no_digest() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"hello\n".to_vec())));
    for backend in names() {
        let run = on(backend).args(["--head", "--digest", "sha256"]).arg(server.url("a")).run().expect_code(0);
        let record = run.records().remove(0);
        assert!(record["sha256"].is_null() && record["outcome"] == "ok", "{backend}: {record}");
    }
}

#[test]
fn digest_of_a_body_cut_and_resumed_is_of_the_whole() {
    let body = b"hello\n".repeat(100);
    let head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 600\r\n\r\n";
    let rest = "HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\nContent-Range: bytes 200-599/600\r\nContent-Length: 400\r\n\r\n";
    let cut = Act::Raw([head.as_bytes(), &body[..200]].concat());
    let rest = Act::RawKeepAlive([rest.as_bytes(), &body[200..]].concat());
    let whole = blake3::hash(&body).to_string();
    for backend in names() {
        let server = FaultServer::start(Script::new().on_each("x", vec![cut.clone(), rest.clone()]));
        let folder = tempfile::TempDir::new().unwrap();
        let run = || on(backend).args(["--digest", "blake3", "-d"]).arg(folder.path()).arg(server.url("x")).run();
        let (first, second) = (run().records().remove(0), run().records().remove(0));
        assert!(first["blake3"].is_null(), "{backend}: {first}");
        assert_eq!((&second["blake3"], &second["bytes"]), (&whole.clone().into(), &600.into()), "{backend}: {second}");
    }
}
