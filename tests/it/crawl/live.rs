//! A crawl seen while it runs.

use std::time::Duration;

use serde_json::{Value, json};

use super::site::{Site, page};
use crate::support::cli::{Fetchall, Finished};

/// A site whose first page has links in and out of scope, one of which is slow.
fn site() -> Site {
    Site::with(|target, _| match target {
        "/d/" => page(&["slow", "a", "b", "/out", "x/x/x/x/"]),
        "/d/slow" => page(&[]).set_delay(Duration::from_millis(1500)),
        "/d/a" => page(&["deeper", "b"]),
        _ => page(&[]),
    })
}

fn crawl(words: &[&str]) -> Finished {
    let site = site();
    Fetchall::new().arg("crawl").args(words).args(["--sitemap", "off", &site.url("/d/")]).run().expect_code(0)
}

#[test]
fn progress_for_programs_has_the_counts_of_links() {
    let run = crawl(&["--json", "--progress", "json", "--depth", "2"]);
    let events: Vec<Value> = run.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let progress = || events.iter().filter(|event| event["event"] == "progress");
    assert!(progress().all(|event| event["grows"] == true), "{}", run.stderr);
    let links = |event: &Value| {
        let counts = &event["crawl"];
        assert!(counts["links_new"].as_u64() <= counts["links_in_scope"].as_u64(), "{event}");
        ["links_seen", "links_in_scope", "links_new"].map(|name| counts[name].as_u64().unwrap())
    };
    let seen: Vec<_> = progress().map(links).collect();
    assert!(seen.is_sorted(), "{seen:?}");
    let last = progress().next_back().expect("progress");
    let counts = &last["crawl"];
    assert_eq!((links(last), &counts["left_out"]), ([7, 6, 4], &json!({"scope": 1, "trap": 1})));
    assert_eq!(counts["traps"][0]["rule"], "max_segment_repeats 3");
    assert_eq!((&counts["hosts"], &counts["queue_left"], &last["held_by"]), (&json!(1), &json!(1), &json!("--depth")));
    let end = &events[events.len() - 1]["summary"]["crawl"];
    assert_eq!((links(&json!({"crawl": end})), &end["queue_left"]), ([7, 6, 4], &json!(0)));
}

#[test]
fn each_field_of_an_event_is_documented() {
    const EVENTS: &str = include_str!("../../../docs/reference/events.md");
    let run = crawl(&["--json", "--progress", "json"]);
    for line in run.stderr.lines() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let fields = event.as_object().expect("an object").keys().map(String::as_str);
        for name in fields.chain([event["event"].as_str().expect("a name")]) {
            assert!(EVENTS.contains(&format!("`{name}`")), "{name}");
        }
    }
}

#[test]
fn plain_progress_has_the_counts_of_a_crawl() {
    let run = crawl(&["-o", "records"]);
    let line = run.stderr.lines().next().expect("progress");
    assert!(line.contains(": 4/5+ done, ") && !line.contains(" left"), "{line}");
    assert!(line.ends_with("; 4 pages, 0 queued, 1 host, 2 skipped (1 scope, 1 trap)"), "{line}");
}
