//! An ordinary list on an ordinary server.

mod conditional;
mod records;
mod redirects;
mod retries;
mod statuses;

use std::time::Duration;

use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::mock::{Mocks, get};
use crate::support::schema;
use crate::support::single::kind;

#[test]
fn fifty_pages_are_each_asked_once() {
    let page = |n: usize| ResponseTemplate::new(200).set_body_string(format!("page {n}"));
    let server = Mocks::start((0..50).map(|n| get(&format!("page/{n}")).respond_with(page(n)).expect(1)));
    let list: String = (0..50).map(|n| server.url(&format!("page/{n}\n"))).collect();
    let fetchall = Fetchall::new().args(["--json", "-c", "10", "-d", "out", "--summary", "s.json"]).stdin(list);
    let run = fetchall.run().expect_code(0);
    let records = run.records();
    assert_eq!(records.len(), 50);
    for record in &records {
        let n = record["source"]["line"].as_u64().expect("a line") - 1;
        assert_eq!((kind(record), &record["url"]), ("ok", &server.url(&format!("page/{n}")).into()));
        assert_eq!(run.read(record["path"].as_str().expect("a path")), format!("page {n}").as_bytes());
    }
    let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
    schema::check(&schema::SUMMARY, &summary);
    assert_eq!((&summary["ok"], &summary["input_complete"]), (&50.into(), &true.into()));
}

#[test]
fn no_more_than_the_limit_are_under_way() {
    let page = Act::Delayed(Duration::from_millis(10), Box::new(Act::KeepAliveOk(b"page\n".to_vec())));
    let server = FaultServer::start(Script::new().otherwise(page));
    let list: String = (0..50).map(|n| server.url(&format!("{n}\n"))).collect();
    for limit in [1, 3, 10] {
        let fetchall = Fetchall::new().args(["--json", "--summary", "s.json", "-c"]).arg(limit.to_string());
        let run = fetchall.stdin(list.clone()).run().expect_code(0);
        assert_eq!(run.records().len(), 50);
        // The server's figure is a maximum over all runs so far, whose limits grow.
        assert_eq!(server.max_in_flight(), limit, "a limit that is never reached wastes time");
        let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
        assert_eq!(summary["peak_concurrency"], limit);
    }
}

#[test]
fn connections_are_used_again() {
    let server = FaultServer::start(Script::new().otherwise(Act::KeepAliveOk(b"page\n".to_vec())));
    let list: String = (0..200).map(|n| server.url(&format!("{n}\n"))).collect();
    Fetchall::new().args(["-c", "4"]).stdin(list).run().expect_code(0);
    assert!(server.connections() <= 4, "{} connections for 200 requests", server.connections());
}

#[test]
fn host_comes_first_and_may_be_the_users() {
    let page = || Act::KeepAliveOk(b"page\n".to_vec());
    let server = FaultServer::start(Script::new().otherwise(page()));
    Fetchall::new().arg(server.url("a")).run().expect_code(0);
    Fetchall::new().args(["-H", "Host: example.com"]).arg(server.url("b")).run().expect_code(0);
    Fetchall::new().args(["-H", "Host;"]).arg(server.url("c")).run().expect_code(0);
    let hosts: Vec<_> = server.requests().iter().map(|request| request.headers[0].clone()).collect();
    let name = |value: &str| ("Host".to_owned(), value.to_owned());
    assert_eq!(hosts, [name(&server.address().to_string()), name("example.com"), name("")]);
}

#[test]
fn a_server_that_closes_idle_connections_costs_no_failure() {
    let server = FaultServer::start(Script::new().otherwise(Act::UntilClose(b"page\n".to_vec())));
    let list: String = (0..40).map(|n| server.url(&format!("{n}\n"))).collect();
    Fetchall::new().args(["-c", "4"]).stdin(list).run().expect_code(0);
    assert_eq!(server.requests().len(), 40);
}

#[test]
fn a_reused_connection_that_is_reset_is_replaced() {
    let ok = || Act::KeepAliveOk(b"page\n".to_vec());
    let server = FaultServer::start(Script::new().on("a", ok()).on_each("b", vec![Act::ResetBeforeHead, ok()]));
    let urls = ["a", "b"].map(|name| server.url(name));
    let run = Fetchall::new().args(["--json", "-c", "1"]).args(urls).run().expect_code(0);
    let record = &run.records()[1];
    assert_eq!((kind(record), &record["attempts"], server.asked("/b")), ("ok", &1.into(), 2), "{record}");
    assert!(record["timing"]["connect_ms"].is_number(), "{record}");
}

#[test]
fn a_408_on_an_idle_connection_is_asked_again() {
    let ok = || Act::KeepAliveOk(b"page\n".to_vec());
    let gone =
        Act::RawKeepAlive(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".to_vec());
    let server = FaultServer::start(Script::new().on("a", ok()).on_each("b", vec![gone, ok()]));
    let urls = ["a", "b"].map(|name| server.url(name));
    let run = Fetchall::new().args(["--json", "-c", "1"]).args(urls).run().expect_code(0);
    assert_eq!((kind(&run.records()[1]), server.asked("/b")), ("ok", 2));
}

#[test]
fn the_demo_needs_no_network() {
    let run = Fetchall::new().args(["demo", "--json"]).run();
    assert!(matches!(run.code(), Some(0 | 1)), "{}", run.stderr);
    assert!(run.records().iter().any(|record| record["outcome"] == "ok"));
}
