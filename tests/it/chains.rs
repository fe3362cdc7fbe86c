//! Long chains of redirects, and redirects to long URLs: they are followed, recorded and charged in proportion.

use std::fmt::Write as _;

use wiremock::matchers::any;
use wiremock::{Mock, Request, ResponseTemplate};

use crate::support::BACKENDS;
use crate::support::act::{Act, Script};
use crate::support::cli::Fetchall;
use crate::support::fault::{FaultServer, Log};
use crate::support::mock::{Mocks, redirect};

/// Every `/N/…` leads to `/N-1/…`, with this behind it, and `/0/…` is there.
fn countdown(behind: String) -> Mocks {
    let answer = move |request: &Request| {
        let left: u64 = request.url.path().split('/').nth(1).and_then(|left| left.parse().ok()).unwrap_or(0);
        match left.checked_sub(1) {
            Some(less) => redirect(302, &format!("/{less}/{behind}")),
            None => ResponseTemplate::new(200).set_body_string("there"),
        }
    };
    Mocks::start([Mock::given(any()).respond_with(answer)])
}

#[test]
fn a_chain_of_a_thousand_hops_is_followed_and_recorded() {
    std::thread::scope(|scope| {
        for backend in BACKENDS {
            scope.spawn(move || {
                let server = countdown(String::new());
                let url = server.url("1000/");
                let args = ["--json", "--backend", backend, "--max-redirects", "10000"];
                let run = Fetchall::new().args(args).arg(&url).run().expect_code(0);
                let record = &run.records()[0];
                let hops = record["redirects"].as_array().unwrap();
                assert_eq!((hops.len(), &record["outcome"]), (1000, &"ok".into()), "{backend}");
                assert_eq!(
                    (hops[0]["url"].as_str(), hops[999]["url"].as_str()),
                    (Some(&*url), Some(&*server.url("1/")))
                );
                assert_eq!(record["final_url"], server.url("0/"), "{backend}");
            });
        }
    });
}

#[test]
fn one_hop_too_many_ends_the_chain_where_it_was_asked_last() {
    for backend in BACKENDS {
        let server = countdown(String::new());
        let args = ["--json", "--backend", backend, "--max-redirects", "3"];
        let run = Fetchall::new().args(args).arg(server.url("9/")).run().expect_code(1);
        let record = &run.records()[0];
        assert_eq!(record["error"]["message"], "more than 3 redirects", "{backend}");
        assert_eq!((&record["status"], &record["final_url"]), (&302.into(), &server.url("6/").into()), "{backend}");
        assert_eq!(record["redirects"].as_array().unwrap().len(), 4, "{backend}");
    }
}

#[test]
fn chain_with_too_many_bytes_of_urls_ends() {
    let server = countdown("x".repeat(3000));
    for backend in BACKENDS {
        let args = ["--json", "--backend", backend, "--max-redirects", "10000"];
        let run = Fetchall::new().args(args).arg(server.url("9999/")).run().expect_code(1);
        let record = &run.records()[0];
        assert_eq!(record["error"]["kind"], "redirect", "{backend}");
        assert_eq!(record["error"]["message"], "65 redirects with more than 128 KiB of URLs", "{backend}");
        assert_eq!(record["redirects"].as_array().unwrap().len(), 65, "{backend}");
    }
}

#[test]
fn long_urls_of_hops_are_cut_in_records_and_say_so() {
    let long = "x".repeat(60_000);
    let server = countdown(long.clone());
    for backend in BACKENDS {
        let mut list = String::new();
        (1..9).for_each(|n| writeln!(list, "{}", server.url(&format!("{n}/"))).unwrap());
        let run = Fetchall::new().args(["--json", "--backend", backend]).stdin(list).run().expect_code(0);
        for record in run.records() {
            assert_eq!(record["final_url"], server.url(&format!("0/{long}")), "{backend}: what was asked is whole");
            for hop in &record["redirects"].as_array().unwrap()[1..] {
                let url = hop["url"].as_str().unwrap();
                assert!(url.ends_with("x…") && url.len() < 2100, "{backend}: {}", url.len());
            }
        }
    }
}

#[test]
fn a_redirect_beyond_any_request_line_is_an_error_that_says_so() {
    let server = countdown("x".repeat(70_000));
    let run = Fetchall::new().arg("--json").arg(server.url("1/")).run().expect_code(1);
    let error = &run.records()[0]["error"];
    assert_eq!(error["kind"], "redirect");
    assert!(error["message"].as_str().unwrap().contains("more than 65534 bytes"), "{error}");
}

#[test]
fn long_types_and_messages_are_cut_in_records() {
    let long = "t".repeat(100_000);
    let typed = ResponseTemplate::new(200).insert_header("Content-Type", format!("text/{long}").as_str());
    let server = Mocks::start([Mock::given(any()).respond_with(typed)]);
    for backend in BACKENDS {
        let run = Fetchall::new().args(["--json", "--backend", backend]).arg(server.url("")).run().expect_code(0);
        let records = run.records();
        let shown = records[0]["content_type"].as_str().unwrap();
        assert!(shown.starts_with("text/ttt") && shown.ends_with("t…") && shown.len() < 600, "{backend}");
    }
}

#[test]
fn connections_with_large_heads_are_closed_behind_a_proxy() {
    let hops = 8;
    let far = |hop: usize| format!("http://h{hop}.test/{}", "x".repeat(60_000));
    std::thread::scope(|scope| {
        for backend in BACKENDS {
            scope.spawn(move || {
                let mut acts: Vec<Act> = (1..=hops).map(|hop| Act::RedirectTo(far(hop))).collect();
                acts.push(Act::Stalled);
                let proxy = FaultServer::start(Script::new().on_each("http:", acts));
                let args = ["--json", "--backend", backend, "--retry", "0", "--timeout", "10s", "--proxy"];
                let proxy_url = proxy.url("");
                let run = scope.spawn(move || Fetchall::new().args(args).args([&*proxy_url, "http://h0.test/"]).run());
                // The request that waits has a connection, and the one before it may still be closing.
                let is_bounded = |log: &Log| log.in_flight == 1 && log.requests.len() == hops + 1 && log.open <= 2;
                proxy.wait_until("the connections of earlier hops to close", is_bounded);
                drop(proxy);
                run.join().unwrap().expect_code(1);
            });
        }
    });
}
