//! How far a crawl goes.

use std::time::Duration;

use fetchall::model::{HostPattern, ScopeKind};

use super::site::{Site, crawl, file, page, redirect};

fn site() -> Site {
    Site::start([
        ("/d/", page(&["a", "/e/", "http://localhost:1/"])),
        ("/d/a", page(&["b/c"])),
        ("/d/b/c", page(&["/d/"])),
        ("/e/", page(&["/f"])),
        ("/f", page(&[])),
    ])
}

#[test]
fn a_crawl_stays_in_the_folder_of_its_start() {
    for start in ["/d/", "/d/a"] {
        let site = site();
        crawl([site.url(start)], |_| {});
        assert_eq!(site.pages(), ["/d/", "/d/a", "/d/b/c"], "{start}");
    }
}

#[test]
fn other_scopes_are_wider_or_narrower() {
    let all = ["/d/", "/d/a", "/d/b/c", "/e/", "/f"];
    for (scope, expected) in [(ScopeKind::Page, &all[..1]), (ScopeKind::Host, &all), (ScopeKind::Domain, &all)] {
        let site = site();
        crawl([site.url("/d/")], |config| config.crawl.scope = scope);
        assert_eq!(site.pages(), expected, "{scope:?}");
    }
}

#[test]
fn several_starts_have_one_scope() {
    let site = site();
    let crawled = crawl([site.url("/e/"), site.url("/d/")], |_| {});
    assert_eq!(site.pages(), ["/d/", "/d/a", "/d/b/c", "/e/"]);
    assert_eq!(crawled.outcomes.len(), 4);
}

#[test]
fn filters_are_asked_about_each_link() {
    let site = site();
    crawl([site.url("/d/")], |config| {
        config.crawl.scope = ScopeKind::Host;
        config.crawl.exclude = vec!["/b/".to_owned()];
        config.crawl.include = vec!["/d/".to_owned(), "/e/".to_owned()];
    });
    assert_eq!(site.pages(), ["/d/", "/d/a", "/e/"]);
}

#[test]
fn more_hosts_are_named() {
    let other = Site::with_on([127, 0, 0, 2].into(), |target, _| if target == "/x" { page(&["y"]) } else { page(&[]) });
    let there = other.url("/x");
    let first = Site::with(move |target, _| if target == "/" { page(&[&there]) } else { page(&[]) });
    crawl([first.url("/")], |_| {});
    assert_eq!(other.requests(), [""; 0]);
    crawl([first.url("/")], |config| {
        config.crawl.span_hosts = vec![HostPattern::parse(&other.host()).unwrap()];
    });
    assert_eq!(other.pages(), ["/x", "/y"]);
}

#[test]
fn depth_is_the_shortest_way() {
    // The short way to /c is behind a slow page, the long one is fast.
    let site = Site::with(|target, _| match target {
        "/" => page(&["slow", "a"]),
        "/slow" => page(&["c"]).set_delay(Duration::from_millis(300)),
        "/a" => page(&["b"]),
        "/b" => page(&["c"]),
        "/c" => page(&["d"]),
        _ => page(&[]),
    });
    let crawled = crawl([site.url("/")], |config| config.crawl.depth = Some(3));
    assert_eq!(crawled.of("/c").subject.seed().unwrap().depth, 2);
    assert!(site.pages().contains(&"/d".to_owned()), "{:?}", site.pages());
    for (depth, expected) in [(0, 1), (1, 3), (2, 5)] {
        let crawled = crawl([site.url("/")], |config| {
            config.crawl.depth = Some(depth);
            config.crawl.sitemap = fetchall::config::Sitemaps::Off;
        });
        assert_eq!(crawled.outcomes.len(), expected, "{:?}", crawled.told());
    }
}

#[test]
fn a_redirect_may_be_the_shortest_way() {
    // A link has found /t before the redirects answer.
    let site = Site::with(|target, _| match target {
        "/" => page(&["a", "r", "s"]),
        "/a" => page(&["t"]),
        "/r" => redirect("/t").set_delay(Duration::from_millis(200)),
        "/s" => redirect("/t").set_delay(Duration::from_millis(300)),
        "/t" => page(&["u"]),
        _ => page(&[]),
    });
    let crawled = crawl([site.url("/")], |config| {
        config.crawl.depth = Some(2);
        config.crawl.sitemap = fetchall::config::Sitemaps::Off;
    });
    assert_eq!(crawled.of("/u").subject.seed().unwrap().depth, 2);
    assert_eq!(site.pages().iter().filter(|target| *target == "/t").count(), 1);
    let told = crawled.told();
    assert!(
        told.contains(&"/r ok".to_owned()) && told.contains(&"/s skipped duplicate (seen before)".to_owned()),
        "{told:#?}"
    );
    assert_eq!(told.len(), 5, "{told:#?}");
}

#[test]
fn a_crawl_has_no_more_pages_than_it_may() {
    let site = Site::with(|target, _| {
        let n: u32 = target.trim_start_matches('/').parse().unwrap_or(0);
        page(&[&format!("{}", n * 2 + 1), &format!("{}", n * 2 + 2)])
    });
    let crawled = crawl([site.url("/")], |config| {
        config.crawl.max_pages = Some(20);
        config.crawl.sitemap = fetchall::config::Sitemaps::Off;
    });
    assert_eq!((site.pages().len(), crawled.outcomes.len()), (20, 20));
}

#[test]
fn urls_that_are_no_pages_do_not_use_up_the_limit() {
    let site = Site::with(|target, _| match target {
        "/robots.txt" => file("text/plain", "User-agent: *\nDisallow: /no/\n"),
        "/" => {
            let links = ["no", "go", "p"].map(|folder| (0..30).map(move |n| format!("/{folder}/{n}")));
            let links: Vec<_> = links.into_iter().flatten().collect();
            page(&links.iter().map(String::as_str).collect::<Vec<_>>())
        }
        _ if target.starts_with("/go/") => redirect(&target.replace("go", "p")),
        _ => page(&[]),
    });
    for concurrency in [1_u32, 16] {
        let crawled = crawl([site.url("/")], |config| {
            config.crawl.max_pages = Some(20);
            config.crawl.sitemap = fetchall::config::Sitemaps::Off;
            config.concurrency = fetchall::config::Concurrency::Fixed(concurrency.try_into().unwrap());
            config.per_host = None;
        });
        assert_eq!(crawled.end.summary.counts.ok, 20, "{concurrency}: {:#?}", crawled.told());
    }
}
