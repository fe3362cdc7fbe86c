//! Crawls of several workers.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::hosts::{Answer, Hosts, url};
use super::workers::{all_end, exported, worker};
use crate::support::redis::Redis;

/// A site of pages on many hosts: a tree on each, and links from each page to others.
#[derive(Debug, Clone, Copy)]
pub struct Web {
    pub hosts: usize,
    pub pages: usize,
}

impl Web {
    /// The answer of a host.
    pub fn answer(self, addresses: &[SocketAddr], host: usize, path: &str) -> Answer {
        let number = path.strip_prefix("/p/").and_then(|number| number.parse::<usize>().ok());
        let number = match (path, number) {
            ("/", _) => 0,
            (_, Some(number)) if number < self.pages => number,
            _ => return Answer::status(404),
        };
        let children = (1..=4).map(|nth| number * 4 + nth).filter(|child| *child < self.pages);
        let mut links: Vec<_> = children.map(|child| format!("/p/{child}")).collect();
        // The root of each host has a link from the one before, and pages of one number from each other.
        links.push(url(addresses, (host + 1) % self.hosts, &format!("/p/{}", number % 2)));
        links.push(url(addresses, (host * 7 + 3) % self.hosts, &format!("/p/{number}")));
        let links: String = links.iter().map(|link| format!("<a href=\"{link}\">x</a>\n")).collect();
        let text: String = (1..20).map(|nth| format!("w{} ", (number * 31 + host) * nth * 7919 % 1_000_003)).collect();
        Answer::page(format!("<title>{host}/{number}</title><p>{text}</p>{links}"))
    }

    /// The URLs of all pages. The start page has another URL than the root of its host.
    pub fn truth(self, hosts: &Hosts) -> BTreeSet<String> {
        let pages = (0..self.hosts).flat_map(|host| (0..self.pages).map(move |page| (host, page)));
        let mut urls: BTreeSet<_> = pages.map(|(host, page)| hosts.url(host, &format!("/p/{page}"))).collect();
        urls.insert(hosts.url(0, "/"));
        urls
    }

    pub fn start(self, latency: Duration) -> Hosts {
        Hosts::start(self.hosts, latency, move |addresses, host, path| self.answer(addresses, host, path))
    }
}

#[test]
fn four_workers_crawl_each_page_once_and_a_host_by_turns() {
    let Some(redis) = Redis::start() else { return };
    let web = Web { hosts: 20, pages: 40 };
    let hosts = web.start(Duration::from_millis(3));
    let start = hosts.url(0, "/");
    let arguments = ["crawl", "--scope", "any", "-c", "8", &start];
    let workers = ["a", "b", "c", "d"].map(|name| worker(&redis, "site", name, &arguments).spawn());
    let mut committed = 0;
    for running in workers {
        let finished = running.wait();
        assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
        let records = finished.records();
        assert!(records.iter().all(|record| record["worker"].is_string()));
        committed += records.len();
    }
    let outcomes = exported(&redis, "site");
    let urls: BTreeSet<_> = outcomes.keys().cloned().collect();
    assert_eq!(urls, web.truth(&hosts));
    assert!(outcomes.values().all(|record| record["outcome"] == "ok"));
    assert_eq!(committed, outcomes.len(), "each record is that of one worker");
    assert_eq!(hosts.requests().len(), outcomes.len(), "each page was asked for once");
    assert!(hosts.workers().len() > 1, "the workers share the hosts");
    hosts.assert_one_worker_at_a_time();
}

#[test]
fn a_start_page_that_redirects_moves_the_scope_of_all_workers() {
    let Some(redis) = Redis::start() else { return };
    let web = Web { hosts: 1, pages: 300 };
    let hosts = Hosts::start(1, Duration::from_millis(3), move |addresses, host, path| match path {
        "/docs/" => Answer::redirect("/"),
        path => web.answer(addresses, host, path),
    });
    let start = hosts.url(0, "/docs/");
    let first = worker(&redis, "docs", "a", &["crawl", "-c", "2", &start]).spawn();
    hosts.wait_for(40, || false);
    // It names no start page, and gets the scope from the job.
    let second = worker(&redis, "docs", "b", &["crawl", "-c", "2"]).spawn();
    hosts.wait_for(80, || false);
    first.interrupt();
    assert_eq!(first.wait().code(), Some(130));
    all_end(vec![second]);
    let outcomes = exported(&redis, "docs");
    assert_eq!(outcomes.len(), web.pages + 1, "all pages and the start page");
    assert_eq!(hosts.workers().len(), 2);
}
