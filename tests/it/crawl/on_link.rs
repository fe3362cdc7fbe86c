//! A program decides about each link of a crawl.

use std::sync::{Arc, Mutex};

use fetchall::Fetchall;
use fetchall::config::Config;
use fetchall::engine::RunEnd;
use fetchall::model::{FoundLink, LinkChoice, LinkKind, SkipReason};
use tokio::runtime::Builder;
use wiremock::ResponseTemplate;

use super::site::{Site, file, html, page};
use crate::support::PATIENCE;

/// Crawls, skips links with a query, and returns the sorted paths and what the program was asked about.
fn crawl_without_queries(run: Fetchall) -> (Vec<String>, Vec<String>, RunEnd) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&asked);
    let run = run.on_link(move |link| {
        let FoundLink { url, kind, parent, depth, .. } = link;
        told.lock().unwrap().push(format!("{} {kind:?} at {depth} from {}", path(url.as_str()), parent.path()));
        if url.query().is_some() { LinkChoice::Skip } else { LinkChoice::Follow }
    });
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (outcomes, end) = runtime.block_on(async {
        let run = run.start().unwrap();
        tokio::time::timeout(PATIENCE, run.gather()).await.unwrap().unwrap()
    });
    let mut fetched: Vec<_> = outcomes.iter().map(|outcome| path(outcome.subject.url()).to_owned()).collect();
    fetched.sort();
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    (fetched, asked, end)
}

/// The path and query of a URL.
fn path(url: &str) -> &str {
    url.splitn(4, '/').nth(3).unwrap_or_default()
}

fn crawl_one_at_a_time(site: &Site) -> Fetchall {
    Fetchall::crawl([site.url("/docs/")]).concurrency(1).configure(|config| config.retry = 0)
}

#[test]
fn skipped_link_is_not_fetched_and_counts_as_scope() {
    let site = Site::start([
        ("/docs/", page(&["a", "a?sort=size", "/outside"])),
        ("/docs/a", page(&["a?sort=size", "b", "/docs/"])),
        ("/docs/b", page(&[])),
    ]);
    let left_out = tempfile::NamedTempFile::new().unwrap();
    let run = crawl_one_at_a_time(&site).configure(|config| config.skipped = Some(left_out.path().to_owned()));
    let (fetched, asked, end) = crawl_without_queries(run);
    assert_eq!(fetched, ["docs/", "docs/a", "docs/b"]);
    let expected = [
        "docs/a Page at 1 from /docs/",
        "docs/a?sort=size Page at 1 from /docs/",
        "docs/a?sort=size Page at 2 from /docs/a",
        "docs/b Page at 2 from /docs/a",
    ];
    assert_eq!(asked, expected, "no link is offered that is known or out of scope");
    let summary = end.summary.crawl.as_ref().unwrap();
    assert_eq!(summary.left_out.get(&SkipReason::Scope), Some(&3));
    let lines = std::fs::read_to_string(left_out.path()).unwrap();
    let by_hook: Vec<_> = lines.lines().filter(|line| line.contains("\"on_link\"")).collect();
    assert_eq!(by_hook.len(), 1, "a line for each URL: {lines}");
    assert!(by_hook[0].contains("/docs/a?sort=size"), "{lines}");
}

#[test]
fn entries_of_sitemaps_and_requisites_are_offered_too() {
    let site = Site::with(|target, request| match target {
        "/docs/" => html("<img src=\"i.png?size=1\"><img src=\"j.png\">"),
        "/sitemap.xml" => {
            let base = format!("http://{}/docs", request.headers["host"].to_str().unwrap());
            let entries = ["x", "y?print=1"].map(|entry| format!("<url><loc>{base}/{entry}</loc></url>")).concat();
            let schema = "http://www.sitemaps.org/schemas/sitemap/0.9";
            file("application/xml", &format!("<urlset xmlns=\"{schema}\">{entries}</urlset>"))
        }
        "/docs/x" | "/docs/y?print=1" => page(&[]),
        _ => ResponseTemplate::new(404),
    });
    let run = crawl_one_at_a_time(&site).configure(|config| config.crawl.requisites = true);
    let (fetched, mut asked, _) = crawl_without_queries(run);
    assert!(fetched.iter().any(|path| path == "docs/x"), "{fetched:?}");
    assert!(!fetched.iter().any(|path| path.contains('?')), "{fetched:?}");
    asked.sort();
    let expected = [
        format!("docs/i.png?size=1 {:?} at 1 from /docs/", LinkKind::Requisite),
        "docs/j.png Requisite at 1 from /docs/".to_owned(),
        "docs/x Page at 1 from /sitemap.xml".to_owned(),
        "docs/y?print=1 Page at 1 from /sitemap.xml".to_owned(),
    ];
    assert_eq!(asked, expected);
}

#[test]
fn crawl_with_the_settings_of_a_list_is_refused() {
    let crawl = Fetchall::crawl(["https://example.com/"]).config(Config::default());
    assert!(crawl.start().err().unwrap().to_string().contains("Config::of_crawl()"));
    let list = Fetchall::new(["https://example.com/"]).on_link(|_| LinkChoice::Follow);
    assert!(list.start().err().unwrap().to_string().contains("Config::of_crawl()"));
}
