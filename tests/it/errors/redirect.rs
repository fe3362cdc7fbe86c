//! Redirects: followed, recorded, bounded, and refused where they lead nowhere.

use serde_json::json;

use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::FaultServer;
use crate::support::single::{fetch, kind, record_of};

#[test]
fn a_chain_is_followed_and_recorded_hop_by_hop() {
    let single = fetch(Act::RedirectChain(3), &[]);
    let at = |path: &str| single.server.url(path);
    let hops = [at("x"), at("x/1"), at("x/2")].map(|url| json!({"status": 302, "url": url}));
    assert_eq!(single.record["redirects"], json!(hops));
    assert_eq!((&single.record["url"], &single.record["final_url"]), (&json!(at("x")), &json!(at("x/3"))));
    assert_eq!((single.kind(), single.body()), ("ok", b"arrived\n".to_vec()));
    assert_eq!(single.server.connections(), 1, "short bodies of redirects are read so that connections serve again");
}

#[test]
fn every_kind_of_redirect_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        let script = Script::new()
            .on("x", Act::Redirect(status, "/y?a=1#part".into()))
            .on("y", Act::KeepAliveOk(b"there\n".to_vec()));
        let server = FaultServer::start(script);
        let (record, _) = record_of(Fetchall::new().arg(server.url("x")));
        assert_eq!((kind(&record), &record["redirects"][0]["status"]), ("ok", &json!(status)), "{record}");
        assert_eq!(record["final_url"], server.url("y?a=1"));
    }
}

#[test]
fn a_loop_is_redirect() {
    let single = fetch(Act::RedirectLoop, &[]);
    assert_eq!(single.kind(), "redirect", "{}", single.record);
    assert!(single.record["error"]["message"].as_str().is_some_and(|m| m.contains("circle")), "{}", single.record);
}

#[test]
fn too_many_redirects_are_redirect() {
    let single = fetch(Act::RedirectChain(3), &["--max-redirects", "2"]);
    assert_eq!((single.kind(), single.server.requests().len()), ("redirect", 3), "{}", single.record);
    assert_eq!(fetch(Act::RedirectChain(3), &["--max-redirects", "3"]).kind(), "ok");
    let none = fetch(Act::RedirectChain(1), &["--max-redirects", "0"]);
    assert_eq!((none.kind(), none.server.requests().len()), ("redirect", 1));
    assert_eq!((&none.record["status"], &none.record["final_url"]), (&json!(302), &json!(none.server.url("x"))));
}

#[test]
fn redirects_that_lead_nowhere_are_redirect() {
    for act in [
        Act::RedirectNoLocation,
        Act::RedirectTo("ftp://127.0.0.1/file".into()),
        Act::RedirectTo("file:///etc/passwd".into()),
        Act::RedirectTo("javascript:alert(1)".into()),
        Act::RedirectTo("http://".into()),
        Act::RedirectTo("http://[::1".into()),
        Act::Status(300, Vec::new()),
    ] {
        let single = fetch(act, &[]);
        assert_eq!(single.kind(), "redirect", "{}", single.record);
        assert!(single.record["status"].is_number(), "{}", single.record);
    }
}

#[test]
fn a_failure_after_a_redirect_keeps_the_hops() {
    let script = Script::new().on("x", Act::RedirectTo("/y".into())).on("y", Act::ResetBeforeHead);
    let server = FaultServer::start(script);
    let (record, _) = record_of(Fetchall::new().arg(server.url("x")));
    assert_eq!((kind(&record), &record["final_url"]), ("reset", &json!(server.url("y"))));
    assert_eq!(record["redirects"], json!([{"status": 302, "url": server.url("x")}]));
}

#[test]
fn what_did_not_answer_lends_no_facts() {
    let script = Script::new().on("x", Act::RedirectTo("/y".into())).on("y", Act::ResetBeforeHead);
    let server = FaultServer::start(script);
    let (record, _) = record_of(Fetchall::new().arg(server.url("x")));
    // The last response is the redirect: it is what status and address tell of.
    assert_eq!((&record["status"], record["bytes"].is_null()), (&json!(302), true), "{record}");
}

#[test]
fn a_location_that_cannot_be_followed_is_shown_without_user_and_password() {
    for location in ["ftp://anna:secret@127.0.0.1/x", "http://anna:secret@[::1"] {
        let single = fetch(Act::RedirectTo(location.into()), &["--verbose"]);
        assert_eq!(single.kind(), "redirect", "{}", single.record);
        for shown in [&single.run.stdout, &single.run.stderr] {
            assert!(!shown.contains("anna") && !shown.contains("secret"), "{shown}");
        }
    }
}
