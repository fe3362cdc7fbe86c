//! The crawl of the demo shows what a crawl does.

use serde_json::{Value, json};

use crate::support::cli::{Fetchall, Finished};

/// The output without the address of the site.
fn settled(text: &str) -> String {
    let mut parts = text.split("http://127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

fn has_line(run: &Finished, parts: &[&str]) -> bool {
    let text = settled(&run.stdout) + &settled(&run.stderr);
    text.lines().any(|line| parts.iter().all(|part| line.contains(part)))
}

#[test]
fn the_demo_crawls_a_site_with_a_trap() {
    let run = Fetchall::new().args(["demo", "--crawl", "--skipped", "skipped"]).run().expect_code(1);
    for parts in [
        &["pages      19 by depth 0: 1 · 1: 9 · 2: 7 · 3: 1 · 4: 1"][..],
        &["trap ×1", "/calendar/next/next/next/next/  (max_segment_repeats 3)"],
        &["robots ", "/private/log.html  (robots.txt:2: Disallow: /private/)"],
        &["404 ", "/pages/atlantis.html"],
        &["200 ", "/pages/lagoon.html"],
        &["left out   1 scope · 1 trap"],
        &["asked      1 sitemaps · 1 robots.txt · 1 hosts"],
        &["22 URLs in", "19 ok, 1 failed, 2 skipped"],
    ] {
        assert!(has_line(&run, parts), "{parts:?}\n{}{}", run.stdout, run.stderr);
    }
    let skipped = settled(&String::from_utf8(run.read("skipped")).unwrap());
    let mut skipped: Vec<_> = skipped
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            ["url", "reason"].map(|name| line[name].as_str().unwrap().to_owned()).join(" ")
        })
        .collect();
    skipped.sort();
    assert_eq!(
        skipped,
        [
            "/calendar/next/next/next/next/ trap",
            "/old/harbour.html duplicate",
            "/private/log.html robots",
            "https://example.com/ scope",
        ]
    );
}

#[test]
fn the_crawl_of_the_demo_takes_the_options_of_a_crawl() {
    let words = ["demo", "--crawl", "--json", "--depth", "1", "--exclude", "slow", "--summary", "summary"];
    let run = Fetchall::new().args(words).run().expect_code(1);
    assert!(run.records().iter().all(|record| record["depth"].as_u64() <= Some(1)), "{}", run.stdout);
    let summary: Value = serde_json::from_slice(&run.read("summary")).unwrap();
    assert_eq!((&summary["crawl"]["pages_by_depth"], &summary["crawl"]["traps"]), (&json!([1, 8]), &json!([])));
    Fetchall::new().args(["demo", "--crawl", "https://example.com/"]).run().expect_code(2);
}

#[test]
fn the_mirror_of_the_demo_opens_without_its_site() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    // A page is missing.
    Fetchall::new().args(["demo", "--mirror", path, "--exclude", "slow"]).run().expect_code(1);
    let start = std::fs::read_to_string(folder.path().join("index.html")).unwrap();
    let home = start.split("href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let home = folder.path().join(home);
    let text = std::fs::read_to_string(&home).unwrap();
    assert!(text.contains("href=\"pages/harbour.html\"") && text.contains("href=\"style.css\""), "{text}");
    let style = std::fs::read_to_string(home.with_file_name("style.css")).unwrap();
    assert!(style.contains("url(\"waves@width=120.svg\")"), "{style}");
    assert!(home.with_file_name("waves@width=120.svg").is_file());
    Fetchall::new().args(["demo", "--mirror", path, "--crawl"]).run().expect_code(2);
}
