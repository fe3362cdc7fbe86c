//! A crawl that goes on, and one that visits its pages again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fetchall::config::{Config, Sitemaps};
use wiremock::ResponseTemplate;

use super::site::{Crawled, Site, crawl, file, html, page, redirect};
use crate::support::cli::Fetchall;

/// A site with redirects, missing pages, requisites, a page that is only followed, and robots rules.
fn answer(target: &str) -> ResponseTemplate {
    match target {
        "/robots.txt" => file("text/plain", "User-agent: *\nDisallow: /private\n"),
        "/" => page(&["/a", "/b/", "/go", "/private", "/gone"]),
        "/a" => html("<img src=/i.png><a href=/b>b</a><a href=/c>c</a>"),
        "/b" => redirect("/b/"),
        "/b/" => page(&["x.html", "/"]),
        "/b/x.html" => page(&["/last"]),
        "/go" => redirect("/target"),
        "/target" => page(&["/behind"]),
        "/c" | "/last" | "/behind" => page(&["/target", "/"]),
        "/i.png" => file("image/png", "png"),
        _ => ResponseTemplate::new(404),
    }
}

fn set(config: &mut Config, dir: &Path) {
    config.dir = Some(dir.to_owned());
    config.crawl.requisites = true;
    config.crawl.sitemap = Sitemaps::Off;
}

pub(super) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            if name.starts_with(".fetchall") {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { drop(files.insert(name, std::fs::read(&path).unwrap())) }
        }
    }
    files
}

fn urls(crawled: &Crawled) -> BTreeSet<String> {
    crawled.outcomes.iter().map(|outcome| outcome.subject.url().to_owned()).collect()
}

#[test]
fn a_crawl_that_is_done_asks_only_for_what_failed() {
    let site = Site::with(|target, _| answer(target));
    let folder = tempfile::tempdir().unwrap();
    let first = crawl([site.url("/")], |config| set(config, folder.path()));
    let (before, files) = (site.requests().len(), tree(folder.path()));
    let again = crawl([site.url("/")], |config| set(config, folder.path()));
    assert_eq!(urls(&again), urls(&first));
    let new = site.requests().len() - before;
    assert_eq!(new, 1, "the missing page alone: {:#?}", again.told());
    assert_eq!(tree(folder.path()), files);
}

#[test]
fn redirects_that_were_not_followed_have_the_same_records_again() {
    let site = Site::with(|target, _| match target {
        "/d/" => page(&["a", "b", "out", "picture", "same"]),
        "/d/a" => page(&[]),
        "/d/same" => redirect("/d/a"),
        "/d/out" => redirect("/e"),
        "/d/picture" => redirect("/d/x.png"),
        _ => ResponseTemplate::new(404),
    });
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        let crawled = crawl([site.url("/d/")], |config| {
            set(config, folder.path());
            config.crawl.reject = vec!["png".to_owned()];
        });
        let told: Vec<_> = crawled.told().into_iter().filter(|line| !line.contains(" done")).collect();
        (told, crawled.end.summary.crawl.unwrap())
    };
    let (first, again) = (run(), run());
    let expected = ["out skipped scope (", "picture skipped type (", "same skipped duplicate"];
    for part in expected {
        assert!(first.0.iter().any(|line| line.contains(part)), "{part}: {:#?}", first.0);
    }
    let redirects = |told: &[String]| told.iter().filter(|line| line.contains("skipped")).cloned().collect::<Vec<_>>();
    assert_eq!(redirects(&again.0), redirects(&first.0));
    assert_eq!(again.1.pages_by_depth, first.1.pages_by_depth);
}

#[test]
fn start_pages_that_link_to_each_other_are_fetched_once() {
    let site = Site::with(|target, _| match target {
        "/" | "/p1" => page(&["/p0", "/p1", "/p2"]),
        _ => page(&["/"]),
    });
    let folder = tempfile::tempdir().unwrap();
    let starts = || ["/", "/p0", "/p1"].map(|path| site.url(path));
    crawl(starts(), |config| set(config, folder.path()));
    let files = tree(folder.path());
    assert_eq!((site.pages().len(), files.len()), (4, 4));
    let again = crawl(starts(), |config| set(config, folder.path()));
    let expected = ["/ skipped done", "/p0 skipped done", "/p1 skipped done", "/p2 skipped done"];
    assert_eq!(again.told(), expected);
    assert_eq!((site.pages().len(), tree(folder.path())), (4, files));
}

#[test]
fn a_limit_of_pages_holds_for_all_runs_together() {
    let site = Site::with(|target, _| {
        let n: u32 = target.trim_start_matches('/').parse().unwrap_or(0);
        // The pages of the first run are not the first ones of the second.
        let delay = if n % 3 == 1 { 60 } else { 0 };
        page(&[&format!("/{}", n * 2 + 1), &format!("/{}", n * 2 + 2)])
            .set_delay(std::time::Duration::from_millis(delay))
    });
    let folder = tempfile::tempdir().unwrap();
    let run = |most| {
        let crawled = crawl([site.url("/0")], |config| {
            set(config, folder.path());
            config.crawl.max_pages = Some(most);
        });
        assert_eq!(crawled.end.summary.crawl.unwrap().pages(), most);
        (site.pages().len() as u64, tree(folder.path()).len() as u64)
    };
    assert_eq!(run(40), (40, 40));
    assert_eq!(run(40), (40, 40));
    assert_eq!(run(60), (60, 60));
}

#[test]
fn a_list_with_a_page_and_its_picture_fetches_both_once() {
    let site = Site::with(|target, _| match target {
        "/a" => html("<img src=/i.png><img src=/j.png>"),
        _ => file("image/png", "png"),
    });
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let run = Fetchall::new()
            .args(["--quiet", "--json", "-p", "--dir", folder.path().to_str().unwrap()])
            .args(["/a", "/i.png"].map(|path| site.url(path)))
            .run()
            .expect_code(0);
        assert_eq!(run.records().len(), 3, "{}", run.stdout);
        assert_eq!((site.requests().len(), tree(folder.path()).len()), (3, 3), "{:?}", site.requests());
    }
}

#[test]
fn pages_of_another_type_than_wanted_are_done_too() {
    let site = Site::with(|target, _| answer(target));
    let folder = tempfile::tempdir().unwrap();
    let run = |types: &str| {
        crawl([site.url("/")], |config| {
            set(config, folder.path());
            config.crawl.page_types = vec![types.to_owned()];
        })
    };
    let first = run("application/pdf");
    assert_eq!(tree(folder.path()).keys().filter(|name| !name.ends_with("png")).count(), 0);
    let before = site.requests().len();
    assert_eq!(urls(&run("application/pdf")), urls(&first));
    assert_eq!(site.requests().len() - before, 1, "the missing page alone");
    run("text/*");
    assert!(tree(folder.path()).len() > 5, "pages of a type that is wanted now are saved: {:#?}", tree(folder.path()));
}

#[test]
fn a_refresh_reports_no_page_below_one_that_fails_as_removed() {
    let fails = Arc::new(AtomicBool::new(false));
    let failing = fails.clone();
    let site = Site::with(move |target, _| match target {
        "/" if failing.load(Ordering::Relaxed) => ResponseTemplate::new(503),
        "/" => page(&["/a", "/b"]),
        "/a" => page(&["/c"]),
        _ => page(&[]),
    });
    let folder = tempfile::tempdir().unwrap();
    let refresh = |more: &[&str]| {
        let run = Fetchall::new()
            .args(["crawl", "--quiet", "--refresh", "--retry", "0", "--sitemap", "off", "--changes", "changes"])
            .args(["--dir", folder.path().to_str().unwrap(), &site.url("/")])
            .args(more)
            .run();
        let changes: serde_json::Value = serde_json::from_slice(&run.read("changes")).unwrap();
        serde_json::json!(["added", "removed", "failed", "complete"].map(|name| changes[name].clone()))
    };
    assert_eq!(refresh(&[]), serde_json::json!([4, 0, 0, true]));
    fails.store(true, Ordering::Relaxed);
    assert_eq!(refresh(&[]), serde_json::json!([0, 0, 1, true]));
    fails.store(false, Ordering::Relaxed);
    let limited = refresh(&["--max-pages", "2"]);
    assert_eq!((&limited[1], &limited[3]), (&0.into(), &false.into()), "the crawl did not look at all pages");
}

#[test]
fn a_crawl_goes_on_wherever_it_stopped() {
    let site = Site::with(|target, _| answer(target));
    let whole = tempfile::tempdir().unwrap();
    let all = crawl([site.url("/")], |config| set(config, whole.path()));
    let folder = tempfile::tempdir().unwrap();
    for most in 1..12 {
        let part = crawl([site.url("/")], |config| {
            set(config, folder.path());
            config.crawl.max_pages = Some(most);
        });
        assert!(urls(&part).is_subset(&urls(&all)));
    }
    let last = crawl([site.url("/")], |config| set(config, folder.path()));
    assert_eq!(urls(&last), urls(&all));
    assert_eq!(tree(folder.path()), tree(whole.path()));
}

#[test]
fn a_refresh_follows_the_links_of_pages_that_are_not_modified() {
    let site = Site::with(|target, request| {
        let tag = "\"1\"";
        let is_known = request.headers.get("if-none-match").is_some_and(|value| value == tag);
        match (target, is_known) {
            ("/new", _) => page(&[]),
            (_, true) => ResponseTemplate::new(304),
            _ => answer(target).insert_header("etag", tag),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let first = crawl([site.url("/")], |config| set(config, folder.path()));
    let again = crawl([site.url("/")], |config| {
        set(config, folder.path());
        config.refresh = true;
    });
    assert_eq!(urls(&again), urls(&first), "{:#?}", again.told());
    let told = again.told();
    assert!(told.contains(&"/last skipped not_modified".to_owned()), "{told:#?}");
}

#[test]
fn a_file_that_no_state_knows_is_read_for_its_links() {
    let site = Site::with(|target, request| match request.headers.contains_key("if-modified-since") {
        true => ResponseTemplate::new(304),
        false => answer(target),
    });
    let folder = tempfile::tempdir().unwrap();
    let first = crawl([site.url("/")], |config| set(config, folder.path()));
    std::fs::remove_dir_all(folder.path().join(".fetchall")).unwrap();
    let again = crawl([site.url("/")], |config| {
        set(config, folder.path());
        config.refresh = true;
    });
    assert_eq!(again.told(), first.told());
}

#[test]
fn a_page_that_was_only_followed_is_saved_once_it_is_wanted() {
    let site = Site::with(|target, _| answer(target));
    let folder = tempfile::tempdir().unwrap();
    crawl([site.url("/")], |config| {
        set(config, folder.path());
        config.crawl.reject = vec!["html".to_owned()];
    });
    assert!(!tree(folder.path()).keys().any(|name| name.ends_with("x.html")));
    crawl([site.url("/")], |config| set(config, folder.path()));
    assert!(tree(folder.path()).keys().any(|name| name.ends_with("x.html")), "{:?}", tree(folder.path()).keys());
}

#[test]
fn a_crawl_that_goes_on_has_the_scope_of_its_redirected_start() {
    let site = Site::with(|target, _| match target {
        "/start/" => redirect("/moved/"),
        "/moved/" => redirect("/docs/"),
        "/docs/" => page(&["a", "/moved/b", "/elsewhere"]),
        "/docs/a" | "/moved/b" | "/elsewhere" => page(&[]),
        _ => ResponseTemplate::new(404),
    });
    let folder = tempfile::tempdir().unwrap();
    let first = crawl([site.url("/start/")], |config| {
        set(config, folder.path());
        config.crawl.max_pages = Some(1);
    });
    assert_eq!(first.end.summary.counts.ok, 1, "{:#?}", first.told());
    crawl([site.url("/start/")], |config| set(config, folder.path()));
    let mut pages = site.pages();
    pages.dedup();
    assert_eq!(pages, ["/docs/", "/docs/a", "/moved/", "/moved/b", "/start/"]);
}

#[test]
fn a_stored_robots_txt_still_has_its_delay_and_sitemaps() {
    const DELAY: f64 = 0.2;
    let is_up = Arc::new(AtomicBool::new(false));
    let site = Site::with({
        let is_up = Arc::clone(&is_up);
        move |target, _| match target {
            "/robots.txt" => file("text/plain", &format!("User-agent: *\nCrawl-delay: {DELAY}\n")),
            "/sitemap.xml" if is_up.load(Ordering::SeqCst) => {
                file("text/xml", "<urlset><url><loc>/only</loc></url><url><loc>/more</loc></url></urlset>")
            }
            "/" | "/only" | "/more" => page(&[]),
            _ => ResponseTemplate::new(503),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        crawl([site.url("/")], |config| {
            config.dir = Some(folder.path().to_owned());
            config.retry = 0;
        })
    };
    run();
    is_up.store(true, Ordering::SeqCst);
    let again = run();
    assert_eq!(site.pages(), ["/", "/more", "/only"], "{:#?}", again.told());
    assert_eq!(site.requests().iter().filter(|target| *target == "/robots.txt").count(), 1, "it is stored");
    let wall = again.end.summary.wall.as_secs_f64();
    assert!(wall >= 2.0 * DELAY, "a sitemap and two pages in {wall} s");
}
