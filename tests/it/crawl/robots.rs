//! robots.txt (RFC 9309) comes before the first page, and is obeyed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fetchall::model::RobotsMode;
use wiremock::ResponseTemplate;

use super::site::{Crawled, Site, crawl, file, page, redirect};

/// Crawls a site with this robots.txt.
fn with_robots(robots: ResponseTemplate, mode: RobotsMode) -> (Site, Crawled) {
    let site = Site::with(move |target, _| match target {
        "/robots.txt" => robots.clone(),
        "/" => page(&["/a", "/private/b", "/private/open"]),
        "/sitemap.xml" => ResponseTemplate::new(404),
        _ => page(&[]),
    });
    let crawled = crawl([site.url("/")], |config| config.crawl.robots = mode);
    (site, crawled)
}

fn rules() -> ResponseTemplate {
    file("text/plain", "User-agent: *\nDisallow: /private/\nAllow: /private/open\n")
}

#[test]
fn disallowed_pages_are_skipped_and_their_rule_is_named() {
    let (site, crawled) = with_robots(rules(), RobotsMode::Obey);
    assert_eq!(site.requests(), ["/", "/a", "/private/open", "/robots.txt", "/sitemap.xml"]);
    let told = crawled.told();
    assert!(told.contains(&"/private/b skipped robots (robots.txt:2: Disallow: /private/)".to_owned()), "{told:#?}");
    assert_eq!(crawled.end.summary.counts.skipped, 1);
}

#[test]
fn robots_txt_is_the_first_request_and_the_only_one_of_its_kind() {
    let (site, _) = with_robots(rules(), RobotsMode::Obey);
    assert_eq!(site.requests().iter().filter(|target| *target == "/robots.txt").count(), 1);
}

#[test]
fn a_report_fetches_all_and_marks_what_is_disallowed() {
    let (site, crawled) = with_robots(rules(), RobotsMode::Report);
    assert!(site.requests().contains(&"/private/b".to_owned()));
    let told = crawled.told();
    assert!(told.contains(&"/private/b ok (robots.txt:2: Disallow: /private/)".to_owned()), "{told:#?}");
    assert!(told.contains(&"/a ok".to_owned()), "{told:#?}");
}

#[test]
fn a_crawl_that_ignores_robots_txt_does_not_ask_for_it() {
    let (site, _) = with_robots(rules(), RobotsMode::Ignore);
    assert!(!site.requests().contains(&"/robots.txt".to_owned()));
    assert!(site.requests().contains(&"/private/b".to_owned()));
}

#[test]
fn a_missing_file_allows_and_a_broken_one_forbids() {
    for (status, pages) in [(404, 4), (403, 4), (410, 4), (429, 0), (500, 0), (503, 0)] {
        let (site, crawled) = with_robots(ResponseTemplate::new(status), RobotsMode::Obey);
        assert_eq!(site.pages().len(), pages, "{status}: {:?}", crawled.told());
        if pages == 0 {
            assert_eq!(crawled.told(), [format!("/ skipped robots (robots.txt: status {status})")]);
        }
        let unread = crawled.end.summary.crawl.map(|crawl| crawl.robots_unread);
        assert_eq!(unread, Some(u64::from(pages == 0)), "{status}");
    }
}

#[test]
fn a_broken_file_is_asked_for_again() {
    let asked = AtomicU32::new(0);
    let site = Site::with(move |target, _| match target {
        "/robots.txt" if asked.fetch_add(1, Ordering::Relaxed) == 0 => {
            ResponseTemplate::new(503).insert_header("retry-after", "0")
        }
        "/robots.txt" => rules(),
        "/" => page(&["/private/b"]),
        _ => page(&[]),
    });
    let crawled = crawl([site.url("/")], |config| config.retry = 2);
    assert!(crawled.told().contains(&"/ ok".to_owned()), "{:#?}", crawled.told());
    assert!(!site.requests().contains(&"/private/b".to_owned()));
}

#[test]
fn redirects_of_robots_txt_are_followed() {
    let site = Site::with(|target, _| match target {
        "/robots.txt" => redirect("/elsewhere"),
        "/elsewhere" => rules(),
        "/" => page(&["/private/b"]),
        _ => ResponseTemplate::new(404),
    });
    let crawled = crawl([site.url("/")], |_| {});
    assert_eq!(crawled.told().len(), 2, "{:#?}", crawled.told());
    assert!(!site.requests().contains(&"/private/b".to_owned()));
}

#[test]
fn robots_txt_behind_six_redirects_counts_as_absent() {
    for (hops, is_read) in [(5, true), (6, false), (30, false)] {
        let site = Site::with(move |target, _| {
            let hop = target.strip_prefix("/hop").and_then(|hop| hop.parse::<u32>().ok());
            match (target, hop) {
                ("/robots.txt", _) => redirect("/hop1"),
                (_, Some(hop)) if hop < hops => redirect(&format!("/hop{}", hop + 1)),
                (_, Some(_)) => rules(),
                ("/", _) => page(&["/private/b"]),
                _ => page(&[]),
            }
        });
        let crawled = crawl([site.url("/")], |config| config.crawl.sitemap = fetchall::config::Sitemaps::Off);
        assert_eq!(!site.requests().contains(&"/private/b".to_owned()), is_read, "{hops}: {:#?}", crawled.told());
    }
}

#[test]
fn the_crawl_delay_of_a_host_is_kept() {
    let site = Site::with(|target, _| match target {
        "/robots.txt" => file("text/plain", "User-agent: fetchall\nCrawl-delay: 0.2\n"),
        "/" => page(&["/a", "/b", "/c"]),
        _ => page(&[]),
    });
    let began = Instant::now();
    crawl([site.url("/")], |config| config.crawl.sitemap = fetchall::config::Sitemaps::Off);
    assert!(began.elapsed() >= Duration::from_millis(600), "{:?}", began.elapsed());
}

#[test]
fn a_host_that_never_answers_ends_with_every_page_skipped() {
    let other = Site::with_on([127, 0, 0, 3].into(), |_, _| page(&[]).set_delay(Duration::from_secs(60)));
    let there = other.url("/x");
    let site = Site::with(move |target, _| match target {
        "/" => page(&["/a", &there]),
        _ => page(&[]),
    });
    let crawled = crawl([site.url("/")], |config| {
        config.crawl.scope = fetchall::model::ScopeKind::Any;
        config.read_timeout = Duration::from_millis(300);
    });
    let told = crawled.told();
    assert!(told.contains(&"/a ok".to_owned()), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("/x skipped robots (robots.txt: ")), "{told:#?}");
}

#[test]
fn a_dry_run_asks_no_server() {
    let site = Site::start([("/", page(&["/a"]))]);
    let crawled = crawl([site.url("/")], |config| config.dry_run = true);
    assert_eq!((crawled.told(), site.requests().len()), (vec!["/ skipped dry_run".to_owned()], 0));
}
