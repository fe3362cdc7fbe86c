//! A crawl that is killed again and again loses nothing and fetches little twice.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use wiremock::ResponseTemplate;

use super::again::tree;
use super::site::{Site, html, redirect};
use crate::support::PATIENCE;
use crate::support::cli::{Fetchall, Finished, Running};

pub const PAGES: usize = 2000;
const KILLS: usize = 50;
const CONCURRENCY: usize = 4;

/// The pages that the server was asked for, each with the runs that asked.
#[derive(Default)]
struct Asked {
    run: usize,
    in_this_run: usize,
    runs: HashMap<String, Vec<usize>>,
}

#[derive(Default)]
pub struct Log {
    asked: Mutex<Asked>,
    news: Condvar,
}

impl Log {
    pub fn note(&self, target: &str) {
        let mut asked = self.asked.lock().unwrap();
        let run = asked.run;
        asked.in_this_run += usize::from(target.starts_with("/p/"));
        asked.runs.entry(target.to_owned()).or_default().push(run);
        drop(asked);
        self.news.notify_all();
    }

    /// Begins a run.
    pub fn begin(&self, run: usize) {
        let mut asked = self.asked.lock().unwrap();
        (asked.run, asked.in_this_run) = (run, 0);
    }

    /// Waits until the run has asked for this many pages.
    pub fn wait_for(&self, pages: usize, running: &mut Running) {
        let deadline = Instant::now() + PATIENCE;
        let mut asked = self.asked.lock().unwrap();
        while asked.in_this_run < pages {
            assert!(running.is_running(), "the run is over after {} pages", asked.in_this_run);
            assert!(Instant::now() < deadline, "{} pages within {PATIENCE:?}", asked.in_this_run);
            asked = self.news.wait_timeout(asked, Duration::from_millis(20)).unwrap().0;
        }
    }
}

/// A tree of pages with links across, some redirects to pages above, and some missing pages.
pub fn answer(target: &str) -> ResponseTemplate {
    let mut parts = target.split('/').skip(1);
    match (parts.next(), parts.next().and_then(|number| number.parse::<usize>().ok())) {
        (Some(""), None) => numbered(0),
        (Some("p"), Some(number)) if number < PAGES => numbered(number),
        (Some("moved"), Some(number)) => redirect(&format!("/p/{number}/")),
        _ => ResponseTemplate::new(404),
    }
}

fn numbered(number: usize) -> ResponseTemplate {
    let children = (1..=8).map(|nth| number * 8 + nth).filter(|child| *child < PAGES);
    let across = [number / 8, (number * 7 + 3) % PAGES, (number * 31 + 11) % PAGES];
    let mut links: Vec<_> = children.chain(across).map(|other| format!("/p/{other}/")).collect();
    if number > 0 && number.is_multiple_of(100) {
        links.push(format!("/moved/{number}"));
        links.push(format!("/gone/{number}"));
    }
    let links: String = links.iter().map(|link| format!("<a href={link}>x</a>\n")).collect();
    let text: String = (1..20).map(|nth| format!("w{} ", number * nth * 7919 % 1_000_003)).collect();
    html(&format!("<title>Page {number}</title><p>{text}</p>{links}"))
}

fn command(site: &Site, folder: &Path) -> Fetchall {
    let (concurrency, url) = (CONCURRENCY.to_string(), site.url("/"));
    let folder = folder.to_str().unwrap();
    Fetchall::new().args(["crawl", "--json", "--dir", folder, "-c", &concurrency, "--per-host", &concurrency, &url])
}

/// The paths and verdicts of the records. A page of an earlier run counts as fetched, and so does a redirect to a page
/// that was seen.
fn told(run: &Finished) -> BTreeMap<String, String> {
    let records = run.records();
    let count = records.len();
    let told: BTreeMap<_, _> = records
        .iter()
        .map(|record| {
            let path = url::Url::parse(record["url"].as_str().unwrap()).unwrap().path().to_owned();
            let is_known = ["done", "duplicate"].iter().any(|reason| record["skip"]["reason"] == *reason);
            (path, if is_known { "ok" } else { record["outcome"].as_str().unwrap() }.to_owned())
        })
        .collect();
    assert_eq!(told.len(), count, "one record for each URL");
    told
}

#[test]
fn a_crawl_that_is_killed_50_times_is_complete() {
    let log = Arc::new(Log::default());
    let site = Site::with({
        let log = Arc::clone(&log);
        move |target, _| {
            log.note(target);
            answer(target)
        }
    });
    let folder = tempfile::tempdir().unwrap();
    for kill in 1..=KILLS {
        log.begin(kill);
        let mut running = command(&site, folder.path()).spawn();
        log.wait_for(kill * 13 % 60, &mut running);
        running.signal(Signal::KILL);
        running.wait();
    }
    log.begin(KILLS + 1);
    let last = command(&site, folder.path()).run();

    let runs = log.asked.lock().unwrap().runs.clone();
    let mut fetched_again = 0;
    for (target, runs) in &runs {
        // Missing pages are asked for in every run. The server may see a request of a killed run in the next one.
        if !target.starts_with("/gone/") && target != "/sitemap.xml" {
            fetched_again += runs.len() - 1;
        }
    }
    // A kill loses the pages in flight. A page is in flight until its row is committed.
    assert!(fetched_again <= KILLS * CONCURRENCY, "{fetched_again} pages were fetched again");

    let whole = tempfile::tempdir().unwrap();
    let all = command(&site, whole.path()).run();
    let (told, expected) = (told(&last), told(&all));
    let differing: Vec<_> = told.iter().filter(|(path, verdict)| expected.get(*path) != Some(verdict)).collect();
    assert!(differing.is_empty() && told.len() == expected.len(), "{differing:?}");
    assert_eq!(last.code(), all.code());
    assert!(tree(folder.path()) == tree(whole.path()), "the same files");
    let files = tree(whole.path()).len();
    assert_eq!(files, PAGES + 1, "every page is in the folder, and the start page");
}
