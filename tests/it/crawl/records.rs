//! The records of a crawl, and its file of skipped URLs.

use std::fs;
use std::path::Path;

use fetchall::config::{Config, Format};
use serde_json::{Value, json};

use super::site::{Site, crawl, file, html, redirect};
use crate::support::cli::{Fetchall, records};
use crate::support::schema::{RECORD, SKIPPED, SUMMARY, check};

const START: &str = "<title>The  start</title><a href=a>a</a> <a href=private/x>x</a> <a href=moved>m</a>
    <a href=gone>g</a> <img src=picture.png>";

/// A page with one link of each kind.
fn site() -> Site {
    Site::start([
        ("/", html(START)),
        ("/a", html("<a href=b>b</a>")),
        ("/b", html("<p>the end</p>")),
        ("/picture.png", file("image/png", "png")),
        ("/moved", redirect("/a")),
        ("/robots.txt", file("text/plain", "User-agent: *\nDisallow: /private")),
    ])
}

/// Puts the outputs of a crawl into this folder.
fn set(config: &mut Config, folder: &Path, format: Format) {
    config.output = folder.join("records");
    config.format = format;
    config.summary = Some(folder.join("summary.json"));
    config.skipped = Some(folder.join("skipped.ndjson"));
    config.crawl.requisites = true;
}

#[test]
fn records_of_a_crawl_say_how_it_found_each_url() {
    let (site, folder) = (site(), tempfile::tempdir().unwrap());
    crawl([site.url("/")], |config| set(config, folder.path(), Format::Ndjson));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    check(&SUMMARY, &serde_json::from_str(&read("summary.json")).unwrap());
    let (told, start) = (records(&read("records")), site.url("/"));
    told.iter().for_each(|record| check(&RECORD, record));
    let of = |path: &str| {
        let record = told.iter().find(|record| record["url"] == site.url(path));
        let record = record.unwrap_or_else(|| panic!("no {path}"));
        ["outcome", "depth", "parent", "via", "kind", "links", "title", "skip"].map(|field| record[field].clone())
    };
    let null = || Value::Null;
    let linked = |outcome: &str, via: &str, kind: &str, links: Value, skip: Value| {
        [json!(outcome), json!(1), json!(start), json!(via), json!(kind), links, null(), skip]
    };
    let title = json!("The start");
    assert_eq!(of("/"), [json!("ok"), json!(0), null(), json!("seed"), json!("page"), json!(5), title, null()]);
    assert_eq!(of("/a"), linked("ok", "link", "page", json!(1), null()));
    assert_eq!(of("/picture.png")[..5], linked("ok", "requisite", "requisite", null(), null())[..5]);
    let robots = json!({"reason": "robots", "rule": "robots.txt:2: Disallow: /private"});
    assert_eq!(of("/private/x"), linked("skipped", "link", "page", null(), robots.clone()));
    assert_eq!((&of("/moved")[0], &of("/moved")[7]["reason"]), (&json!("skipped"), &json!("duplicate")));
    let sources: Vec<_> = told.iter().map(|record| record["source"]["line"].as_u64()).collect();
    assert_eq!(sources.iter().flatten().count(), 1, "{sources:?}");
    let skipped: Vec<Value> = read("skipped.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    skipped.iter().for_each(|line| check(&SKIPPED, line));
    let line = json!({"url": site.url("/private/x"), "reason": "robots", "rule": robots["rule"], "parent": start});
    assert_eq!(skipped.iter().filter(|told| **told == line).count(), 1, "{skipped:?}");
    assert!(skipped.iter().any(|told| told["url"] == site.url("/moved") && told["reason"] == "duplicate"));
}

#[test]
fn failures_of_a_crawl_are_tried_again_from_records() {
    let site = site();
    for format in [Format::Ndjson, Format::Csv, Format::Tsv] {
        let folder = tempfile::tempdir().unwrap();
        crawl([site.url("/")], |config| set(config, folder.path(), format));
        let told = fs::read(folder.path().join("records")).unwrap();
        let again = Fetchall::new().file("records", told).args(["--json", "--retry-from", "records"]).run();
        let tried: Vec<_> = again.records().iter().map(|record| record["url"].clone()).collect();
        assert_eq!(tried, [json!(site.url("/gone"))], "{format:?}");
    }
}
