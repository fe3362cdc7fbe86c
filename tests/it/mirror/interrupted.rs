//! Mirrors that are killed or stopped can be read, and the next run goes on.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::walk::walk;
use super::*;
use crate::support::PATIENCE;
use crate::support::cli::Running;

const PAGES: usize = 400;

/// Counts requests.
#[derive(Default)]
struct Requests {
    count: Mutex<usize>,
    news: Condvar,
}

impl Requests {
    /// Waits until the site was asked so often since the last call.
    fn wait_for(&self, requests: usize, running: &mut Running) {
        let deadline = Instant::now() + PATIENCE;
        let mut count = self.count.lock().unwrap();
        *count = 0;
        while *count < requests && running.is_running() {
            assert!(Instant::now() < deadline, "{} requests within {PATIENCE:?}", *count);
            count = self.news.wait_timeout(count, Duration::from_millis(20)).unwrap().0;
        }
    }
}

/// A tree of pages with links across, a style sheet and an image for every tenth page.
fn tree_of_pages(requests: &Arc<Requests>) -> Site {
    let requests = Arc::clone(requests);
    Site::with(move |target, _| {
        *requests.count.lock().unwrap() += 1;
        requests.news.notify_all();
        let number = |prefix: &str| target.strip_prefix(prefix).and_then(|number| number.parse::<usize>().ok());
        match (number("/p/"), number("/style/"), number("/img/")) {
            _ if target == "/" => numbered(0),
            (Some(page), ..) if page < PAGES => numbered(page),
            (_, Some(style), _) => file("text/css", &format!("a{{b:url(/img/{style})}}")),
            (.., Some(_)) => file("image/png", PNG),
            _ => ResponseTemplate::new(404),
        }
    })
}

fn numbered(number: usize) -> ResponseTemplate {
    let links = (1..=8).map(|nth| number * 8 + nth).chain([number / 8, number * 7 % PAGES, number * 31 % PAGES]);
    let links: String = links.filter(|to| *to < PAGES).map(|to| format!("<a href=/p/{to}>{to}</a>\n")).collect();
    let text: String = (1..20).map(|nth| format!("w{} ", number * nth * 7919 % 1_000_003)).collect();
    html(&format!("<title>{number}</title><link rel=stylesheet href=/style/{}><p>{text}</p>{links}", number / 10))
}

#[test]
fn a_killed_mirror_has_no_link_to_nothing() {
    let requests = Arc::<Requests>::default();
    let (site, folder) = (tree_of_pages(&requests), tempfile::tempdir().unwrap());
    for kill in 0..10 {
        let mut running = mirror(&site, folder.path()).arg("--no-refresh").spawn();
        requests.wait_for(5 + kill * 17 % 70, &mut running);
        running.signal(Signal::KILL);
        running.wait();
        walk(folder.path()).assert_whole();
    }
    mirror(&site, folder.path()).arg("--no-refresh").run().expect_code(0);
    let tree = walk(folder.path());
    tree.assert_whole();
    assert!(tree.absolute.is_empty(), "{:?}", tree.absolute.first());
    let whole = tempfile::tempdir().unwrap();
    mirror(&site, whole.path()).run().expect_code(0);
    assert!(tree.files == walk(whole.path()).files, "the same as a mirror in one go");
}

#[test]
fn a_stopped_mirror_has_local_links() {
    let requests = Arc::<Requests>::default();
    let (site, folder) = (tree_of_pages(&requests), tempfile::tempdir().unwrap());
    let mut running = mirror(&site, folder.path()).spawn();
    requests.wait_for(60, &mut running);
    running.signal(Signal::INT);
    running.wait().expect_code(130);
    let tree = walk(folder.path());
    tree.assert_whole();
    assert!(tree.local > tree.files.len() && !tree.absolute.is_empty(), "{} {}", tree.local, tree.absolute.len());
    let saved = |link: &str| tree.files.contains_key(&format!("{}.html", &link[site.url("/").len()..]));
    assert!(tree.absolute.iter().all(|(_, link)| !saved(link)), "a link to a file that is there is local");
}

#[test]
fn links_that_a_killed_run_left_are_made_local_by_the_next() {
    let requests = Arc::<Requests>::default();
    let (site, folder) = (tree_of_pages(&requests), tempfile::tempdir().unwrap());
    mirror(&site, folder.path()).run().expect_code(0);
    let whole = walk(folder.path());
    // As after a kill at the end of the pass: two files are as they came, and the state has both lengths.
    let database = rusqlite::Connection::open(folder.path().join(".fetchall/state.db")).unwrap();
    let page_link = regex::Regex::new(r"href=(\d+)\.html").unwrap();
    for page in ["p/1.html", "p/2.html"] {
        let path = folder.path().join(site.host().replace(':', "+")).join(page);
        let absolute = whole.text(page).replace("href=../", &format!("href={}", site.url("/")));
        let absolute = page_link.replace_all(&absolute, format!("href={}$1", site.url("/p/")));
        let absolute = absolute.replace(".css", "").replace("index.html", "");
        std::fs::write(&path, &absolute).unwrap();
        let update = "UPDATE urls SET relinked_bytes = file_bytes, file_bytes = ?1, linked = NULL WHERE url = ?2";
        let url = site.url(&format!("/{}", page.trim_end_matches(".html")));
        assert_eq!(database.execute(update, rusqlite::params![absolute.len() as i64, url]).unwrap(), 1, "{url}");
    }
    drop(database);
    let run = mirror(&site, folder.path()).arg("--no-refresh").run().expect_code(0);
    assert!(run.records().iter().all(|record| record["skip"]["reason"] == "done"), "nothing is fetched again");
    assert!(walk(folder.path()).files == whole.files);
}
