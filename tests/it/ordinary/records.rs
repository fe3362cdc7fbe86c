//! The records that `fetchall LIST --json --concurrency N` writes to a pipe.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::ResponseTemplate;
use wiremock::matchers::query_param;

use crate::support::cli::Fetchall;
use crate::support::mock::{Mocks, get, hello, redirect};
use crate::support::schema;
use crate::support::single::kind;

/// The fields of a record that are the same in each run.
fn lasting(record: &Value) -> String {
    let names = ["url", "outcome", "status", "final_url", "bytes", "content_type", "attempts", "redirects", "source"];
    names.map(|name| record[name].to_string()).join(" ")
}

#[test]
fn records_do_not_depend_on_the_concurrency() {
    let json = ResponseTemplate::new(200).set_body_json(json!({"n": 1}));
    let server = Mocks::start([
        get("page").respond_with(hello()),
        get("data").respond_with(json),
        get("old").respond_with(redirect(301, "/page")),
        get("ill").respond_with(ResponseTemplate::new(500)),
    ]);
    let targets = ["page", "data", "old", "ill", "absent", "page?2", "data?2", "old?2", "ill?2", "absent?2"];
    let written = |concurrency: &str| {
        let run = Fetchall::new().file("list.txt", server.list(&targets));
        let run = run.args(["list.txt", "--json", "--concurrency", concurrency]).run().expect_code(1);
        assert_eq!(run.stdout.lines().count(), targets.len());
        run.records().iter().map(lasting).collect::<BTreeSet<_>>()
    };
    let one = written("1");
    assert_eq!(one.len(), targets.len());
    for concurrency in ["2", "8", "auto"] {
        assert_eq!(written(concurrency), one, "--concurrency {concurrency}");
    }
}

#[test]
fn concurrency_is_how_many_are_under_way_at_once() {
    let names: Vec<String> = (0..8).map(|n| n.to_string()).collect();
    let server = Mocks::start(
        names.iter().map(|name| get(name).respond_with(hello().set_delay(Duration::from_millis(100))).expect(2)),
    );
    let list = server.list(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for concurrency in [1, 4] {
        let run = Fetchall::new().file("list.txt", &list).args(["list.txt", "--json", "--summary", "s.json"]);
        let run = run.arg("--concurrency").arg(concurrency.to_string()).run().expect_code(0);
        assert!(run.records().iter().all(|record| kind(record) == "ok"));
        let summary: Value = serde_json::from_slice(&run.read("s.json")).expect("JSON");
        schema::check(&schema::SUMMARY, &summary);
        assert_eq!((&summary["ok"], &summary["peak_concurrency"]), (&json!(8), &json!(concurrency)));
    }
}

#[test]
fn a_record_comes_as_soon_as_its_url_is_done() {
    let slow = hello().set_delay(Duration::from_millis(500));
    let server = Mocks::start([get("slow").respond_with(slow), get("quick").respond_with(hello())]);
    let run = Fetchall::new().file("list.txt", server.list(&["slow", "quick"]));
    let mut running = run.args(["list.txt", "--json", "--concurrency", "2"]).spawn();
    let order = [running.next_line(), running.next_line()].map(|line| {
        let record: Value = serde_json::from_str(&line).expect("a record");
        record["source"]["line"].clone()
    });
    assert_eq!(order, [json!(2), json!(1)]);
    running.wait().expect_code(0);
}

#[test]
fn order_input_keeps_the_order_of_the_list() {
    let slow = hello().set_delay(Duration::from_millis(100));
    let server = Mocks::start([get("slow").respond_with(slow), get("quick").respond_with(hello())]);
    let targets = ["slow", "quick?1", "quick?2", "slow?2", "quick?3"];
    let run = Fetchall::new().file("list.txt", server.list(&targets));
    let run = run.args(["list.txt", "--json", "--order", "input", "-c", "4"]).run().expect_code(0);
    let lines: Vec<_> = run.records().iter().map(|record| record["source"]["line"].as_u64()).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5].map(Some));
}

#[test]
fn a_query_is_sent_and_recorded_as_it_was_written() {
    let asked = get("search").and(query_param("q", "a b&c")).and(query_param("page", "2"));
    let server = Mocks::start([asked.respond_with(hello()).expect(1)]);
    let url = server.url("search?q=a%20b%26c&page=2");
    let run = Fetchall::new().args(["--json", &url]).run().expect_code(0);
    assert_eq!(run.records()[0]["url"], url);
}

#[test]
fn a_record_says_what_was_received() {
    let json = json!({"title": "islands", "ids": [1, 2, 3]});
    let page = ResponseTemplate::new(200).set_body_raw(json.to_string(), "application/json; charset=utf-8");
    let server = Mocks::start([get("data").respond_with(page).expect(1)]);
    let run = Fetchall::new().args(["--json", "-d", "out", "--digest", "sha256"]).arg(server.url("data")).run();
    let record = &run.records()[0];
    assert_eq!(
        (&record["content_type"], &record["http_version"]),
        (&json!("application/json; charset=utf-8"), &json!("HTTP/1.1"))
    );
    assert_eq!(
        (&record["bytes"], &record["wire_bytes"]),
        (&json!(json.to_string().len()), &json!(json.to_string().len()))
    );
    assert_eq!(record["remote_addr"], server.address().to_string());
    let saved: Value = serde_json::from_slice(&run.read(record["path"].as_str().expect("a path"))).expect("JSON");
    assert_eq!(saved, json);
}
