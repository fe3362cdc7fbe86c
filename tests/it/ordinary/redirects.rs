//! Redirects: followed, recorded, bounded, and refused where they lead nowhere.

use serde_json::{Value, json};
use wiremock::ResponseTemplate;
use wiremock::matchers::{query_param, query_param_is_missing};

use crate::support::cli::{Fetchall, Finished};
use crate::support::mock::{Mocks, get, hello, redirect};
use crate::support::single::{kind, record_of};

fn fetch(server: &Mocks, target: &str, args: &[&str]) -> (Value, Finished) {
    record_of(Fetchall::new().args(args).arg(server.url(target)))
}

#[test]
fn every_redirect_status_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Mocks::start([
            get("x").respond_with(redirect(status, "/y?a=1#part")).expect(1),
            get("y").and(query_param("a", "1")).respond_with(hello()).expect(1),
        ]);
        let (record, _) = fetch(&server, "x", &[]);
        assert_eq!((kind(&record), &record["redirects"][0]["status"]), ("ok", &json!(status)), "{record}");
        assert_eq!(record["final_url"], server.url("y?a=1"));
    }
}

#[test]
fn relative_locations_are_resolved() {
    for (location, landing) in [("b", "dir/b"), ("../b", "b"), ("/b", "b"), ("?q=1", "dir/a?q=1"), ("./", "dir/")] {
        let (at, query) = landing.split_once('?').unwrap_or((landing, ""));
        let landed = get(at).respond_with(hello()).with_priority(2);
        let server = Mocks::start([
            get("dir/a").and(query_param_is_missing("q")).respond_with(redirect(302, location)).with_priority(1),
            landed.expect(1),
        ]);
        let (record, _) = fetch(&server, "dir/a", &[]);
        assert_eq!((kind(&record), &record["final_url"]), ("ok", &json!(server.url(landing))), "{location} {query}");
    }
}

#[test]
fn a_redirect_to_another_server_is_followed() {
    let other = Mocks::start([get("landed").respond_with(hello()).expect(1)]);
    let server = Mocks::start([get("x").respond_with(redirect(307, &other.url("landed"))).expect(1)]);
    let (record, run) = fetch(&server, "x", &["-d", "out"]);
    assert_eq!((kind(&record), &record["final_url"]), ("ok", &json!(other.url("landed"))));
    // The file is named after the URL of the list.
    let path = format!("out/127.0.0.1+{}/x", server.address().port());
    assert_eq!((record["path"].as_str(), run.read(&path)), (Some(path.as_str()), b"hello\n".to_vec()));
}

#[test]
fn a_redirect_loop_is_an_error_that_says_so() {
    let server = Mocks::start([
        get("a").respond_with(redirect(302, "/b")).expect(1..10),
        get("b").respond_with(redirect(302, "/a")).expect(1..10),
    ]);
    let (record, _) = fetch(&server, "a", &[]);
    assert_eq!(kind(&record), "redirect", "{record}");
    assert!(record["error"]["message"].as_str().is_some_and(|m| m.contains("circle")), "{record}");
}

#[test]
fn more_redirects_than_allowed_are_an_error() {
    let chain = |asked: u64| {
        let hop = |n: u64| get(&n.to_string()).respond_with(redirect(302, &format!("/{}", n + 1)));
        let hops = (0..3).map(|n| hop(n).expect(u64::from(n < asked)));
        Mocks::start(hops.chain([get("3").respond_with(hello()).expect(u64::from(asked > 3))]))
    };
    for (allowed, expected) in [("0", "redirect"), ("2", "redirect"), ("3", "ok")] {
        let server = chain(allowed.parse::<u64>().expect("a number") + 1);
        let (record, _) = fetch(&server, "0", &["--max-redirects", allowed]);
        assert_eq!((kind(&record), record["final_url"].clone()), (expected, server.url(allowed).into()), "{record}");
        assert_eq!(record["status"], if expected == "ok" { 200 } else { 302 });
    }
}

#[test]
fn redirects_that_lead_nowhere_are_errors() {
    let server = Mocks::start([get("none").respond_with(ResponseTemplate::new(302))]);
    let locations = ["ftp://127.0.0.1/file", "file:///etc/passwd", "javascript:alert(1)", "http://", "http://[::1"];
    for (n, location) in (0..).zip(locations) {
        server.mount(get(&format!("{n}")).respond_with(redirect(302, location)).expect(1));
    }
    for target in ["none", "0", "1", "2", "3", "4"] {
        let (record, _) = fetch(&server, target, &[]);
        assert_eq!((kind(&record), &record["status"]), ("redirect", &json!(302)), "{record}");
    }
}

#[test]
fn a_refused_location_is_shown_without_its_password() {
    for location in ["ftp://anna:secret@127.0.0.1/x", "http://anna:secret@[::1"] {
        let server = Mocks::start([get("x").respond_with(redirect(302, location))]);
        let (record, run) = fetch(&server, "x", &["--verbose"]);
        assert_eq!(kind(&record), "redirect", "{record}");
        for shown in [&run.stdout, &run.stderr] {
            assert!(!shown.contains("anna") && !shown.contains("secret"), "{shown}");
        }
    }
}
