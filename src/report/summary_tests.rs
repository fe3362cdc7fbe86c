//! Tests of `summary`: the whole text for each kind of end.

use std::time::Duration;

use super::*;
use crate::model::{Counts, CrawlSummary, ErrorKind, FailureCause, Latency, SourcePos};

fn in_folder() -> SummaryOptions {
    let bodies = SavedBodies::Folder("out/".to_owned());
    SummaryOptions { bodies, next: NextCommand::Same, ..SummaryOptions::default() }
}

fn summary(ok: u64, http_error: u64, failed: u64, skipped: u64, cancelled: u64) -> Summary {
    let read = ok + http_error + failed + skipped + cancelled;
    let ms = Duration::from_millis;
    Summary {
        counts: Counts { read, ok, http_error, failed, skipped, cancelled },
        saved: ok,
        wall: Duration::from_secs(8),
        latency: Some(Latency { p50: ms(80), p90: ms(120), p99: ms(900), max: ms(1500) }),
        wire_bytes: 5 << 20,
        bytes: 5 << 20,
        peak_concurrency: 20,
        input_complete: true,
        ..Summary::default()
    }
}

fn failed_url(n: u64, cause: FailureCause) -> FailedUrl {
    let message = matches!(cause, FailureCause::Kind(_)).then(|| "127.0.0.1:9 refused the connection".into());
    FailedUrl { url: format!("http://127.0.0.1:9/some/long/folder/page-{n}.html").into(), cause, message }
}

fn with_failures() -> Summary {
    let (not_found, busy, connect) =
        (FailureCause::Status(404), FailureCause::Status(503), FailureCause::Kind(ErrorKind::Connect));
    let mut s = summary(285, 7, 8, 0, 0);
    s.failures = [(not_found, 5), (busy, 2), (connect, 8)].into();
    s.first_failures = [not_found, connect, not_found, busy, connect]
        .into_iter()
        .zip(1..)
        .map(|(cause, n)| failed_url(n, cause))
        .collect();
    s.retries = 24;
    s
}

#[test]
fn failures_are_named_and_can_be_tried_again() {
    insta::assert_snapshot!(render(&with_failures(), &in_folder()));
    let lines = render(&with_failures(), &SummaryOptions { columns: Some(|| Some(60)), ..in_folder() });
    let longest = lines.lines().filter(|line| line.contains("http://")).map(|line| line.chars().count()).max();
    assert_eq!(longest, Some(60), "{lines}");
}

#[test]
fn an_interrupted_run_says_what_is_left() {
    let mut s = summary(20, 0, 0, 36, 244);
    (s.stopped, s.not_begun, s.continued) = (Some(StopCause::Interrupt), 231, 3);
    s.skips = [(SkipReason::Done, 36)].into();
    insta::assert_snapshot!(render(&s, &in_folder()));
}

#[test]
fn a_refreshed_folder_says_what_changed() {
    let mut s = summary(4, 3, 0, 24, 0);
    s.skips = [(SkipReason::NotModified, 24)].into();
    s.changes = Some(ChangeCounts { added: 1, changed: 3, removed: 3, unchanged: 24 });
    s.failures = [(FailureCause::Status(404), 3)].into();
    s.first_failures = (1..=3).map(|n| failed_url(n, FailureCause::Status(404))).collect();
    insta::assert_snapshot!(render(&s, &in_folder()));
}

#[test]
fn a_run_that_asked_nothing_has_no_figures() {
    let mut s = Summary { latency: None, wire_bytes: 0, peak_concurrency: 0, ..summary(0, 0, 0, 300, 0) };
    s.skips = [(SkipReason::Done, 300)].into();
    let text = render(&s, &in_folder());
    assert_eq!(
        text,
        "resumed    300 done before\nsaved      nothing new in out/\n300 URLs in 8.00 s: 0 ok, 300 skipped\n"
    );
}

#[test]
fn the_saved_line_says_where_or_why_not() {
    let saved = |s: &Summary, bodies: SavedBodies| {
        let text = render(s, &SummaryOptions { bodies, ..SummaryOptions::default() });
        text.lines().find_map(|line| line.strip_prefix("saved      ").map(str::to_owned))
    };
    let folder = || SavedBodies::Folder("out/".to_owned());
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(saved(&summary(300, 0, 0, 0, 0), folder()), some("300 files in out/"));
    assert_eq!(saved(&summary(1, 0, 0, 0, 0), folder()), some("1 file in out/"));
    assert_eq!(saved(&summary(0, 0, 2, 0, 0), folder()), some("nothing in out/"));
    assert_eq!(saved(&summary(0, 0, 0, 2, 0), folder()), some("nothing new in out/"));
    assert_eq!(saved(&summary(300, 0, 0, 0, 0), SavedBodies::Nowhere), some("nothing (no --dir)"));
    assert_eq!(saved(&summary(1, 0, 0, 0, 0), SavedBodies::File("page.html".to_owned())), some("page.html"));
    assert_eq!(saved(&summary(1, 0, 0, 0, 0), SavedBodies::NoFiles), None);
}

#[test]
fn the_next_command_depends_on_what_was_kept() {
    let mut stopped = summary(20, 0, 0, 0, 244);
    stopped.stopped = Some(StopCause::Interrupt);
    let records = || NextCommand::With("--retry-from records.ndjson -o again.ndjson".to_owned());
    let text = |next: NextCommand, s: &Summary| next.text(s, false).unwrap_or_default();
    assert_eq!(text(NextCommand::Same, &stopped), "to continue: the same command (244 left)");
    assert_eq!(
        text(NextCommand::Without("--fresh"), &stopped),
        "to continue: the same command without --fresh (244 left)"
    );
    assert_eq!(
        text(records(), &stopped),
        "to continue: the same command with --retry-from records.ndjson -o again.ndjson (244 left)"
    );
    assert_eq!(
        text(NextCommand::FromStart, &stopped),
        "to continue: the same command from the start (244 left); --dir DIR resumes"
    );
    (stopped.input_complete, stopped.next_line) = (false, Some(SourcePos { list: "sites.txt".into(), line: 265 }));
    assert!(text(records(), &stopped).ends_with("(244 left); then the list from sites.txt:265 on"));
    assert_eq!(text(NextCommand::Same, &with_failures()), "to try again: the same command (15 failed)");
    let again = NextCommand::Same.text(&with_failures(), true);
    assert_eq!(again.as_deref(), Some("to try again: the same command without --only (15 failed)"));
    let again = records().text(&with_failures(), true).unwrap_or_default();
    assert!(again.ends_with("-o again.ndjson and without --only (15 failed)"), "{again}");
    assert_eq!(NextCommand::Same.text(&summary(3, 0, 0, 0, 0), false), None);
    stopped.stopped = Some(StopCause::MaxFailures);
    stopped.counts.http_error = 2;
    assert_eq!(
        text(NextCommand::Same, &stopped),
        "to continue: the same command (244 left, 2 failed); --only cancelled passes over the failed"
    );
    let selecting = NextCommand::Same.text(&stopped, true);
    assert_eq!(selecting.as_deref(), Some("to continue: the same command (244 left, 2 failed)"));
    stopped.crawl = Some(CrawlSummary::default());
    assert_eq!(text(NextCommand::Same, &stopped), "to continue: the same command (244 left, 2 failed)");
    (stopped.stopped, stopped.counts.http_error) = (Some(StopCause::FirstSuccess), 0);
    assert_eq!(NextCommand::Same.text(&stopped, false), None, "the run ended as it was asked to");
}

#[test]
fn a_crawl_says_what_it_found_and_left_out() {
    let mut s = summary(2001, 9, 0, 17, 0);
    s.skips = [(SkipReason::Robots, 14), (SkipReason::Trap, 2), (SkipReason::Duplicate, 1)].into();
    s.failures = [(FailureCause::Status(404), 9)].into();
    s.crawl = Some(CrawlSummary {
        pages_by_depth: vec![1, 12, 2001],
        requisites: 0,
        sitemaps: 1,
        hosts: 2,
        robots_files: 2,
        robots_unread: 1,
        links_seen: 1_008_332,
        links_in_scope: 4200,
        links_new: 2100,
        left_out: [(SkipReason::Scope, 1200), (SkipReason::Trap, 1014)].into(),
        traps: [
            ("max_segment_repeats 3".into(), TrapCount { links: 1000, first: "http://a.test/x/x/x/x/".to_owned() }),
            ("near_equal_pages 20".into(), TrapCount { links: 14, first: "http://a.test/c?m=21".to_owned() }),
        ]
        .into(),
        queue_left: 86,
    });
    insta::assert_snapshot!(render(&s, &in_folder()));
    s.crawl = Some(CrawlSummary { pages_by_depth: vec![1], links_seen: 7, ..CrawlSummary::default() });
    let text = render(&s, &in_folder());
    assert!(text.contains("\npages      1\nlinks      7 seen\n"), "{text}");
    assert!(!text.contains("asked") && !text.contains("left out") && !text.contains("queue"), "{text}");
}

#[test]
fn long_numbers_have_commas() {
    let numbers = [0, 7, 999, 1000, 12_345, 123_456, 1_234_567].map(grouped);
    assert_eq!(numbers, ["0", "7", "999", "1,000", "12,345", "123,456", "1,234,567"]);
}
