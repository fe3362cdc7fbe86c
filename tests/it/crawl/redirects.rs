//! Redirects of a crawl: each target passes the set of URLs seen, the scope and robots.txt.

use super::site::{Site, crawl, page, redirect};
use fetchall::model::ScopeKind;

#[test]
fn the_target_of_a_redirect_is_fetched_once() {
    let site = Site::start([
        ("/", page(&["a", "b", "c"])),
        ("/a", redirect("/c")),
        ("/b", redirect("/x")),
        ("/c", page(&["d"])),
        ("/x", page(&["y", "/x"])),
    ]);
    let crawled = crawl([site.url("/")], |config| {
        config.concurrency = fetchall::config::Concurrency::Fixed(1.try_into().unwrap())
    });
    assert_eq!(site.pages(), ["/", "/a", "/b", "/c", "/d", "/x", "/y"]);
    let told = crawled.told();
    assert!(told.contains(&"/a skipped duplicate (seen before)".to_owned()), "{told:#?}");
    assert_eq!(crawled.of("/a").facts.final_url.as_ref().unwrap().as_str(), site.url("/c"));
    assert!(told.contains(&"/b ok".to_owned()), "{told:#?}");
}

#[test]
fn redirects_out_of_scope_and_in_circles_end() {
    let site = Site::start([
        ("/d/", page(&["a", "b", "self"])),
        ("/d/a", redirect("/e")),
        ("/d/b", redirect("/d/c")),
        ("/d/c", redirect("/d/b")),
        ("/d/self", redirect("/d/self")),
    ]);
    let crawled = crawl([site.url("/d/")], |_| {});
    let told = crawled.told();
    assert!(told.iter().any(|line| line.starts_with("/d/a skipped scope (scope prefix")), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("/d/b failed")), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("/d/self failed")), "{told:#?}");
    assert!(!site.pages().contains(&"/e".to_owned()));
}

#[test]
fn the_redirect_of_a_start_moves_the_scope() {
    let site = Site::start([("/old/", redirect("/new/")), ("/new/", page(&["a", "/other"])), ("/new/a", page(&[]))]);
    let crawled = crawl([site.url("/old/")], |_| {});
    assert_eq!(site.pages(), ["/new/", "/new/a", "/old/"]);
    assert_eq!(crawled.told(), ["/new/a ok", "/old/ ok"]);
}

#[test]
fn a_host_behind_a_redirect_has_its_own_robots_txt() {
    let other = Site::with_on([127, 0, 0, 2].into(), |target, _| match target {
        "/robots.txt" => super::site::file("text/plain", "User-agent: *\nDisallow: /no"),
        _ => page(&[]),
    });
    let (yes, no) = (other.url("/yes"), other.url("/no"));
    let site = Site::with(move |target, _| match target {
        "/" => page(&["a", "b"]),
        "/a" => redirect(&yes),
        "/b" => redirect(&no),
        _ => wiremock::ResponseTemplate::new(404),
    });
    let crawled = crawl([site.url("/")], |config| config.crawl.scope = ScopeKind::Any);
    assert_eq!(other.requests(), ["/robots.txt", "/yes"]);
    assert!(
        crawled.told().contains(&"/b skipped robots (robots.txt:2: Disallow: /no)".to_owned()),
        "{:#?}",
        crawled.told()
    );
}
