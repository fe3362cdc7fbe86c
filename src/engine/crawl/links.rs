//! Decides about the links of a page that was fetched.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::Crawl;
use super::shared::sitemap_key;
use crate::model::{
    CrawlSummary, Facts, FoundLink, Kind, LeftOut, Link, LinkChoice, LinkKind, Outcome, PageLinks, Seed, SkipReason,
    SourcePos, Subject, TrapCount, Verdict, Via,
};
use crate::policy::refusal::LinkRefusal;
use crate::policy::scope::{is_css, is_html};
use crate::policy::text::fingerprint::Fingerprint;
use crate::policy::traps::{FetchedPage, TextChain};
use crate::queue::QueueError;

/// How deep indexes of sitemaps may lead.
const SITEMAP_DEPTH: u32 = 3;

/// Pages that are deeper are counted together.
const DEEPEST: u32 = 1000;

/// How many pages are remembered by their texts.
const REMEMBERED: usize = 1 << 16;

/// The links that were found.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct LinkCounts {
    /// All, each text of a page once.
    pub(in crate::engine) found: u64,
    /// Those that lead to new URLs, which are followed.
    pub(in crate::engine) new: u64,
    /// Those that are not followed, by reason.
    pub(in crate::engine) left_out: BTreeMap<SkipReason, u64>,
    /// The traps among these.
    pub(in crate::engine) traps: BTreeMap<Box<str>, TrapCount>,
    /// The pages of each depth that were fetched or are known.
    pub(in crate::engine) pages: Vec<u64>,
    pub(in crate::engine) requisites: u64,
    pub(in crate::engine) sitemaps: u64,
}

impl LinkCounts {
    /// Counts a URL in a trap by the limit that it exceeds. A rule may have details behind that, but there are
    /// few limits.
    pub(super) fn trap(&mut self, url: &Url, rule: &str) {
        let limit = rule.split(':').next().unwrap_or_default();
        match self.traps.get_mut(limit) {
            Some(count) => count.links += 1,
            None => drop(self.traps.insert(limit.into(), TrapCount { links: 1, first: url.as_str().to_owned() })),
        }
    }
}

/// How many pages in a row had equal text, by the URL of the last. It begins anew when it is full.
#[derive(Debug, Default)]
pub(super) struct TextChains(HashMap<u64, TextChain>);

impl TextChains {
    fn of(&self, url: &str) -> Option<TextChain> {
        self.0.get(&xxh3_64(url.as_bytes())).copied()
    }

    fn note(&mut self, url: &str, chain: TextChain) {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(xxh3_64(url.as_bytes()), chain);
    }
}

/// A page whose links are read.
struct LinkedPage<'a> {
    url: &'a Url,
    /// The same, for the seeds of its links.
    shared: Arc<str>,
    seed: &'a Seed,
    /// Why no links to pages are followed.
    closed: Option<LinkRefusal<'static>>,
    is_style: bool,
    /// How many of its links are followed.
    followed: usize,
}

impl Crawl {
    /// Reads the links of a fetched document. New URLs in scope wait from now on.
    ///
    /// # Errors
    /// The queue cannot be written.
    pub(in crate::engine) fn found(&mut self, outcome: &Outcome) -> Result<(), QueueError> {
        let (Subject::Job(_) | Subject::Seed(_), Some(seed)) = (&outcome.subject, outcome.subject.seed()) else {
            return Ok(());
        };
        let facts = &*outcome.facts;
        self.scope_moved(seed, facts);
        let has_failed = matches!(outcome.verdict, Verdict::HttpError | Verdict::Failed(_));
        let known = seed.known.as_ref().filter(|_| has_failed);
        let earlier = known.and_then(|known| known.links.as_deref());
        let Some(links) = facts.found.links.as_deref().or(earlier) else {
            // An answer without a body has no links either.
            let is_known = matches!(outcome.verdict, Verdict::Skipped(_));
            return if is_known { self.redirected_before(seed, facts) } else { Ok(()) };
        };
        let url = facts.final_url.as_ref().unwrap_or(&seed.url);
        if facts.final_url.is_some() {
            // Known already, unless an earlier run went this way.
            self.seen.insert(&self.rules.canonical.key(url));
        }
        if links.more {
            self.leave_out(url, &unread_links(), seed.via.parent());
        }
        if seed.kind == Kind::Sitemap {
            return self.sitemap_entries(seed, url, links);
        }
        let mut page = LinkedPage {
            url,
            shared: url.as_str().into(),
            seed,
            closed: self.closes(seed, url, links),
            is_style: is_css(facts.content_type.as_deref()),
            followed: 0,
        };
        let is_page = seed.kind == Kind::Page || self.is_page_too(seed, url, facts);
        for (number, link) in links.links.iter().enumerate() {
            self.link(&mut page, is_page, number, link)?;
        }
        Ok(())
    }

    /// Widens the scope as the redirect of a start page did in an earlier run, which is not followed again.
    fn scope_moved(&mut self, seed: &Seed, facts: &Facts) {
        if matches!(seed.via, Via::Start(_)) && seed.kind == Kind::Page {
            let hops = facts.redirects.iter().filter_map(|hop| Url::parse(&hop.url).ok());
            for to in hops.chain(facts.final_url.clone()) {
                // The first run has told it.
                let _ = self.rules.scope.start_redirected(&seed.url, &to);
            }
        }
    }

    /// Counts a document that was fetched or is known.
    pub(in crate::engine) fn count(&mut self, seed: &Seed) {
        let counts = &mut self.counts;
        match seed.kind {
            Kind::Page => {
                let depth = seed.depth.min(DEEPEST) as usize;
                if counts.pages.len() <= depth {
                    counts.pages.resize(depth + 1, 0);
                }
                counts.pages[depth] += 1;
            }
            Kind::Requisite => counts.requisites += 1,
            Kind::Sitemap => counts.sitemaps += 1,
            Kind::Robots | Kind::Check => {}
        }
    }

    /// Draws up the account of the crawl.
    pub(in crate::engine) fn summary(&self) -> CrawlSummary {
        let LinkCounts { found, new, left_out, traps, pages, requisites, sitemaps } = self.counts.clone();
        let outside = [SkipReason::Scope, SkipReason::Type].iter().filter_map(|reason| left_out.get(reason));
        CrawlSummary {
            pages_by_depth: pages,
            requisites,
            sitemaps,
            hosts: self.hosts.len() as u64,
            robots_files: self.robots.asked,
            robots_unread: self.robots.unread(self.rules.checks),
            links_seen: found,
            links_in_scope: found - outside.sum::<u64>(),
            links_new: new,
            left_out,
            traps,
            queue_left: self.waiting.len() as u64,
        }
    }

    /// An earlier run did not follow the redirect of this URL. Its target counts as a link of the URL's own page.
    fn redirected_before(&mut self, seed: &Seed, facts: &Facts) -> Result<(), QueueError> {
        let Some(target) = &facts.final_url else { return Ok(()) };
        let key = self.rules.canonical.key(target);
        if self.rules.scope.judge(target, &key, seed.kind).is_err() || !self.seen.insert(&key) {
            return Ok(());
        }
        let target = Seed { depth: seed.depth, kind: seed.kind, ..Seed::new(target.clone(), seed.via.clone()) };
        self.add(target, Fingerprint::of(&key))
    }

    /// Whether a requisite is a page of the crawl. Its links are followed, because a link to it is no new URL.
    fn is_page_too(&self, seed: &Seed, url: &Url, facts: &Facts) -> bool {
        is_html(facts.content_type.as_deref()) && seed.kind == Kind::Requisite && {
            let key = self.rules.canonical.key(url);
            self.rules.scope.judge(url, &key, Kind::Page).is_ok()
        }
    }

    /// Why no links of this page to pages are followed.
    fn closes(&mut self, seed: &Seed, url: &Url, links: &PageLinks) -> Option<LinkRefusal<'static>> {
        let mut closed = None;
        if let Some(traps) = &mut self.traps {
            let parent = seed.via.parent();
            let parent_chain = parent.and_then(|parent| self.chains.of(parent));
            let parent = parent.and_then(|parent| Url::parse(parent).ok());
            let text = links.text;
            let page = FetchedPage { url: &seed.url, parent: parent.as_ref(), parent_chain, text };
            let (chain, stop) = traps.page(&page);
            self.chains.note(url.as_str(), chain);
            closed = stop;
        }
        if links.nofollow && !self.rules.ignore_nofollow {
            closed = Some(LinkRefusal::new(SkipReason::Nofollow, "robots directive of the page"));
        }
        closed
    }

    fn link(
        &mut self,
        page: &mut LinkedPage<'_>,
        is_page: bool,
        number: usize,
        link: Link<'_>,
    ) -> Result<(), QueueError> {
        let kind = match link.kind {
            LinkKind::Page | LinkKind::Frame | LinkKind::Form | LinkKind::Hint => Kind::Page,
            LinkKind::Requisite => Kind::Requisite,
            LinkKind::Sitemap => return Ok(()),
        };
        let is_wanted = match kind {
            Kind::Page => is_page && self.rules.page_links,
            // One hop, and further from style sheets.
            _ => self.rules.requisites && (is_page || page.is_style),
        };
        if !is_wanted {
            return Ok(());
        }
        self.counts.found += 1;
        if self.is_seen(link) {
            return Ok(());
        }
        let Some(url) = without_user(link) else { return Ok(()) };
        let key = self.rules.canonical.key(&url);
        let print = Fingerprint::of(&key);
        if self.seen.contains_fingerprint(print) {
            return Ok(());
        }
        let depth = page.seed.depth + 1;
        let refusal = self.refused(page, kind, link, (&url, &key));
        let skipped = if refusal.is_none() { self.skipped(link, &url, page.url, depth) } else { None };
        if refusal.as_ref().is_some_and(|refusal| self.checks(refusal, &key)) {
            return self.check(page, number, &url, &key);
        }
        if let Some(refusal) = refusal.or(skipped) {
            self.leave_out(&url, &refusal, Some(&page.shared));
            return Ok(());
        }
        self.seen.insert_fingerprint(print);
        self.counts.new += 1;
        page.followed += 1;
        if self.rules.depth.is_some() && depth > self.level {
            self.next_level.insert_fingerprint(print);
        }
        let via = Via::Link(SourcePos { list: page.shared.clone(), line: number as u64 + 1 });
        self.add(Seed { depth, kind, ..Seed::new(url, via) }, print)
    }

    /// Whether a link that is not followed is checked. One that the user excludes is not, and no link into a trap.
    fn checks(&self, refusal: &LinkRefusal<'_>, key: &str) -> bool {
        self.rules.checks && refusal.reason != SkipReason::Trap && !self.rules.scope.excludes(key)
    }

    /// Checks a link that is not followed, once. Another link may still make its URL a page of the crawl.
    fn check(&mut self, page: &LinkedPage<'_>, number: usize, url: &Url, key: &str) -> Result<(), QueueError> {
        let print = Fingerprint::of(&format!("check\0{key}"));
        if !self.seen.insert_fingerprint(print) {
            return Ok(());
        }
        self.counts.new += 1;
        let via = Via::Link(SourcePos { list: page.shared.clone(), line: number as u64 + 1 });
        self.add(Seed { depth: page.seed.depth + 1, kind: Kind::Check, ..Seed::new(url.clone(), via) }, print)
    }

    /// Whether a link leads to a URL that was seen. Almost all do, so it is not parsed.
    fn is_seen(&self, link: Link<'_>) -> bool {
        !link.has_user() && self.rules.canonical.key_of(link.url).is_some_and(|key| self.seen.contains(&key))
    }

    /// The caller's refusal of a link that the rules allow.
    fn skipped(&mut self, link: Link<'_>, url: &Url, parent: &Url, depth: u32) -> Option<LinkRefusal<'static>> {
        let on_link = self.rules.on_link.as_mut()?;
        let found = FoundLink { url, kind: link.kind, nofollow: link.nofollow, parent, depth };
        (on_link(&found) == LinkChoice::Skip).then(|| LinkRefusal::new(SkipReason::Scope, "on_link"))
    }

    /// The rule by which a link is not followed.
    fn refused(
        &self,
        page: &LinkedPage<'_>,
        kind: Kind,
        link: Link<'_>,
        (url, key): (&Url, &str),
    ) -> Option<LinkRefusal<'static>> {
        if let Err(refusal) = self.rules.scope.judge(url, key, kind) {
            return Some(owned(refusal));
        }
        if kind == Kind::Page {
            if let Some(closed) = &page.closed {
                return Some(closed.clone());
            }
            if link.nofollow && !self.rules.ignore_nofollow {
                return Some(LinkRefusal::new(SkipReason::Nofollow, "rel=nofollow"));
            }
            if let Some(most) = self.rules.depth.filter(|most| page.seed.depth >= *most) {
                return Some(LinkRefusal::new(SkipReason::Depth, format!("depth {most}")));
            }
        }
        self.traps.as_ref()?.link(url, page.url, page.followed).err()
    }

    fn sitemap_entries(&mut self, seed: &Seed, sitemap: &Url, links: &PageLinks) -> Result<(), QueueError> {
        let shared: Arc<str> = sitemap.as_str().into();
        for (number, link) in links.links.iter().enumerate() {
            self.counts.found += 1;
            let Some(url) = without_user(link) else { continue };
            let via = Via::Sitemap(SourcePos { list: shared.clone(), line: number as u64 + 1 });
            if link.kind == LinkKind::Sitemap {
                if seed.depth >= SITEMAP_DEPTH {
                    self.leave_out(&url, &LinkRefusal::new(SkipReason::Depth, "index of sitemaps"), Some(&shared));
                } else if self.is_new_sitemap(&url) {
                    let depth = seed.depth + 1;
                    let key = Fingerprint::of(&sitemap_key(&self.rules.canonical.key(&url)));
                    self.add(Seed { depth, kind: Kind::Sitemap, ..Seed::new(url, via) }, key)?;
                }
                continue;
            }
            if let Some(refusal) = self.entry_refused(link, &url, sitemap) {
                self.leave_out(&url, &refusal, Some(&shared));
                continue;
            }
            let print = Fingerprint::of(&self.rules.canonical.key(&url));
            if self.seen.contains_fingerprint(print) {
                continue;
            }
            if let Some(refusal) = self.skipped(link, &url, sitemap, 1) {
                self.leave_out(&url, &refusal, Some(&shared));
                continue;
            }
            self.seen.insert_fingerprint(print);
            self.counts.new += 1;
            self.add(Seed { depth: 1, ..Seed::new(url, via) }, print)?;
        }
        Ok(())
    }

    /// Why an entry of a sitemap is not fetched.
    fn entry_refused(&self, link: Link<'_>, url: &Url, sitemap: &Url) -> Option<LinkRefusal<'static>> {
        let key = self.rules.canonical.key(url);
        if let Err(refusal) = self.rules.scope.judge(url, &key, Kind::Page) {
            return Some(owned(refusal));
        }
        if let Some((since, _)) = self.rules.since.zip(link.modified).filter(|(since, modified)| modified < since) {
            return Some(LinkRefusal::new(SkipReason::Scope, format!("since {since}")));
        }
        if self.rules.depth == Some(0) {
            return Some(LinkRefusal::new(SkipReason::Depth, "depth 0"));
        }
        self.traps.as_ref()?.link(url, sitemap, 0).err()
    }

    /// Counts a link that is not followed, and keeps it for the sinks that want it.
    pub(in crate::engine) fn leave_out(&mut self, url: &Url, refusal: &LinkRefusal<'_>, parent: Option<&Arc<str>>) {
        *self.counts.left_out.entry(refusal.reason).or_default() += 1;
        if refusal.reason == SkipReason::Trap {
            self.counts.trap(url, &refusal.rule);
        }
        if let Some(left_out) = &mut self.left_out {
            left_out.push(LeftOut {
                url: url.as_str().to_owned(),
                reason: refusal.reason,
                rule: Some(refusal.rule.as_ref().into()),
                parent: parent.cloned(),
            });
        }
    }
}

/// The refusal of links that extraction did not read.
fn unread_links() -> LinkRefusal<'static> {
    LinkRefusal::new(SkipReason::Trap, "unread_links: the document has more links, or longer ones, than are read")
}

fn owned(refusal: LinkRefusal<'_>) -> LinkRefusal<'static> {
    LinkRefusal::new(refusal.reason, refusal.rule.into_owned())
}

/// The URL of a link without user name and password, which a page must not choose.
fn without_user(link: Link<'_>) -> Option<Url> {
    let mut url = Url::parse(link.url).ok()?;
    if link.has_user() {
        // Err: a URL without a host, which has no user either.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
    }
    Some(url)
}
