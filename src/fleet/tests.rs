//! Several workers over one store in memory.

mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use url::Url;

use super::*;
use crate::model::{
    Batch, Entry, FoundUrl, HostPace, Job, JobId, Outcome, ScopeNote, Seed, SeedLease, SourcePos, Subject, Summary,
    ToQueue, Verdict, Via,
};
use crate::policy::text::fingerprint::Fingerprint;
use crate::sink::Sink as _;
use crate::source::{Interrupt, SourceError};
use store::Store;

const LONG: Duration = Duration::from_secs(20);

fn options(name: &str) -> FleetOptions {
    FleetOptions {
        worker: name.into(),
        queue: "memory".into(),
        concurrency: 4,
        lease: LONG,
        patience: Duration::from_millis(300),
        stop: Arc::default(),
    }
}

/// A list of lines in memory.
struct Lines {
    urls: Vec<Url>,
    ended: Arc<AtomicBool>,
}

impl Source for Lines {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        if self.urls.is_empty() || self.ended.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let via = |line| Via::List(SourcePos { list: "list".into(), line });
        let entries = self.urls.drain(..).zip(1..).map(|(url, line)| Entry::Seed(Seed::new(url, via(line)))).collect();
        Ok(Some(Batch { entries, next: self.position(), notes: Vec::new(), leased: None }))
    }

    fn position(&self) -> SourcePos {
        SourcePos { list: "list".into(), line: 1 }
    }

    fn interrupt(&self) -> Interrupt {
        let ended = self.ended.clone();
        Arc::new(move || ended.store(true, Ordering::Relaxed))
    }
}

fn key(url: &Url) -> u128 {
    Fingerprint::of(url.as_str()).0
}

fn list(urls: &[&str]) -> List {
    let urls = urls.iter().map(|url| Url::parse(url).unwrap()).collect();
    List {
        source: Box::new(Lines { urls, ended: Arc::default() }),
        name: "list".to_owned(),
        digest: "digest".to_owned(),
        key: Box::new(key),
        starts_crawl: false,
    }
}

/// A worker that stands for an engine.
struct Worker {
    fleet: Fleet,
    hosts: Vec<HostPace>,
    scope: Vec<ScopeNote>,
}

impl Worker {
    fn start(store: &Arc<Store>, name: &str, list: Option<List>) -> Self {
        let fleet = start(store.worker(name), list, options(name)).unwrap();
        Self { fleet, hosts: Vec::new(), scope: Vec::new() }
    }

    /// The next URLs; none at the end.
    fn next(&mut self) -> Vec<Seed> {
        loop {
            let Some(batch) = self.fleet.source.next_batch().unwrap() else { return Vec::new() };
            let news = batch.leased.map(|news| *news).unwrap_or_default();
            self.hosts.extend(news.hosts);
            self.scope.extend(news.scope);
            let seeds = batch.entries.into_iter().filter_map(|entry| match entry {
                Entry::Seed(seed) => Some(seed),
                _ => None,
            });
            let seeds: Vec<_> = seeds.collect();
            if !seeds.is_empty() {
                return seeds;
            }
        }
    }

    fn done(&mut self, seeds: Vec<Seed>, verdict: &Verdict) {
        let outcomes = seeds.into_iter().map(|seed| {
            let job = Job { attempt: 1, handed_out: true, ..Job::new(seed, None, Instant::now()) };
            Outcome::unfetched(Subject::Job(Box::new(job)), verdict.clone())
        });
        let outcomes: Vec<_> = outcomes.collect();
        assert!(self.fleet.sink.outcomes(&outcomes).unwrap().is_continue());
    }

    fn send(&mut self, message: ToQueue) {
        self.fleet.sink.to_queue(&message).unwrap();
    }

    fn hear(&mut self) -> FromQueue {
        self.fleet.link.messages.blocking_recv().expect("a message")
    }

    fn finish(mut self) {
        self.fleet.source.interrupt()();
        self.fleet.sink.finish(&Summary::default()).unwrap();
    }
}

fn found(url: &str) -> FoundUrl {
    let url = Url::parse(url).unwrap();
    FoundUrl { key: key(&url), seed: Seed::new(url, Via::Link(SourcePos { list: "http://a.test/".into(), line: 1 })) }
}

fn urls(seeds: &[Seed]) -> Vec<&str> {
    let mut urls: Vec<_> = seeds.iter().map(|seed| seed.url.as_str()).collect();
    urls.sort_unstable();
    urls
}

#[test]
fn the_urls_of_a_list_are_leased_committed_once_and_drained() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(list(&["http://a.test/1", "http://b.test/2", "http://a.test/1"])));
    let mut seeds = one.next();
    while seeds.len() < 2 {
        seeds.extend(one.next());
    }
    assert_eq!(urls(&seeds), ["http://a.test/1", "http://b.test/2"]);
    assert!(seeds.iter().all(|seed| seed.lease.is_some()));
    assert_eq!(one.hosts.len(), 2);
    one.done(seeds, &Verdict::Ok);
    assert!(one.next().is_empty(), "the queue is drained");
    one.finish();
    assert_eq!(store.committed(), ["http://a.test/1", "http://b.test/2"]);
    assert_eq!(store.leased(), (0, 0));
}

#[test]
fn links_reach_the_queue_before_the_outcome_of_their_page() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(list(&["http://a.test/"])));
    let page = one.next();
    one.send(ToQueue::Scope(ScopeNote { start: page[0].url.clone(), led_to: None }));
    one.send(ToQueue::Urls(vec![found("http://a.test/2"), found("http://a.test/")]));
    one.done(page, &Verdict::Ok);
    let link = one.next();
    assert_eq!(urls(&link), ["http://a.test/2"], "a URL that was seen is dropped");
    assert_eq!(one.scope.len(), 1, "the scope is known before the link");
    one.done(link, &Verdict::Ok);
    assert!(one.next().is_empty());
    one.finish();
    assert_eq!(store.committed(), ["http://a.test/", "http://a.test/2"]);
}

#[test]
fn two_workers_share_hosts_and_both_end() {
    let store = Store::new();
    let pages: Vec<_> = (0..20).map(|n| format!("http://h{}.test/{n}", n % 5)).collect();
    let pages: Vec<_> = pages.iter().map(String::as_str).collect();
    let work = |name: &'static str, list: Option<List>| {
        let mut worker = Worker::start(&store, name, list);
        std::thread::spawn(move || {
            loop {
                let seeds = worker.next();
                if seeds.is_empty() {
                    break;
                }
                worker.done(seeds, &Verdict::Ok);
            }
            worker.finish();
        })
    };
    let workers = [work("one", Some(list(&pages))), work("two", Some(list(&pages)))];
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert_eq!(store.committed().len(), 20);
    assert_eq!(store.calls_of("list_loaded"), 1, "one of them loads the list");
}

#[test]
fn a_stop_gives_leases_back_with_their_attempts() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(list(&["http://a.test/1", "http://a.test/2", "http://a.test/3"])));
    let mut seeds = one.next();
    let kept = seeds.split_off(2);
    let mut tried = seeds.split_off(1);
    one.done(seeds, &Verdict::Ok);
    tried[0].lease = tried[0].lease.map(|lease| SeedLease { attempts: 2, ..lease });
    one.done(tried, &Verdict::Cancelled);
    one.finish();
    assert_eq!((store.committed().len(), store.leased()), (1, (0, 0)));
    let mut two = Worker::start(&store, "two", None);
    let mut again = two.next();
    again.sort_by_key(|seed| seed.url.clone());
    let attempts: Vec<_> = again.iter().map(|seed| seed.lease.unwrap().attempts).collect();
    assert_eq!((again.len(), attempts), (1 + kept.len(), vec![2, 0]));
    two.finish();
}

#[test]
fn a_host_that_another_worker_needs_moves_with_its_pace() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(list(&["http://a.test/1"])));
    let seeds = one.next();
    let mut two = Worker::start(&store, "two", None);
    two.send(ToQueue::LeaseHost("a.test".into()));
    assert_eq!(one.hear(), FromQueue::Wanted(vec!["a.test".into()]));
    one.done(seeds, &Verdict::Ok);
    let pace = HostPace { host: "a.test".into(), slots: Some(3), ..HostPace::default() };
    one.send(ToQueue::ReleaseHosts(vec![pace.clone()]));
    assert_eq!(two.hear(), FromQueue::Host(Box::new(pace)));
    one.finish();
    two.finish();
}

#[test]
fn a_host_without_urls_is_named_as_idle() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(list(&["http://a.test/1", "http://b.test/1"])));
    let mut seeds = one.next();
    while seeds.len() < 2 {
        seeds.extend(one.next());
    }
    let of_b = seeds.iter().position(|seed| seed.url.as_str() == "http://b.test/1").unwrap();
    let b = seeds.remove(of_b);
    one.done(seeds, &Verdict::Ok);
    assert_eq!(one.hear(), FromQueue::Idle(vec!["a.test".into()]));
    one.done(vec![b], &Verdict::Ok);
    one.finish();
}

#[test]
fn late_outcomes_of_a_lost_host_do_not_count() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(list(&["http://a.test/1"])));
    let seeds = one.next();
    store.lose("a.test");
    assert_eq!(one.hear(), FromQueue::Lost(vec!["a.test".into()]));
    one.done(seeds, &Verdict::Ok);
    let again = one.next();
    assert_eq!(urls(&again), ["http://a.test/1"]);
    assert!(store.committed().is_empty());
    one.done(again, &Verdict::Ok);
    assert!(one.next().is_empty());
    one.finish();
    assert_eq!(store.committed(), ["http://a.test/1"]);
}

#[test]
fn a_store_that_comes_back_in_time_only_slows_the_run() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(list(&["http://a.test/1"])));
    let seeds = one.next();
    store.fail(3);
    one.done(seeds, &Verdict::Ok);
    assert!(matches!(one.hear(), FromQueue::Warning(text) if text.contains("away")));
    assert!(one.next().is_empty());
    one.finish();
    assert_eq!(store.committed(), ["http://a.test/1"]);
}

#[test]
fn a_store_that_stays_away_ends_the_run_with_advice() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(list(&["http://a.test/1"])));
    let seeds = one.next();
    store.fail(usize::MAX);
    one.done(seeds, &Verdict::Ok);
    let failed = loop {
        match one.hear() {
            FromQueue::Failed(why) => break why,
            FromQueue::Warning(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(failed.contains("run the same command again"), "{failed}");
    one.finish();
}

#[test]
fn a_pause_of_the_job_reaches_the_engine() {
    let store = Store::new();
    let mut one = Worker::start(&store, "one", None);
    store.pause(true);
    assert_eq!(one.hear(), FromQueue::Paused(true));
    store.pause(false);
    assert_eq!(one.hear(), FromQueue::Paused(false));
    one.finish();
}

#[test]
fn a_line_with_overrides_is_a_bad_line_of_this_worker() {
    let mut with_secret = list(&[]);
    let mut seed = found("http://a.test/1").seed;
    seed.id = JobId(1);
    seed.overrides = Some(Box::default());
    struct One(Option<Seed>);
    impl Source for One {
        fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
            let Some(seed) = self.0.take() else { return Ok(None) };
            let entries = vec![Entry::Seed(seed)];
            Ok(Some(Batch { entries, next: self.position(), notes: Vec::new(), leased: None }))
        }
        fn position(&self) -> SourcePos {
            SourcePos { list: "list".into(), line: 1 }
        }
        fn interrupt(&self) -> Interrupt {
            Arc::new(|| {})
        }
    }
    with_secret.source = Box::new(One(Some(seed)));
    let store = Store::new();
    let mut one = Worker::start(&store, "one", Some(with_secret));
    let batch = one.fleet.source.next_batch().unwrap().unwrap();
    assert!(matches!(&batch.entries[..], [Entry::Bad(bad)] if bad.error.message.contains("--queue")));
    assert!(one.next().is_empty());
    assert_eq!(store.refused().len(), 1, "the job has its outcome");
    one.finish();
}
