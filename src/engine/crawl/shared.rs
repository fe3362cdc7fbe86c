//! A crawl over a queue that several workers share: links go there, and scope and robots rules come from there.

use url::{Position, Url};

use super::Crawl;
use crate::model::{FoundUrl, Kind, ScopeNote, Seed, SourcePos, StoredRobots, Via};
use crate::policy::credentials::origin;
use crate::policy::text::fingerprint::{Fingerprint, FingerprintSet};
use crate::queue::QueueError;

/// The list of the usual sitemap of an origin, which has no record if it is missing.
const USUAL_SITEMAP: &str = "/sitemap.xml";

/// The links and the scope that a crawl sends to a shared queue.
#[derive(Debug, Default)]
pub(super) struct SharedCrawl {
    /// The links for the queue.
    found: Vec<FoundUrl>,
    /// The scope for the other workers.
    note: Option<ScopeNote>,
}

impl Crawl {
    /// Lets links go to a shared queue instead of waiting here.
    pub(in crate::engine) fn share(&mut self) {
        self.shared = Some(SharedCrawl::default());
    }

    /// A new URL waits, here or in the shared queue.
    pub(super) fn add(&mut self, seed: Seed, key: Fingerprint) -> Result<(), QueueError> {
        match &mut self.shared {
            Some(shared) => {
                shared.found.push(FoundUrl { seed, key: key.0 });
                Ok(())
            }
            None => self.waiting.push(seed),
        }
    }

    /// Adds sitemaps to the shared queue. Returns them if there is none.
    pub(super) fn share_sitemaps(&mut self, sitemaps: Vec<Seed>) -> Vec<Seed> {
        let Some(shared) = &mut self.shared else { return sitemaps };
        for seed in sitemaps {
            let key = sitemap_key(&self.rules.canonical.key(&seed.url));
            shared.found.push(FoundUrl { seed, key: Fingerprint::of(&key).0 });
        }
        Vec::new()
    }

    /// The usual sitemap of an origin, for the shared queue.
    pub(super) fn usual_sitemap(seed: Seed) -> Seed {
        Seed { via: Via::Start(SourcePos { list: USUAL_SITEMAP.into(), line: 0 }), ..seed }
    }

    /// Takes the links for the queue.
    pub(in crate::engine) fn take_found(&mut self) -> Vec<FoundUrl> {
        self.shared.as_mut().map(|shared| std::mem::take(&mut shared.found)).unwrap_or_default()
    }

    /// Takes the scope for the other workers, if it has grown.
    pub(in crate::engine) fn take_scope_note(&mut self) -> Option<ScopeNote> {
        self.shared.as_mut()?.note.take()
    }

    /// A start page has led elsewhere: all workers have to know it.
    pub(super) fn note_scope(&mut self, start: &Url, led_to: &Url) {
        if let Some(shared) = &mut self.shared {
            shared.note = Some(ScopeNote { start: start.clone(), led_to: Some(led_to.clone()) });
        }
    }

    /// Takes the scope from another worker.
    pub(in crate::engine) fn scope_note(&mut self, note: &ScopeNote) {
        match &note.led_to {
            None => {
                self.rules.scope.add_start(&note.start);
                self.start_origins.insert(note.start[..Position::BeforePath].into());
            }
            Some(to) => {
                // The worker that followed the redirect has said so.
                let _ = self.rules.scope.start_redirected(&note.start, to);
            }
        }
    }

    /// Notes a leased seed: links to it are no new URLs. The usual sitemap of an origin gets a number without a record.
    pub(in crate::engine) fn leased(&mut self, seed: &mut Seed) -> bool {
        let key = self.rules.canonical.key(&seed.url);
        if seed.kind != Kind::Sitemap {
            self.seen.insert(&key);
            return false;
        }
        self.seen.insert(&sitemap_key(&key));
        let is_usual = matches!(&seed.via, Via::Start(origin) if *origin.list == *USUAL_SITEMAP);
        if is_usual {
            seed.id = self.unrecorded();
        }
        is_usual
    }

    /// Lets every link go to the queue again, which drops those that it has seen.
    pub(in crate::engine) fn forget_seen(&mut self) {
        self.seen = FingerprintSet::new();
        self.knows_targets = self.refresh;
    }

    /// Takes what another worker knows of robots.txt.
    pub(in crate::engine) fn adopt_robots(&mut self, robots: Vec<(Box<str>, StoredRobots)>) {
        self.carried.extend(robots);
    }

    /// Forgets the robots.txt of a host, and returns what the next worker has to know of it.
    pub(in crate::engine) fn take_robots(&mut self, host: &str) -> Vec<(Box<str>, StoredRobots)> {
        let is_of = |origin: &str| Url::parse(origin).is_ok_and(|url| origin::host(&url) == host);
        self.robots.forget(is_of);
        self.carried.extract_if(|origin, _| is_of(origin)).collect()
    }
}

/// The key of a sitemap: a page may have the same URL.
pub(super) fn sitemap_key(key: &str) -> String {
    format!("sitemap\0{key}")
}
