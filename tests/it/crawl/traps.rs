//! Sites without an end, and pages that want to break a crawler.

use std::collections::BTreeSet;

use super::site::{Site, crawl, html, page};
use fetchall::model::ScopeKind;

const PAGES: u64 = 2000;

/// Five kinds of traps around 2,000 true pages: a calendar, a path that repeats itself, facets, session ids and a folder
/// without a floor. Returns the site and the true pages.
fn trapped() -> (Site, BTreeSet<String>) {
    let truth = (0..PAGES).map(|n| format!("/page/{n}.html")).chain(["/".to_owned()]).collect();
    let site = Site::with(|target, _| {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let number = |text: &str| text.parse::<u64>().ok();
        if let Some(n) = path.strip_prefix("/page/").and_then(|n| number(n.strip_suffix(".html")?)) {
            let text = format!("<p>The story of {}</p>", format!("w{:x} ", n * 7919).repeat(n as usize % 17 + 3));
            let (one, other) = ((n * 2 + 1) % PAGES, (n * 2 + 2) % PAGES);
            return html(&format!(
                "{text}<a href='{one}.html'>1</a><a href='{other}.html'>2</a><a href='/cal?month=1'>c</a>
                <a href='loop/x/'>l</a><a href='/facet?a=1'>f</a><a href='/s/1.html?sid={n:08x}'>s</a><a href='/deep/'>d</a>"
            ));
        }
        if path == "/" {
            return page(&["/page/0.html"]);
        }
        if path == "/cal" {
            let month = query.rsplit('=').next().and_then(number).unwrap_or(0);
            let (before, next) = (month.saturating_sub(1), month + 1);
            return html(&format!(
                "Events of {month}<a href='?month={next}'>next</a><a href='?month={before}'>last</a>"
            ));
        }
        if path.contains("loop/") {
            return html("<p>loop</p><a href='loop/x/'>again</a><a href='x/loop/'>and again</a>");
        }
        if path == "/facet" {
            let facet = |one: &str| format!("<a href='/facet?{query}&{one}'>{one}</a>");
            return html(&["b=1", "c=2", "a=3"].map(facet).concat());
        }
        if path.starts_with("/s/") {
            let sid = query.bytes().fold(7_u64, |sid, byte| sid.wrapping_mul(31).wrapping_add(u64::from(byte)));
            return html(&format!("Session page <a href='{path}?sid={sid:08x}'>reload</a>"));
        }
        html("deep <a href='a/'>deeper</a><a href='b/'>deeper</a>")
    });
    (site, truth)
}

#[test]
fn a_crawl_ends_by_itself_and_misses_no_true_page() {
    let (site, truth) = trapped();
    let crawled = crawl([site.url("/")], |config| config.per_host = 16.try_into().ok());
    let pages: BTreeSet<_> = site.pages().into_iter().collect();
    let missing: Vec<_> = truth.difference(&pages).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let waste = pages.len() - truth.len();
    assert!(waste < pages.len() / 20, "{waste} requests into traps");
    assert!(crawled.end.summary.input_complete);
}

#[test]
fn numbered_pages_that_look_alike_are_no_trap() {
    let site = Site::with(|target, _| {
        let n: u32 = target.strip_prefix("/p/").and_then(|n| n.parse().ok()).unwrap_or(0);
        let links: String = (1..=20).map(|k| format!("<a href='/p/{}'>page {0}</a>", (n + k) % 400)).collect();
        html(&format!("<h1>Page {n}</h1>{links}"))
    });
    let crawled = crawl([site.url("/p/0")], |config| {
        config.per_host = None;
        config.crawl.sitemap = fetchall::config::Sitemaps::Off;
    });
    assert_eq!(crawled.outcomes.len(), 400, "{:?}", crawled.end.summary);
}

#[test]
fn a_gallery_and_a_long_list_of_numbers_are_no_traps() {
    let site = Site::with(|target, _| {
        let number = |folder: &str| target.strip_prefix(folder).and_then(|n| n.parse::<u32>().ok());
        let around = |n: u32| format!("<a href='{}'>next</a><a href='{}'>last</a>", n + 1, n.saturating_sub(1));
        match (number("/photo/"), number("/list/"), number("/item/")) {
            (Some(n @ ..60), _, _) => html(&format!("A photo of the sea <img src='/i/{n}.jpg'>{}", around(n))),
            (_, Some(n @ ..60), _) => {
                let items: String =
                    (0..5).map(|k| n * 5 + k).map(|k| format!("<a href='/item/{k}'>{k}</a> ")).collect();
                html(&format!("All numbers of the catalogue in a list {items}{}", around(n)))
            }
            (_, _, Some(n)) => html(&format!("w{:x} ", n * 7919).repeat(n as usize % 7 + 3)),
            _ if target == "/" => page(&["/photo/0", "/list/0"]),
            _ => wiremock::ResponseTemplate::new(404),
        }
    });
    let crawled = crawl([site.url("/")], |config| config.per_host = None);
    // The start page, two lists of sixty, and the items.
    assert_eq!(crawled.end.summary.counts.ok, 1 + 60 + 60 + 300, "{:#?}", crawled.end.summary);
}

#[test]
fn links_beyond_the_limits_are_counted_and_named() {
    let site = Site::with(|target, _| match target {
        "/d/" => html(&((0..15_000).map(|n| format!("<a href='/out/{n}'>")).collect::<String>() + "<a href=last>")),
        "/d/last" => html(&(0..12).map(|n| format!("<a href='x{n}'>")).collect::<String>()),
        "/d/x0" => html(&(0..50_100).map(|n| format!("<a href='/out/{n}'>")).collect::<String>()),
        _ => page(&[]),
    });
    let crawled = crawl([site.url("/d/")], |config| {
        config.crawl.sitemap = fetchall::config::Sitemaps::Off;
        config.crawl.traps.as_mut().unwrap().max_page_links = 10;
    });
    assert_eq!(crawled.outcomes.len(), 12, "only links that are followed count: {:#?}", crawled.told());
    let traps = crawled.end.summary.crawl.unwrap().traps;
    let named: Vec<_> = traps.iter().map(|(rule, trap)| (&**rule, trap.links)).collect();
    assert_eq!(named, [("max_page_links 10", 2), ("unread_links", 1)]);
    assert!(traps["unread_links"].first.ends_with("/d/x0"), "{traps:?}");
}

#[test]
fn a_trap_that_is_found_late_is_named_in_the_summary() {
    let site = Site::with(|target, _| match target {
        "/" => {
            page(&(0..60).map(|n| format!("/list?p{n}=1")).collect::<Vec<_>>().iter().map(|l| &**l).collect::<Vec<_>>())
        }
        _ => html("nothing found"),
    });
    let crawled = crawl([site.url("/")], |config| config.crawl.sitemap = fetchall::config::Sitemaps::Off);
    let summary = &crawled.end.summary;
    let skipped = summary.counts.skipped;
    assert!(skipped > 20, "{:#?}", crawled.told());
    let traps = &summary.crawl.as_ref().unwrap().traps;
    assert_eq!(traps.get("equal_query_variants 8").map(|trap| trap.links), Some(skipped), "{traps:?}");
}

#[test]
fn a_page_of_many_links_and_deep_tags_is_read() {
    let site = Site::with(|target, _| match target {
        "/" => {
            let links: String = (0..20_000).map(|n| format!("<a href='/x/{n}'>")).collect();
            html(&(links + &"<div>".repeat(5000) + "<a href='/last'>last</a>"))
        }
        _ => page(&[]),
    });
    let crawled = crawl([site.url("/")], |config| {
        config.crawl.max_pages = Some(50);
        config.crawl.scope = ScopeKind::Host;
        config.per_host = None;
    });
    assert_eq!(crawled.end.summary.counts.ok, 50 + 1, "the pages and the usual sitemap");
}
