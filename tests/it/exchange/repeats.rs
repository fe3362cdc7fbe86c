//! The number of requests at the server, and `attempts` of the record.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::BACKENDS;
use crate::support::act::{Act, Script, ok};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::h2::{H2Server, Manners};
use crate::support::single::kind;
use crate::support::tls::{Mode, TlsServer};

/// A scripted server, with or without TLS in front.
struct Site {
    server: FaultServer,
    tls: Option<TlsServer>,
}

impl Site {
    /// One without TLS and one with it.
    fn both(script: impl Fn() -> Script) -> [Site; 2] {
        [false, true].map(|has_tls| {
            let server = FaultServer::start(script());
            let tls = has_tls.then(|| TlsServer::start(Mode::LeadsTo(server.address().port())));
            Site { server, tls }
        })
    }

    /// Fetches these paths in this order, one at a time. Returns their records.
    fn fetch(&self, paths: &[&str], words: &[&str]) -> Vec<Value> {
        let mut run = Fetchall::new().with_retries().args(["--json", "-c1", "--retry-max-wait", "5ms"]).args(words);
        if let Some(tls) = &self.tls {
            run = run.arg("--cacert").arg(tls.ca_pem_file());
        }
        let url = |path: &&str| self.tls.as_ref().map_or_else(|| self.server.url(path), |tls| tls.url(path));
        let records = run.args(paths.iter().map(url)).run().records();
        assert_eq!(records.len(), paths.len());
        records
    }
}

fn attempts(records: &[Value]) -> usize {
    let of = |record: &Value| record["attempts"].as_u64().and_then(|count| usize::try_from(count).ok());
    records.iter().map(|record| of(record).expect("a number")).sum()
}

#[test]
fn each_request_to_a_closing_server_is_an_attempt() {
    for act in [Act::ResetBeforeHead, Act::CloseWithoutAnswer, Act::CutHead] {
        for retries in ["0", "2"] {
            for backend in BACKENDS {
                for site in Site::both(|| Script::new().otherwise(act.clone())) {
                    let records = site.fetch(&["a", "b"], &["--retry", retries, "--backend", backend]);
                    for (path, record) in [("/a", &records[0]), ("/b", &records[1])] {
                        assert_eq!(kind(record), "reset", "{act:?} {backend} {record}");
                        assert_eq!(record["attempts"], site.server.asked(path), "{act:?} {backend} {record}");
                    }
                    assert_eq!(attempts(&records), 2 + 2 * retries.parse::<usize>().expect("a number"));
                }
            }
        }
    }
}

#[test]
fn each_connection_that_ends_at_once_is_an_attempt() {
    for act in [Act::ResetBeforeHead, Act::CloseWithoutAnswer] {
        let script = || (0..20).fold(Script::new(), |script, number| script.on_connection(number, act.clone()));
        for backend in BACKENDS {
            for site in Site::both(script) {
                let records = site.fetch(&["a", "b"], &["--retry", "2", "--backend", backend]);
                let seen = (attempts(&records), site.server.connections());
                assert_eq!(seen, (6, 6), "{act:?} {backend} {records:?}");
            }
        }
    }
}

#[test]
fn connection_of_a_large_head_serves_no_other_request() {
    let script = || Script::new().otherwise(Act::KeepAliveOk(b"page\n".to_vec()));
    let [large, larger] = ["x", "y"].map(|text| text.repeat(20_000));
    for backend in BACKENDS {
        for (paths, connections) in [(["a", "b", "c"], 1), (["a", &large, "c"], 2), ([&*large, &larger, "c"], 3)] {
            for site in Site::both(script) {
                let records = site.fetch(&paths, &["-c1", "--backend", backend]);
                assert!(records.iter().all(|record| record["outcome"] == "ok"), "{backend}");
                assert_eq!(site.server.connections(), connections, "{backend}");
            }
        }
    }
}

#[test]
fn each_request_over_http2_is_an_attempt() {
    for backend in BACKENDS {
        let server = H2Server::start(Manners::EndsAfter(0));
        let run = Fetchall::new().with_retries().args(["--json", "-c1", "--retry", "2", "--retry-max-wait", "5ms"]);
        let run = run.args(["--backend", backend, "--cacert"]).arg(server.ca_pem_file());
        let records = run.args([server.url("a"), server.url("b")]).run().records();
        assert_eq!((attempts(&records), server.counts().requests), (6, 6), "{backend} {records:?}");
    }
}

#[test]
fn a_reused_connection_that_ends_costs_one_repeat() {
    let mut repeats = 0;
    for backend in BACKENDS {
        // When the last request fails, the other connections are idle.
        let late = || Act::Delayed(Duration::from_millis(20), Box::new(Act::ResetBeforeHead));
        for site in Site::both(|| Script::new().on("x", late()).otherwise(ok())) {
            let records = site.fetch(&["a", "b", "c", "d", "x"], &["-c4", "--retry", "0", "--backend", backend]);
            let failed = records.iter().find(|record| kind(record) != "ok").expect("the last one");
            assert_eq!((kind(failed), &failed["attempts"]), ("reset", &json!(1)), "{backend} {failed}");
            let requests = site.server.requests();
            let (last, earlier): (Vec<_>, Vec<_>) = requests.iter().partition(|request| request.path == "/x");
            assert!(last.len() <= 2, "{backend} {last:?}");
            if let [_, repeat] = last[..] {
                repeats += 1;
                let is_new = earlier.iter().all(|request| request.connection != repeat.connection);
                assert!(is_new, "{backend}: the repeat has a connection of its own: {requests:?}");
            }
        }
    }
    assert!(repeats > 0, "no request had a reused connection");
}

#[test]
fn a_part_of_an_answer_on_a_reused_connection_counts() {
    for site in Site::both(|| Script::new().on("x", Act::CutHead).otherwise(ok())) {
        let records = site.fetch(&["a", "x"], &["--retry", "0"]);
        assert_eq!((kind(&records[1]), site.server.asked("/x")), ("reset", 1), "{records:?}");
        let message = records[1]["error"]["message"].as_str().expect("a message");
        assert!(message.contains("in the middle of the response head"), "{message}");
    }
}

#[test]
fn a_408_on_a_fresh_connection_is_an_attempt() {
    let gone = Act::Raw(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec());
    for site in Site::both(|| Script::new().on("x", gone.clone()).otherwise(ok())) {
        let records = site.fetch(&["a", "x"], &["--retry", "1"]);
        // The first attempt has an idle connection, so it may ask twice.
        assert_eq!((&records[1]["attempts"], site.server.asked("/x")), (&json!(2), 3), "{records:?}");
    }
}

#[test]
fn http2_requests_on_a_used_connection_repeat_once() {
    let server = H2Server::start(Manners::EndsAfter(1));
    let run =
        Fetchall::new().with_retries().args(["--json", "-c1", "--retry", "0", "--cacert"]).arg(server.ca_pem_file());
    let records = run.args(["a", "b", "c"].map(|path| server.url(path))).run().expect_code(0).records();
    // The second and the third each meet the end of a used connection.
    assert_eq!((attempts(&records), server.counts().requests), (3, 5), "{records:?}");
}
