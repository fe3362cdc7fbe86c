//! Redirects: followed, recorded, bounded, and refused where they lead nowhere.

use serde_json::json;

use crate::support::BACKENDS;
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
fn a_failure_after_a_redirect_keeps_the_hops() {
    let script = Script::new().on("x", Act::RedirectTo("/y".into())).on("y", Act::ResetBeforeHead);
    let server = FaultServer::start(script);
    let (record, _) = record_of(Fetchall::new().arg(server.url("x")));
    assert_eq!((kind(&record), &record["final_url"]), ("reset", &json!(server.url("y"))));
    assert_eq!(record["redirects"], json!([{"status": 302, "url": server.url("x")}]));
}

#[test]
fn a_hop_without_response_leaves_no_facts() {
    let script = Script::new().on("x", Act::RedirectTo("/y".into())).on("y", Act::ResetBeforeHead);
    let server = FaultServer::start(script);
    let (record, _) = record_of(Fetchall::new().arg(server.url("x")));
    // The last response is the redirect: status and address are those of the redirect.
    assert_eq!((&record["status"], record["bytes"].is_null()), (&json!(302), true), "{record}");
}

#[test]
fn a_location_that_is_empty_or_too_long_is_not_followed() {
    for (location, told) in [
        (String::new(), "302 Found without a Location to follow"),
        (format!("/{}", "x".repeat(70_000)), "which no server takes"),
    ] {
        for backend in BACKENDS {
            let single = fetch(Act::RedirectTo(location.clone()), &["--backend", backend]);
            let message = single.record["error"]["message"].as_str().unwrap_or_default();
            assert!(single.kind() == "redirect" && message.contains(told), "{backend} {}", single.record);
            assert_eq!(single.server.requests().len(), 1, "{backend}");
            assert!(single.record["final_url"].as_str().is_none_or(|url| url == single.server.url("x")), "{backend}");
        }
    }
}
