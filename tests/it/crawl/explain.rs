//! The command `explain`: every skip has a reason.

use serde_json::Value;

use super::site::{Site, file, page, redirect};
use crate::support::cli::{Fetchall, Finished};
use crate::support::schema;

fn site() -> Site {
    Site::start([
        ("/robots.txt", file("text/plain", "User-agent: *\nCrawl-delay: 0\nDisallow: /d/private\n")),
        ("/d/", page(&["a", "first", "gone", "moved", "private"])),
        ("/d/a", super::site::html("<title>A page</title><a href=/d/>d</a>")),
        ("/d/moved", redirect("/d/a")),
        ("/d/first", redirect("/d/target")),
        ("/d/target", page(&[])),
    ])
}

/// The explanation of a path, as JSON.
fn explain(site: &Site, path: &str, words: &[&str]) -> Value {
    let run = Fetchall::new().args(["explain", "--json", &site.url(path)]).args(words.iter().copied()).run();
    answer(&run.expect_code(0))
}

fn answer(run: &Finished) -> Value {
    let value: Value = serde_json::from_str(&run.stdout).unwrap();
    schema::check(&schema::EXPLANATION, &value);
    value
}

/// Verdict, reason and rule.
fn told(value: &Value) -> String {
    ["verdict", "reason", "rule"].map(|name| value[name].as_str().unwrap_or("-")).join(" | ")
}

#[test]
fn each_rule_of_a_crawl_is_named() {
    let site = site();
    let start = site.url("/d/");
    let long = format!("/d/{}", "x/".repeat(5));
    for (path, words, expected) in [
        ("/d/a", &[][..], "would_fetch | - | -".to_owned()),
        ("/d/", &[], "would_fetch | - | -".to_owned()),
        ("/out", &[], format!("not_fetched | scope | scope prefix {start}")),
        ("/out", &["--scope", "host"], "would_fetch | - | -".to_owned()),
        ("/d/a", &["--exclude", "/a$"], "not_fetched | scope | exclude /a$".to_owned()),
        ("/d/a", &["--include", "/b$"], "not_fetched | scope | include /b$".to_owned()),
        (&*long, &[], "not_fetched | trap | max_segment_repeats 3".to_owned()),
        (&*long, &["--no-traps"], "would_fetch | - | -".to_owned()),
        ("/d/a.zip", &["--reject", "zip"], "not_fetched | type | reject zip".to_owned()),
        ("/d/private/x", &[], "not_fetched | robots | robots.txt:3: Disallow: /d/private".to_owned()),
        ("/d/private/x", &["--robots", "report"], "would_fetch | - | -".to_owned()),
        ("/d/private/x", &["--robots", "ignore"], "would_fetch | - | -".to_owned()),
        ("/d/a", &["--depth", "0"], "not_fetched | depth | depth 0".to_owned()),
        ("/d/", &["--depth", "0"], "would_fetch | - | -".to_owned()),
        ("/d/?sid=1", &["--strip-param", "sid"], format!("not_fetched | duplicate | same canonical form as {start}")),
    ] {
        let words: Vec<_> = ["--crawl", &start].into_iter().chain(words.iter().copied()).collect();
        assert_eq!(told(&explain(&site, path, &words)), expected, "{path} {words:?}");
    }
    assert_eq!(site.pages(), [""; 0]);
}

#[test]
fn a_list_has_no_scope() {
    let site = site();
    let value = explain(&site, "/out", &[]);
    assert_eq!((told(&value), &value["scope"]), ("would_fetch | - | -".to_owned(), &Value::from("list")));
    let value = explain(&site, "/d/private", &["--robots", "obey"]);
    assert_eq!(told(&value), "not_fetched | robots | robots.txt:3: Disallow: /d/private");
}

#[test]
fn a_robots_txt_that_fails_disallows_as_in_a_crawl() {
    for (status, verdict) in [(404, "would_fetch"), (503, "not_fetched")] {
        let site = Site::with(move |_, _| wiremock::ResponseTemplate::new(status));
        let value = explain(&site, "/a", &["--robots", "obey", "--retry", "0"]);
        assert_eq!(value["verdict"], verdict);
        assert_eq!(value["robots"]["rule"], format!("robots.txt: status {status}"));
    }
}

#[test]
fn an_offline_explanation_sends_no_request() {
    let site = site();
    let value = explain(&site, "/d/private", &["--offline", "--crawl", &site.url("/d/")]);
    assert_eq!((told(&value), &value["robots"]), ("would_fetch | - | -".to_owned(), &Value::Null));
    assert_eq!(site.requests(), [""; 0]);
}

#[test]
fn the_state_says_what_became_of_a_url() {
    let site = site();
    let start = site.url("/d/");
    let words = ["--state", "state", "--sitemap", "off"];
    let crawled = Fetchall::new().arg("crawl").args(words).arg(&start).run().expect_code(1);
    let state = std::fs::read(crawled.folder().join("state")).unwrap();
    let requests = site.requests().len();
    let explain = |path: &str| {
        let run = Fetchall::new()
            .file("state", state.clone())
            .args(["explain", "--json", "--crawl", &start, &site.url(path)])
            .args(words)
            .run()
            .expect_code(0);
        assert_eq!(std::fs::read(run.folder().join("state")).unwrap(), state);
        assert_eq!(std::fs::read_dir(run.folder()).unwrap().count(), 1);
        answer(&run)
    };
    let value = explain("/d/a");
    assert_eq!(told(&value), "fetched | - | -");
    assert_eq!((&value["state"]["status"], &value["state"]["title"]), (&Value::from(200), &Value::from("A page")));
    assert_eq!(value["state"]["links"], 1);
    assert_eq!(
        (&value["linked_from"]["count"], &value["linked_from"]["pages"][0]),
        (&Value::from(1), &Value::from(start.as_str()))
    );
    assert!(value["robots"]["age_s"].is_u64(), "{value:#}");
    assert_eq!(told(&explain("/d/gone")), "fetched | http_status | status 404");
    let target = site.url("/d/a");
    assert_eq!(told(&explain("/d/moved")), format!("not_fetched | duplicate | it redirects to {target}"));
    let first = site.url("/d/first");
    let led = format!("not_fetched | duplicate | {first} redirects to it, and was fetched");
    assert_eq!(told(&explain("/d/target")), led);
    assert_eq!(explain("/d/target")["duplicate_of"], Value::from(first));
    assert_eq!(told(&explain("/d/private")), "not_fetched | robots | robots.txt:3: Disallow: /d/private");
    assert_eq!(explain("/d/private")["linked_from"]["count"], 1);
    assert_eq!(explain("/d/new")["state"], Value::Null);
    // The copy of the state was fresh.
    assert_eq!(site.requests().len(), requests);
}

#[test]
fn the_text_begins_with_the_verdict_and_hides_passwords() {
    let site = site();
    let url = site.url("/d/private").replace("http://", "http://ann:hunter2@");
    let run = Fetchall::new().args(["explain", "--crawl", &site.url("/d/"), &url]).run().expect_code(0);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[0], "not fetched: robots: robots.txt:3: Disallow: /d/private");
    assert_eq!(lines[1], format!("url:         {}", site.url("/d/private")));
    assert!(run.stdout.contains("group *, crawl-delay 0 s"), "{}", run.stdout);
    assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"), "{}", run.stdout);
}

#[test]
fn an_explanation_names_the_file() {
    let site = site();
    let value = explain(&site, "/d/a?b=1", &["--dir", "out", "--name", "{path}"]);
    assert_eq!((&value["file"], &value["state_path"]), (&Value::from("d/a@b=1"), &Value::Null));
}

#[test]
fn words_that_are_no_urls_are_refused() {
    for words in [&["explain"][..], &["explain", "ftp://a.test/"], &["explain", "a.test", "--crawl", "x:"]] {
        let run = Fetchall::new().args(words.iter().copied()).run().expect_code(2);
        assert_eq!(run.stdout, "", "{words:?}");
    }
}
