//! Which links of a page lead on.

use super::site::{Site, crawl, file, html, page};
use crate::support::BACKENDS;
use fetchall::config::{Key, Raw};
use fetchall::model::{Kind, Via};

#[test]
fn every_page_of_a_site_is_fetched_once_on_every_backend() {
    for backend in BACKENDS {
        let site = Site::start([
            ("/", page(&["a", "b", "/a#part", "./a"])),
            ("/a", page(&["/", "b", "c/"])),
            ("/b", page(&["missing"])),
            ("/c/", page(&["d?x=1", "d?x=2", "../a"])),
            ("/c/d?x=1", page(&[])),
            ("/c/d?x=2", page(&["#top", "mailto:a@b.test", "javascript:void(0)"])),
        ]);
        let crawled = crawl([site.url("/")], |config| {
            Key::named("backend").unwrap().set(config, Raw::String(backend)).unwrap();
        });
        let expected = ["/", "/a", "/b", "/c/", "/c/d?x=1", "/c/d?x=2", "/missing"];
        assert_eq!(site.pages(), expected, "{backend}");
        assert_eq!(crawled.outcomes.len(), expected.len(), "{backend}");
        assert_eq!((crawled.end.summary.counts.ok, crawled.end.summary.counts.http_error), (6, 1), "{backend}");
        assert!(crawled.end.summary.input_complete);
    }
}

#[test]
fn an_outcome_tells_the_way_to_its_page() {
    let site = Site::start([("/", page(&["x", "a"])), ("/a", page(&["b"])), ("/b", html("<title>A  B</title>"))]);
    let crawled = crawl([site.url("/")], |_| {});
    let seed = crawled.of("/b").subject.seed().unwrap().clone();
    assert_eq!((seed.depth, seed.kind), (2, Kind::Page));
    assert_eq!(seed.via.parent().map(|parent| parent.to_string()), Some(site.url("/a")));
    assert!(matches!(&crawled.of("/a").subject.seed().unwrap().via, Via::Link(origin) if origin.line == 2));
    assert!(matches!(crawled.outcomes[0].subject.seed().unwrap().via, Via::Start(_)));
    let links = crawled.of("/b").facts.found.links.clone().unwrap();
    assert_eq!(links.title.as_deref(), Some("A B"));
}

#[test]
fn what_a_page_needs_is_fetched_on_demand_only() {
    let site = || {
        Site::start([
            ("/d/", html("<link rel=stylesheet href=s.css><img src=/i.png srcset='/j.png 2x'><a href=p>p</a>")),
            ("/d/s.css", file("text/css", "@import 't.css'; body { background: url(/k.png) }")),
            ("/d/t.css", file("text/css", "a { background: url(l.png) }")),
            ("/d/p", page(&[])),
        ])
    };
    let plain = site();
    crawl([plain.url("/d/")], |_| {});
    assert_eq!(plain.pages(), ["/d/", "/d/p"]);
    let whole = site();
    let crawled = crawl([whole.url("/d/")], |config| config.crawl.requisites = true);
    let expected = ["/d/", "/d/l.png", "/d/p", "/d/s.css", "/d/t.css", "/i.png", "/j.png", "/k.png"];
    assert_eq!(whole.pages(), expected);
    assert_eq!(crawled.of("/k.png").subject.seed().unwrap().kind, Kind::Requisite);
}

#[test]
fn links_of_error_pages_are_not_followed() {
    let not_found = html("<a href=/b>b</a>").set_body_raw("<a href=/b>b</a>", "text/html");
    let missing = wiremock::ResponseTemplate::new(404).set_body_raw("<a href=/b>b</a>", "text/html");
    let site = Site::start([("/", page(&["/a"])), ("/a", missing), ("/b", not_found)]);
    crawl([site.url("/")], |_| {});
    assert_eq!(site.pages(), ["/", "/a"]);
}

#[test]
fn a_user_in_a_link_is_not_sent() {
    let site = Site::with(|target, request| {
        assert!(!request.headers.contains_key("authorization"), "{request:?}");
        let host = request.headers["host"].to_str().unwrap();
        if target == "/" { page(&[&format!("http://ann:pw@{host}/a")]) } else { page(&[]) }
    });
    let crawled = crawl([site.url("/")], |_| {});
    assert_eq!(crawled.told(), ["/ ok", "/a ok", "/sitemap.xml ok"]);
}

#[test]
fn pages_that_forbid_it_are_not_followed() {
    let site = || {
        Site::start([
            ("/", html("<a href=a>a</a><a rel=nofollow href=b>b</a><a href=c>c</a>")),
            ("/a", html("<meta name=robots content='noindex, nofollow'><a href=x>x</a>")),
            ("/c", page(&["y"]).insert_header("x-robots-tag", "nofollow")),
        ])
    };
    let obeyed = site();
    crawl([obeyed.url("/")], |_| {});
    assert_eq!(obeyed.pages(), ["/", "/a", "/c"]);
    let ignored = site();
    crawl([ignored.url("/")], |config| config.crawl.ignore_nofollow = true);
    assert_eq!(ignored.pages(), ["/", "/a", "/b", "/c", "/x", "/y"]);
}

#[test]
fn a_list_fetches_what_its_pages_need_and_follows_no_link() {
    let site = Site::start([
        ("/a", html("<img src=/i.png><a href=/b>b</a>")),
        ("/old", super::site::redirect("/a2")),
        ("/a2", html("<img src=/i.png><img src=/j.png>")),
    ]);
    let crawled = crawl([site.url("/a"), site.url("/old")], |config| {
        *config = fetchall::config::Config { retry: 0, ..Default::default() };
        config.crawl.requisites = true;
    });
    assert_eq!(site.requests(), ["/a", "/a2", "/i.png", "/j.png", "/old"]);
    assert!(crawled.end.summary.crawl.is_none());
    assert!(matches!(crawled.of("/a").subject.via(), Via::List(_)));
}

#[test]
fn a_list_obeys_robots_txt_on_demand() {
    let site =
        Site::start([("/robots.txt", file("text/plain", "User-agent: *\nDisallow: /no")), ("/yes", page(&["/x"]))]);
    let crawled = crawl([site.url("/yes"), site.url("/no")], |config| {
        *config = fetchall::config::Config { retry: 0, ..Default::default() };
        config.crawl.robots = fetchall::model::RobotsMode::Obey;
    });
    assert_eq!(site.requests(), ["/robots.txt", "/yes"]);
    assert_eq!(crawled.told(), ["/no skipped robots (robots.txt:2: Disallow: /no)", "/yes ok"]);
}

#[test]
fn only_pages_of_wanted_types_are_saved() {
    let site = Site::start([("/", page(&["/t.txt", "/u"])), ("/t.txt", file("text/plain", "t")), ("/u", page(&[]))]);
    let folder = tempfile::tempdir().unwrap();
    let crawled = crawl([site.url("/")], |config| {
        config.dir = Some(folder.path().to_owned());
        config.crawl.page_types = vec!["text/p*".to_owned()];
    });
    let saved: Vec<_> = crawled.outcomes.iter().filter(|outcome| outcome.facts.path.is_some()).collect();
    assert_eq!(saved.len(), 1, "{:#?}", crawled.told());
    assert!(saved[0].subject.url().ends_with("/t.txt"));
}
